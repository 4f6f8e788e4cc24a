from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent_files import run_folder, work_folder
from hilrig.core.errors import RigLostError, UsageError
from hilrig.rig.agent.arguments import count_of, objects_of, run_of, work_folder_of
from hilrig.rig.agent.layout import WorkFolder, safe_relative, safe_run_id, safe_sha256

pytestmark = pytest.mark.waiting

CLIMBING = [
    "",
    ".",
    "..",
    "/etc/passwd",
    "../x",
    "a/../x",
    "a/..",
    "a//b",
    "a/",
    "./a",
    "a/./b",
    "a\\b",
    "..\\x",
    "a\nb",
    "a\0b",
    "a\x1b[2J",
    "a\x7f",
    "a\x9bm",
    "\udcff",
    "x" * 256,
    "ä" * 128,
    "/".join(["x" * 200] * 6),
    None,
    7,
    ["a"],
    b"a",
]


@pytest.mark.parametrize("path", CLIMBING)
def test_a_path_that_leaves_its_folder_or_a_terminal_in_order_is_refused(path):
    """Nothing that climbs, is absolute, hides or cannot be a name comes through."""
    with pytest.raises(UsageError, match="expected a path inside a folder"):
        safe_relative(path)


@pytest.mark.parametrize(
    "path", ["a", "model.onnx", "feed/frame 1.png", "..a", "a..", "...", "Prüfstand/ä.yaml", ".x"]
)
def test_plain_names_are_taken_as_they_are(path):
    """Spaces, dots within a name and other scripts are no reason to refuse a profile."""
    assert safe_relative(path) == path


@given(st.text(alphabet=st.sampled_from("ab./\\\0\n~é\udc80 "), max_size=12) | st.text(max_size=40))
@example("a/../../b")
def test_what_comes_through_stays_inside(text):
    """Whatever is accepted names something below its folder, and is a name that the kernel takes."""
    try:
        path = safe_relative(text)
    except UsageError:
        return
    assert "\0" not in path
    whole = Path("/srv/profile") / path
    assert whole.resolve(strict=False).is_relative_to("/srv/profile")
    assert str(whole) == f"/srv/profile/{path}"
    assert path.encode().decode() == path


@pytest.mark.parametrize("run_id", ["", ".", "..", ".a", "a/b", "a-b", "a b", "-a", "a\n", "ä", "x" * 101])
def test_a_run_id_that_is_no_name_is_refused(run_id):
    """A run id becomes a folder and a unit: no hyphen, slash, space or line end."""
    with pytest.raises(UsageError, match="a run id should match"):
        safe_run_id(run_id)


@pytest.mark.parametrize("digest", ["", "a" * 63, "A" * 64, "g" * 64, "a" * 64 + "\n", "../" + "a" * 61, None, 5])
def test_only_64_lower_case_hex_digits_are_a_digest(digest):
    """A digest becomes a file's name."""
    with pytest.raises(UsageError, match="64 hex digits"):
        safe_sha256(digest)


def test_everything_lies_where_the_protocol_says():
    """The paths are an interface: clients, keepers and people look there."""
    work = WorkFolder(Path("/w"))
    run = work.run("1f2e")
    found = {
        str(path) for path in (work.lease, work.lease_lock, work.home, work.blob("a" * 64), work.part("b" * 64))
    }
    assert found == {
        "/w/lease.json",
        "/w/lease.lock",
        "/w/home",
        f"/w/blobs/{'a' * 64}",
        f"/w/blobs/{'b' * 64}.part",
    }
    paths = [
        run.job,
        run.profile,
        run.rig_file,
        run.reports,
        run.events,
        run.keeper,
        run.followed,
        run.stop,
        run.log,
    ]
    paths += [run.cancel, run.revoke, run.manifest]
    names = [
        "job.json",
        "profile",
        "rig.yaml",
        "reports",
        "events.jsonl",
        "keeper.json",
        "followed",
        "stop.json",
        "log",
    ]
    names += ["cancel.json", "revoke.json", "manifest.json"]
    assert [str(path) for path in paths] == [f"/w/runs/1f2e/{name}" for name in names]


@pytest.mark.parametrize("folder", ["", "work", "../work", None, 3])
def test_a_work_folder_is_absolute(folder):
    """Relative to what would differ between two calls."""
    with pytest.raises(UsageError):
        work_folder_of({"work_folder": folder})


def test_a_work_folder_or_run_that_is_gone_is_a_lost_rig(tmp_path):
    """Somebody removed it under a client: that is told as such."""
    with pytest.raises(RigLostError, match="is not there"):
        work_folder_of({"work_folder": str(tmp_path / "gone")})
    with pytest.raises(RigLostError, match="run 1f2e is not on this rig"):
        run_of({"work_folder": str(tmp_path), "run_id": "1f2e"})


def test_a_link_planted_as_a_run_is_no_run(tmp_path):
    """A run's folder that is a link would have its files written elsewhere."""
    work = work_folder(tmp_path / "work")
    run = run_folder(work, "real")
    (work.runs / "planted").symlink_to(run.path)
    assert run_of({"work_folder": str(work.path), "run_id": "real"}) == run
    with pytest.raises(RigLostError):
        run_of({"work_folder": str(work.path), "run_id": "planted"})


@pytest.mark.parametrize("value", [-1, 1.0, True, "3", None])
def test_a_size_is_a_whole_number(value):
    """Neither true nor 1.0 nor a text is a size."""
    with pytest.raises(UsageError, match="size should be a whole number"):
        count_of({"size": value}, "size")


@pytest.mark.parametrize("value", [None, {}, "x", [1], [{}, None]])
def test_a_list_of_files_holds_objects_only(value):
    """What is no list of objects is refused before anything is done."""
    with pytest.raises(UsageError, match="files should be a list of objects"):
        objects_of({"files": value}, "files")
