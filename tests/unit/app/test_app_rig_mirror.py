import json

import pytest

from hilrig.app.folders import make_reports_folder
from hilrig.app.rigs.mirror import Mirror, make_mirror
from hilrig.core.clock import SystemClock
from hilrig.core.errors import PreconditionError, RecordError, RigLostError
from hilrig.core.rig import RigSpec
from hilrig.record.heartbeat import heartbeat_of, read_status
from hilrig.record.remote import RemoteRun, read_remote

REMOTE = RemoteRun(
    rig=RigSpec(name="orin", transport="ssh", device_class="x", transport_options={"host": "h", "port": 22}),
    run_id="aace57b5",
    boot_id="b",
    profile_sha256="0" * 64,
)
NAME = "20261121T053312Z-weld-station-aace57b5"


@pytest.fixture
def mirror(tmp_path):
    """Return a new mirror."""
    made = make_mirror(tmp_path, NAME, REMOTE, clock=SystemClock())
    yield made
    made.close()


def test_a_mirror_says_where_its_run_is(mirror, tmp_path):
    """What `watch` needs to take it up again is on the disk from the first moment."""
    assert mirror.run_dir == tmp_path / NAME
    assert read_remote(mirror.run_dir) == REMOTE


@pytest.mark.parametrize(
    "name",
    [
        "../x-aace57b5",
        f"a/{NAME}",
        "",
        ".",
        NAME.replace("aace57b5", "other"),
        NAME + "\n",
        "x" * 300,
        f"{NAME}/..",
    ],
)
def test_a_rig_cannot_choose_another_directory(tmp_path, name):
    """The name that a rig says is a run directory's name and this run's, or nothing is made."""
    with pytest.raises(RigLostError):
        make_mirror(tmp_path, name, REMOTE, clock=SystemClock())
    assert list(tmp_path.iterdir()) == []


def test_a_status_that_the_run_did_not_renew_is_no_sign_of_life(mirror):
    """The rig answers, its run hangs: the age of the last sign of life grows here as there."""
    mirror.status({"phase": "measure", "heartbeat_ns": 1, "pid": 7, "boot_id": "other"})
    first = read_status(mirror.run_dir)
    mirror.status({"phase": "measure", "heartbeat_ns": 1, "pid": 7, "boot_id": "other"})
    again = read_status(mirror.run_dir)
    mirror.status({"phase": "measure", "heartbeat_ns": 2, "pid": 7, "boot_id": "other"})
    newer = read_status(mirror.run_dir)
    assert again == first
    assert newer["heartbeat_ns"] > first["heartbeat_ns"]


def test_a_mirror_shows_life_before_the_first_status_of_the_rig(mirror):
    """`hilrig watch` right after `--detach` finds a process, not a lost run."""
    mirror.touch()
    assert heartbeat_of(read_status(mirror.run_dir)).process_lives()


def test_warnings_of_the_link_stand_beside_those_of_the_run(mirror):
    """A view shows both, each once."""
    mirror.warnings = ("the link broke",)
    mirror.status({"phase": "measure", "heartbeat_ns": 1, "warnings": ["hot"]})
    mirror.touch()
    assert read_status(mirror.run_dir)["warnings"] == ["hot", "the link broke"]


def test_a_second_process_does_not_mirror_the_same_run(mirror):
    """Two who write one directory would show nonsense."""
    with pytest.raises(RecordError, match="still being written"):
        Mirror(mirror.run_dir, clock=SystemClock())


def test_events_begin_anew_when_a_run_is_taken_up(mirror):
    """They come again from the first one on: nothing is doubled."""
    mirror.event({"seq": 0, "kind": "run_created"})
    mirror.close()
    again = Mirror(mirror.run_dir, clock=SystemClock())
    again.event({"seq": 0, "kind": "run_created"})
    lines = (mirror.run_dir / "events.jsonl").read_text().splitlines()
    again.close()
    assert [json.loads(line)["seq"] for line in lines] == [0]


def test_a_reports_folder_that_cannot_be_made_is_refused_before_the_rig_is_asked(tmp_path):
    """A run of eight hours that cannot be kept is not begun."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PreconditionError, match="--reports|cannot be made"):
        make_reports_folder(tmp_path / "file" / "reports")
