from pathlib import Path

import pytest

from hilrig.config.rig_file import load_rig
from hilrig.core.errors import ConfigError
from hilrig.core.rig import RigSpec

RIGS = Path(__file__).parents[3] / "rigs"
RIG = "format: 1\nname: bench-3\ntransport: local\ndevice_class: x86-cpu\nlabels: {hall: '3'}\n"


def test_the_bundled_rig():
    """The rig that ships is the machine itself, of whatever class it is."""
    assert load_rig(RIGS / "local.yaml") == RigSpec(name="local", transport="local", device_class="auto")


def test_the_values_of_a_rig(tmp_path: Path):
    """Every key arrives in the noun."""
    (tmp_path / "rig.yaml").write_text(RIG)
    rig = load_rig(tmp_path / "rig.yaml")
    assert rig == RigSpec(name="bench-3", transport="local", device_class="x86-cpu", labels={"hall": "3"})


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("transport: local", "transport: ssh", (3, 12), "'transport': expected 'local', found the text 'ssh'"),
        ("transport: local", "transports: local", (3, 1), "unknown key 'transports' (did you mean 'transport'?)"),
        ("x86-cpu", "X86 CPU", (4, 15), "small letters"),
        ("'3'", "3", (5, 16), "'labels.hall': expected text, found 3 (put it in quotes)"),
        ("hall", "Hall", (5, 16), "small letters"),
        ("format: 1", "format: 2", (1, 9), "reads format 1, found 2"),
        ("bench-3", "bench-3\nname: b", (3, 1), "given twice"),
    ],
)
def test_each_mistake_in_a_rig_file(tmp_path: Path, old: str, new: str, place: tuple[int, int], words: str):
    """A rig file's mistakes are located and worded like a profile's."""
    (tmp_path / "rig.yaml").write_text(RIG.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load_rig(tmp_path / "rig.yaml")
    assert any((p.line, p.column) == place and words in str(p) for p in caught.value.problems)


def test_a_missing_rig_names_the_others(tmp_path: Path):
    """A mistyped rig is answered by the nearest one beside it, a folder by what is in it."""
    (tmp_path / "bench-3.yaml").write_text(RIG)
    with pytest.raises(ConfigError, match="no such rig file.*did you mean 'bench-3.yaml'"):
        load_rig(tmp_path / "bench3.yaml")
    with pytest.raises(ConfigError, match="known: bench-3.yaml"):
        load_rig(tmp_path)


def test_the_readme_names_every_key():
    """rigs/README.md describes each key that a rig file may hold."""
    readme = (RIGS / "README.md").read_text()
    assert all(f"| `{key}` |" in readme for key in ("format", "name", "transport", "device_class", "labels"))
