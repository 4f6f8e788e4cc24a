import re
from importlib.metadata import EntryPoint

import pytest

from hilrig.core.errors import PreconditionError
from hilrig.rig import software
from hilrig.rig.software import onnxruntime_distribution, package_versions


class Package:
    def __init__(self, name, version="1.0", groups=()):
        self._head = f"Name: {name}\nVersion: {version}\n" if name else f"Version: {version}\n"
        self.entry_points = [EntryPoint("any", "any:Thing", group) for group in groups]

    def read_text(self, name):
        return self._head if name == "METADATA" else None


def test_one_runtime_is_named():
    """With one distribution installed, its name is the answer, whichever it is."""
    assert onnxruntime_distribution(["numpy", "onnxruntime-gpu"]) == "onnxruntime-gpu"


def test_two_runtimes_are_refused_with_the_commands_to_mend_it():
    """Both names are in the message; the hint removes both before one is put back."""
    with pytest.raises(PreconditionError, match="found 2: onnxruntime, onnxruntime-gpu") as caught:
        onnxruntime_distribution(["onnxruntime-gpu", "onnxruntime"])
    assert re.match(r"pip uninstall -y onnxruntime onnxruntime-gpu, then pip install", caught.value.hint)


def test_no_runtime_is_refused_with_the_extra_to_install():
    """Without a runtime the hint names hilrig's extras."""
    with pytest.raises(PreconditionError, match="found none") as caught:
        onnxruntime_distribution(["numpy", "onnx"])
    assert "pip install 'hilrig[cpu]'" in caught.value.hint


@pytest.mark.parametrize("neighbour", ["onnxruntime-extensions", "onnxruntime-genai", "onnxruntime-tools", "onnx"])
def test_neighbours_with_modules_of_their_own_are_no_conflict(neighbour):
    """Only distributions that own the module `onnxruntime` exclude each other."""
    assert onnxruntime_distribution(["onnxruntime", neighbour]) == "onnxruntime"


@pytest.mark.parametrize(
    "other", ["onnxruntime-directml", "onnxruntime-openvino", "onnxruntime-training", "ort-nightly-gpu"]
)
def test_every_build_of_the_runtime_counts(other):
    """Vendor and nightly builds own the same module."""
    with pytest.raises(PreconditionError, match="found 2"):
        onnxruntime_distribution(["onnxruntime", other])


def test_what_is_installed_here_is_asked(monkeypatch):
    """Without names the installed packages count, however their names are written, nameless remains aside."""
    packages = [Package("ONNXRuntime_GPU", "1.2"), Package(None), Package("NumPy", "2.0"), Package("pip")]
    monkeypatch.setattr(software, "distributions", lambda: iter(packages))
    assert package_versions() == {"numpy": "2.0", "onnxruntime-gpu": "1.2"}
    assert onnxruntime_distribution() == "onnxruntime-gpu"


def test_a_package_with_a_plug_in_is_named(monkeypatch):
    """A plug-in may change what a model does: its package counts as NumPy does; other entry points do not."""
    packages = [Package("acme", "3", groups=["hilrig.backends"]), Package("tool", groups=["console_scripts"])]
    monkeypatch.setattr(software, "distributions", lambda: iter(packages))
    assert package_versions() == {"acme": "3"}
