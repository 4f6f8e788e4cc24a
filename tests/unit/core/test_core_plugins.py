"""hilrig.core.plugins: what installed packages bring; one clear error for each thing that is wrong with one."""

import importlib
import re

import pytest

from hilrig.core import registry
from hilrig.core.errors import UsageError

WHOLE = """\
class Feed:
    def describe(self):
        pass
    def fill(self, index, pixels):
        pass
    def close(self):
        pass
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return what installs a package with one feed: its metadata as an installer writes it, its one module."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def installed(name="acme", *, source=WHOLE, point="ours", value="{module}:Feed", group="hilrig.feeds"):
        module = f"{name}_{tmp_path.name.replace('-', '_')}"  # a name that no earlier test imported
        info = tmp_path / f"{name}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{point} = {value.format(module=module)}\n")
        (tmp_path / f"{module}.py").write_text(source)
        importlib.invalidate_caches()

    return installed


def refused(name: str, kind: registry.Kind = "feeds") -> UsageError:
    with pytest.raises(UsageError) as caught:
        registry.load(kind, name)
    return caught.value


def test_a_plug_in_is_listed_and_loaded(install):
    """Its name stands among the others, and gives its class."""
    install()
    assert "ours" in registry.known("feeds")
    assert registry.load("feeds", "ours").__name__ == "Feed"


def test_another_kind_does_not_see_it(install):
    """A name belongs to its group."""
    install()
    assert "ours" not in registry.known("backends")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise OSError('no camera')", "can't be loaded from .*: OSError: no camera"),
        ("def half(:", "can't be loaded from .*: SyntaxError: "),
        ("from os import gone", "can't be loaded from .*: ImportError: cannot import name 'gone'"),
        ("", "can't be loaded from .*: AttributeError: .*Feed"),
        ("import acme_camera.driver", "needs the module acme_camera, which is missing"),
        ("Feed = 7", "is no class: "),
        ("class Feed:\n    pass", "lacks close, describe, fill "),
        (WHOLE.replace("fill", "show"), "lacks fill "),
        (
            "from hilrig.core import ports\nclass Feed(ports.Feed):\n    def close(self): pass",
            "lacks describe, fill ",
        ),
        ("from hilrig import plugin\nclass Feed(plugin.Feed):\n    def describe(self): pass", "lacks fill "),
    ],
)
def test_what_is_wrong_is_said_with_the_packages_name(install, source, words):
    """Whatever happens while it is imported, or is missing from it: one error that says whose it is."""
    install(source=source)
    error = refused("ours")
    assert re.match(f"feed 'ours' of the package acme 1.2 {words}", error.message)
    assert error.hint


def test_a_name_that_is_built_in_cannot_be_taken(install):
    """Which of the two ran would be chance for a reader: nothing of this kind can be named until it is mended."""
    install(point="synthetic")
    with pytest.raises(
        UsageError, match="the package acme 1.2 takes the feed name 'synthetic', which hilrig itself"
    ):
        registry.known("feeds")
    assert "pip uninstall acme" in refused("ours").hint


def test_two_packages_cannot_have_one_name(install):
    """Neither is chosen; both are named."""
    install()
    install("beta")
    words = refused("ours").message
    assert "acme 1.2" in words
    assert "beta 1.2" in words


def test_a_built_in_name_is_loaded_without_a_look_at_packages(install):
    """A process of a run asks for built-in names only, and pays for no metadata; `hilrig check` looks."""
    install(point="synthetic")
    assert registry.load("feeds", "wedge").__name__ == "WedgeFeed"


@pytest.mark.parametrize("kind", registry.BUILT_IN)
def test_what_is_built_in_satisfies_its_port(kind):
    """Each built-in class has what is asked of a plug-in of its kind."""
    from hilrig.core.plugins import lacking

    port = registry.load_port(kind)
    for name in registry.BUILT_IN[kind]:
        assert list(lacking(registry.load(kind, name), port)) == []
