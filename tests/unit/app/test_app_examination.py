import pytest

from hilrig.app.machine import examination
from hilrig.app.machine.examination import Health, examine, examine_nvidia, examine_plugins


def write(root, path, content):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(content)


@pytest.fixture
def card(tmp_path):
    """Return a root with an NVIDIA card and its driver."""
    write(tmp_path, "sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n")
    write(tmp_path, "sys/bus/pci/devices/0000:01:00.0/class", "0x030000\n")
    write(
        tmp_path, "proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue\n"
    )
    return tmp_path


def found(root):
    return {item.name: item for item in examine_nvidia(root)}


def test_without_an_nvidia_gpu_nothing_is_said(tmp_path):
    """A machine that needs none of it is not told about it."""
    assert found(tmp_path) == {}


def test_a_card_without_a_driver_is_said(card):
    """The card is on the bus, but nothing runs it."""
    (card / "proc/driver/nvidia/version").unlink()
    assert found(card)["nvidia driver"].health is Health.LIMITED


def test_a_card_without_the_extra_is_said(card, monkeypatch):
    """Driver here, binding and GPU runtime missing: both are named with what to install."""
    monkeypatch.setattr(examination, "find_spec", lambda _: None)
    monkeypatch.setattr(examination, "onnxruntime_distribution", lambda: "onnxruntime")
    here = found(card)
    assert "550.54.15" in here["nvidia-ml-py"].found
    assert "nvidia-ml-py" in here["nvidia-ml-py"].remedy
    assert "pip uninstall -y onnxruntime" in here["gpu runtime"].remedy
    assert "hilrig[gpu]" in here["gpu runtime"].remedy


def test_a_card_with_the_extra_is_well(card, monkeypatch):
    """With binding and GPU runtime there is nothing to say."""
    monkeypatch.setattr(examination, "find_spec", lambda _: object())
    monkeypatch.setattr(examination, "onnxruntime_distribution", lambda: "onnxruntime-gpu")
    assert found(card) == {}


def test_a_jetson_is_sent_to_the_runtime_of_its_jetpack(tmp_path, monkeypatch):
    """The extra `gpu` is not for a Jetson: its runtime is built for its JetPack."""
    monkeypatch.setattr(examination, "onnxruntime_distribution", lambda: "onnxruntime")
    write(tmp_path, "sys/firmware/devicetree/base/compatible", "nvidia,p3767-0000\0nvidia,tegra234\0")
    assert "JetPack" in found(tmp_path)["gpu runtime"].remedy


def test_what_a_run_needs_is_examined_here(tmp_path):
    """Runtime, OpenCV, key, folder and priority: each has a remedy when it is not well."""
    items = {item.name: item for item in examine(reports=tmp_path / "r", keys_folder=tmp_path / "keys")}
    assert items["signing key"].health is Health.BROKEN
    assert items["signing key"].remedy == "hilrig keys new"
    assert items["reports folder"].health is not Health.BROKEN
    assert {"onnxruntime", "opencv", "real-time priority"} <= items.keys()
    assert all(item.remedy for item in items.values() if item.health is not Health.OK)


def test_every_plug_in_is_told_with_its_package(tmp_path, monkeypatch):
    """One that works, and one that does not with what to do about it."""
    points = "[hilrig.feeds]\nours = hilrig.feed.wedge:WedgeFeed\n[hilrig.backends]\ngone = acme_gone:Backend\n"
    write(tmp_path, "acme-1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.2\n")
    write(tmp_path, "acme-1.2.dist-info/entry_points.txt", points)
    monkeypatch.syspath_prepend(str(tmp_path))
    sound, broken = (item for item in examine_plugins() if "acme 1.2" in item.found)
    assert (sound.health, sound.found) == (Health.OK, "feed 'ours' of the package acme 1.2")
    assert broken.health is Health.BROKEN
    assert "backend 'gone' of the package acme 1.2 needs the module acme_gone" in broken.found
    assert broken.remedy


def test_a_taken_name_is_told(tmp_path, monkeypatch):
    """A package that takes a name of hilrig's is broken as a whole."""
    write(tmp_path, "acme-1.2.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.2\n")
    write(tmp_path, "acme-1.2.dist-info/entry_points.txt", "[hilrig.powers]\nnone = acme:Power\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (taken,) = (item for item in examine_plugins() if "acme 1.2" in item.found)
    assert taken.health is Health.BROKEN
    assert "takes the power name 'none'" in taken.found
