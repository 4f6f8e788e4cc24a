import socket
from pathlib import Path

import pytest

from hilrig.app.rigs.files import find_by_labels, find_rig, holder, read_rigs, rigs_folder
from hilrig.core.errors import ConfigError, UsageError

RIG = "format: 1\nname: {name}\ntransport: local\ndevice_class: x86-cpu\nlabels: {labels}\n"


def write(folder: Path, file: str, *, name: str, labels: str = "{}", more: str = "") -> Path:
    """Write a rig file and return its path."""
    path = folder / file
    path.write_text(RIG.format(name=name, labels=labels) + more)
    return path


@pytest.fixture
def rigs(tmp_path: Path) -> Path:
    """Return a folder with two good rigs and one with a mistake."""
    folder = tmp_path / "lab"
    folder.mkdir()
    write(folder, "bench.yaml", name="bench", labels="{board: orin, hall: '3'}")
    write(folder, "spare-orin.yml", name="spare", labels="{board: orin}", more="enabled: false\n")
    write(folder, "broken.yaml", name="old-ipc", more="speed: 3\n")
    (folder / "README.md").write_text("no rig")
    return folder


@pytest.mark.parametrize(("asked", "name"), [("bench", "bench"), ("spare", "spare"), ("spare-orin", "spare")])
def test_a_rig_is_found_by_its_name_or_its_files(rigs: Path, asked: str, name: str):
    """Either is what people have in mind; a broken file beside it is no obstacle."""
    rig, path = find_rig(asked, rigs)
    assert (rig.name, path.parent) == (name, rigs)


def test_a_path_needs_no_folder(rigs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With a slash or .yaml it is a path, also a Path object; a folder of rigs need not be there."""
    assert find_rig(rigs / "bench.yaml", tmp_path / "none")[0].name == "bench"
    monkeypatch.chdir(rigs)
    assert find_rig("bench.yaml", tmp_path / "none")[0].name == "bench"
    with pytest.raises(ConfigError, match="no such rig file.*did you mean 'bench.yaml'"):
        find_rig("bensh.yaml", rigs)


def test_a_stray_file_hides_no_rig(rigs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The current folder does not decide what a name means; a file without a suffix is taken last."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "bench", name="another")
    assert find_rig("bench", rigs)[0].name == "bench"
    write(tmp_path, "plain", name="another")
    assert find_rig("plain", rigs)[0].name == "another"


def test_an_unknown_rig_names_the_known_ones(rigs: Path, tmp_path: Path):
    """The nearest one, or all, or that there are none."""
    for asked, hint in (("benhc", "did you mean 'bench'?"), ("zzz", "known: bench, old-ipc, spare")):
        with pytest.raises(UsageError, match=f"there is no rig '{asked}' in") as caught:
            find_rig(asked, rigs)
        assert caught.value.hint == hint
    with pytest.raises(UsageError) as caught:
        find_rig("bench", tmp_path / "none")
    assert "--rigs DIR" in caught.value.hint


def test_a_rig_with_mistakes_is_found_and_refused(rigs: Path):
    """By the name it states: its mistakes are what the person needs to see."""
    with pytest.raises(ConfigError, match="unknown key 'speed'"):
        find_rig("old-ipc", rigs)


@pytest.mark.parametrize("asked", ["bench", "copy"])
def test_one_name_in_two_files_is_refused(rigs: Path, asked: str):
    """Nobody guesses which rig was meant, also when the file's own name is asked for."""
    write(rigs, "copy.yaml", name="bench")
    with pytest.raises(ConfigError) as caught:
        find_rig(asked, rigs)
    assert {Path(problem.file).name for problem in caught.value.problems} == {"bench.yaml", "copy.yaml"}
    assert find_rig("spare", rigs)[0].name == "spare"


def test_a_file_named_like_another_rig_is_refused(rigs: Path):
    """A name leads to one file, whether it is the rig's or the file's."""
    write(rigs, "spare.yaml", name="third")
    with pytest.raises(ConfigError, match="the name 'spare' leads here and to"):
        find_rig("spare", rigs)


def test_labels_must_all_match(rigs: Path):
    """A rig out of service is among them: whoever asks says why it was not taken."""
    assert [rig.name for rig, _ in find_by_labels({"board": "orin"}, rigs)] == ["bench", "spare"]
    assert [rig.name for rig, _ in find_by_labels({"board": "orin", "hall": "3"}, rigs)] == ["bench"]


def test_labels_that_nobody_has(rigs: Path):
    """The labels there are shown, and the files that could not be asked."""
    with pytest.raises(UsageError, match=r"label\(s\) board=xavier; could not be read: broken.yaml") as caught:
        find_by_labels({"board": "xavier"}, rigs)
    assert caught.value.hint == "labels there: board=orin, hall=3"


def test_all_rigs_of_a_folder(rigs: Path):
    """Sorted by name, each with its rig or its mistakes; what is no rig file is left alone."""
    write(rigs, "copy.yaml", name="bench")
    (rigs / "empty.yaml").touch()
    files = read_rigs(rigs)
    assert [(file.name, file.rig is not None) for file in files] == [
        ("bench", False),
        ("bench", False),
        ("empty", False),
        ("old-ipc", False),
        ("spare", True),
    ]
    assert all((file.rig is None) == (file.mistakes is not None) for file in files)
    with pytest.raises(UsageError, match="no folder of rig files"):
        read_rigs(rigs / "none")


def test_which_folder(monkeypatch: pytest.MonkeyPatch):
    """The option before the variable before `rigs`; an empty variable is none."""
    monkeypatch.delenv("HILRIG_RIGS", raising=False)
    assert rigs_folder(None) == Path("rigs")
    monkeypatch.setenv("HILRIG_RIGS", "/lab")
    assert (rigs_folder(None), rigs_folder(Path("x"))) == (Path("/lab"), Path("x"))
    monkeypatch.setenv("HILRIG_RIGS", "")
    assert rigs_folder(None) == Path("rigs")


def test_who_asks(monkeypatch: pytest.MonkeyPatch):
    """User and host, or what a CI job says; a user without a name is a number."""
    monkeypatch.delenv("HILRIG_HOLDER", raising=False)
    monkeypatch.setenv("LOGNAME", "ada")
    assert holder() == f"ada@{socket.gethostname()}"
    monkeypatch.setenv("HILRIG_HOLDER", " ci-4711@runner ")
    assert holder() == "ci-4711@runner"


def test_a_holder_is_one_short_line(monkeypatch: pytest.MonkeyPatch):
    """It is printed on other people's terminals."""
    monkeypatch.setenv("HILRIG_HOLDER", "a\nb\x1b[31m")
    assert holder() == "a b [31m"
    monkeypatch.setenv("HILRIG_HOLDER", "x" * 129)
    with pytest.raises(UsageError, match="HILRIG_HOLDER has 129 characters, at most 128 fit"):
        holder()


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch):
    """Containers run under numbers that no name belongs to."""
    monkeypatch.delenv("HILRIG_HOLDER", raising=False)

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert holder().startswith("uid-")


def test_the_bundled_rig_files():
    """All are sound with the transports and powers as they are; the examples are out of service."""
    files = {file.name: file.rig for file in read_rigs(Path(__file__).parents[3] / "rigs")}
    assert {name: rig and bool(rig.disabled) for name, rig in files.items()} == {
        "bench-ssh": True,
        "lab-orin": True,
        "local": False,
    }
