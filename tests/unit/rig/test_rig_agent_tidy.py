import json
import os
import time
from dataclasses import asdict

import pytest

from agent_files import asked, missing, names, run_folder, sha256_of, upload, work_folder
from hilrig.core.errors import RigBusyError, RigLostError, UsageError
from hilrig.core.rig import RigLeaseRecord
from hilrig.rig.agent.keeper_file import Process, boot_id, this_process, write_keeper
from hilrig.rig.agent.tidy import fetched, tidy

pytestmark = pytest.mark.waiting

DAY_S = 24 * 3600
OLD = b"old" * 100_000
NEW = b"new" * 100_000
DEAD = Process(pid=1, start_ticks=0, boot_id="0" * 36)


@pytest.fixture
def work(tmp_path):
    return work_folder(tmp_path / "work")


def aged(path, seconds):
    """Make a file or folder look unused for that long; a folder with what is in it."""
    for inner in path.rglob("*") if path.is_dir() else ():
        os.utime(inner, (time.time() - seconds,) * 2, follow_symlinks=False)
    os.utime(path, (time.time() - seconds,) * 2, follow_symlinks=False)


def run_of_age(work, run_id, seconds, keeper=DEAD):
    run = run_folder(work, run_id)
    run.events.write_text("{}\n")
    (run.reports / "20261121-x").mkdir(parents=True)
    if keeper:
        write_keeper(run, keeper)
    aged(run.path, seconds)
    return run


def tidied(work, *, keep_runs_s=DAY_S, keep_blobs_mib=0):
    return asked(tidy, work, keep_runs_s=keep_runs_s, keep_blobs_mib=keep_blobs_mib)[-1]


def lease_for(run_id="", seconds=60):
    expires_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + seconds * 10**9
    lease = RigLeaseRecord(
        holder="ann@lab",
        run_id=run_id,
        note="",
        boot_id=boot_id(),
        since_utc="2026-11-21T05:33:12Z",
        expires_boottime_ns=expires_ns,
    )
    return json.dumps(asdict(lease))


def test_a_fetched_run_is_removed_with_its_lease(work):
    """Its folder, read-only files in it too, and the lease that nobody keeps any more."""
    run = run_of_age(work, "1f2e", 0)
    run.profile.mkdir()
    (run.profile / "model").write_text("x")
    (run.profile / "model").chmod(0o444)
    work.lease.write_text(lease_for("1f2e"))
    assert asked(fetched, work, run_id="1f2e") == [{"removed": "1f2e"}]
    assert names(work.runs) == []
    assert not work.lease.exists()
    with pytest.raises(RigLostError):
        asked(fetched, work, run_id="1f2e")


def test_a_run_that_goes_on_is_not_removed(work):
    """A client that is wrong about its end loses nothing."""
    run = run_of_age(work, "1f2e", 0, keeper=this_process())
    with pytest.raises(RigBusyError, match="run 1f2e still goes on"):
        asked(fetched, work, run_id="1f2e")
    assert run.events.exists()


def test_only_the_folder_of_that_run_is_removed(work, tmp_path):
    """A link in it is removed as a link, and an id that climbs is refused."""
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious/file").write_text("x")
    run = run_of_age(work, "1f2e", 0)
    (run.reports / "link").symlink_to(tmp_path / "precious")
    run_of_age(work, "other", 0)
    with pytest.raises(UsageError):
        asked(fetched, work, run_id="../..")
    asked(fetched, work, run_id="1f2e")
    assert (tmp_path / "precious/file").read_text() == "x"
    assert names(work.runs) == ["other"]


def test_old_runs_go_and_young_ones_stay(work):
    """By the last sign of life, not by the day they began."""
    run_of_age(work, "old", 2 * DAY_S)
    run_of_age(work, "young", DAY_S - 100)
    followed = run_of_age(work, "followed", 2 * DAY_S)
    followed.followed.write_text("")
    assert tidied(work)["runs"] == ["old"]
    assert names(work.runs) == ["followed", "young"]


def test_a_run_whose_keeper_lives_is_never_touched(work):
    """However old its files are: a keeper that hangs is somebody's evidence."""
    run_of_age(work, "alive", 400 * DAY_S, keeper=this_process())
    assert tidied(work, keep_runs_s=0)["runs"] == []
    assert names(work.runs) == ["alive"]


def test_a_run_that_is_just_being_made_is_not_touched(work):
    """Its folder is there before its keeper has written its name."""
    run_of_age(work, "making", 60, keeper=None)
    run_of_age(work, "given.up", 2 * 3600, keeper=None)
    assert tidied(work, keep_runs_s=0)["runs"] == ["given.up"]


def test_a_removal_that_was_interrupted_is_finished(work):
    """A half removed run is no run for anybody, and the next tidying removes the rest."""
    (work.runs / ".gone-1f2e").mkdir(parents=True)
    (work.runs / ".gone-1f2e" / "x").write_text("x")
    assert tidied(work)["runs"] == []
    assert names(work.runs) == []


def test_what_does_not_belong_there_is_left_alone(work, tmp_path):
    """Links in runs/ and blobs/ lead elsewhere: what they name stays."""
    target = tmp_path / "elsewhere"
    target.mkdir()
    (target / "file").write_text("x")
    aged(target, 400 * DAY_S)
    work.runs.mkdir()
    (work.runs / "planted").symlink_to(target)
    work.blobs.mkdir()
    (work.blobs / sha256_of(b"x")).symlink_to(target / "file")
    aged(work.blobs / sha256_of(b"x"), 2 * DAY_S)
    tidied(work)
    assert (target / "file").read_text() == "x"
    assert names(work.runs) == ["planted"]


def test_blobs_go_by_last_use_until_the_rest_fits(work):
    """The one that nobody used for longest goes first; none goes while all fit."""
    upload(work, OLD, NEW)
    aged(work.blob(sha256_of(OLD)), 3 * DAY_S)
    aged(work.blob(sha256_of(NEW)), 2 * DAY_S)
    assert tidied(work, keep_blobs_mib=1)["n_blobs"] == 0
    third = bytes(800_000)
    upload(work, third)
    aged(work.blob(sha256_of(third)), DAY_S)
    answer = tidied(work, keep_blobs_mib=1)
    assert (answer["n_blobs"], answer["freed_mib"]) == (2, 0.6)
    assert names(work.blobs) == [sha256_of(third)]


def test_a_blob_of_a_run_that_is_there_stays(work):
    """It has a second name in the run's profile: removing it would free nothing and cost an upload."""
    upload(work, OLD)
    run = run_of_age(work, "1f2e", 0)
    run.profile.mkdir()
    os.link(work.blob(sha256_of(OLD)), run.profile / "model")
    aged(work.blob(sha256_of(OLD)), 3 * DAY_S)
    assert tidied(work)["n_blobs"] == 0
    asked(fetched, work, run_id="1f2e")
    assert tidied(work)["n_blobs"] == 1


def test_an_upload_under_way_is_not_touched(work):
    """Blobs and halves of the last hour may belong to a run that is not placed yet."""
    upload(work, NEW)
    work.part(sha256_of(OLD)).write_bytes(OLD[:10])
    assert (tidied(work)["n_parts"], tidied(work)["n_blobs"]) == (0, 0)
    aged(work.part(sha256_of(OLD)), 2 * 3600)
    assert tidied(work)["n_parts"] == 1
    assert missing(work, NEW, OLD) == [{"sha256": sha256_of(OLD), "at": 0}]


def test_a_clock_that_began_in_1970_makes_nothing_old(work):
    """A board without a clock battery wrote these; then the network told it the time."""
    run = run_of_age(work, "1f2e", 0)
    upload(work, OLD)
    for path in (*run.path.rglob("*"), run.path, work.blob(sha256_of(OLD))):
        os.utime(path, (1000, 1000))
    answer = tidied(work)
    assert (answer["runs"], answer["n_blobs"]) == ([], 0)
    aged(run.path, 2 * DAY_S)
    assert tidied(work)["runs"] == ["1f2e"]


def test_a_dead_lease_goes_and_a_living_one_stays(work):
    """Past its time, or without its keeper; a damaged one is for a person to release."""
    work.lease.write_text(lease_for(seconds=60))
    assert tidied(work)["lease"] is None
    work.lease.write_text(lease_for(seconds=-1))
    assert tidied(work)["lease"] == "ann@lab"
    assert not work.lease.exists()
    work.lease.write_text(lease_for("nobody"))
    assert tidied(work)["lease"] == "ann@lab"
    work.lease.write_text("{")
    assert tidied(work)["lease"] is None
    assert work.lease.exists()


def test_old_wheels_go_unless_a_run_may_use_them(work):
    """Halves after an hour, whole ones after a week; none while any keeper lives."""
    for name, seconds in (("a" * 64, 8 * DAY_S), ("b" * 64, DAY_S), (".c.new", 2 * 3600), (".d.new", 60)):
        (work.wheels / name).mkdir(parents=True)
        aged(work.wheels / name, seconds)
    run = run_of_age(work, "alive", 0, keeper=this_process())
    assert tidied(work)["n_wheels"] == 0
    write_keeper(run, DEAD)
    assert tidied(work)["n_wheels"] == 2
    assert names(work.wheels) == [".d.new", "b" * 64]


def test_an_empty_work_folder_is_tidy(work):
    """Nothing there, nothing removed, no error."""
    assert tidied(work) == {"lease": None, "runs": [], "n_parts": 0, "n_blobs": 0, "n_wheels": 0, "freed_mib": 0.0}


@pytest.mark.parametrize("keep_s", [-1, None, "1", True, 1e300])
def test_how_long_to_keep_is_a_sensible_number(work, keep_s):
    """Nothing is removed on a number that cannot be meant."""
    run_of_age(work, "old", 400 * DAY_S)
    with pytest.raises(UsageError):
        tidied(work, keep_runs_s=keep_s)
    assert names(work.runs) == ["old"]
