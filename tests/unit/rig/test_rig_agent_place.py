import json
import os

import pytest

from agent_files import asked, missing, names, run_folder, sha256_of, upload, work_folder
from hilrig.core.errors import PreconditionError, RecordError, RigLostError, UsageError
from hilrig.rig.agent import place as place_module
from hilrig.rig.agent.place import place
from small_disks import mounted

pytestmark = pytest.mark.waiting

PROFILE = b"name: weld\n"
MODEL = b"onnx" * 1000
FILES = [
    {"path": "profile.yaml", "sha256": sha256_of(PROFILE)},
    {"path": "models/a b/model.onnx", "sha256": sha256_of(MODEL)},
]
JOB = {"argv": ["-m", "hilrig.app.soak.soak"], "env": {}, "tied": True}
TEXTS = {"rig.yaml": "name: bench\n"}


@pytest.fixture
def work(tmp_path):
    made = work_folder(tmp_path / "work")
    upload(made, PROFILE, MODEL)
    return made


@pytest.fixture
def run(work):
    return run_folder(work)


def placed(work, run, **changed):
    return asked(place, work, **{"run_id": run.run_id, "files": FILES, "texts": TEXTS, "job": JOB, **changed})


def test_everything_is_in_place_when_the_job_is(work, run):
    """The profile's files are the blobs themselves under other names, so a large model costs no room."""
    assert placed(work, run) == [{"placed": run.run_id}]
    assert (run.profile / "profile.yaml").read_bytes() == PROFILE
    assert (run.profile / "models/a b/model.onnx").samefile(work.blob(sha256_of(MODEL)))
    assert run.rig_file.read_text() == "name: bench\n"
    assert json.loads(run.job.read_text()) == JOB
    assert run.reports.is_dir()
    assert names(run.path) == ["job.json", "profile", "reports", "rig.yaml"]


def test_a_lost_answer_may_be_asked_for_again(work, run):
    """The same job again is done already, and what is in place is not touched; another job is refused."""
    placed(work, run)
    before = run.job.stat().st_ino
    assert placed(work, run) == [{"placed": run.run_id}]
    assert run.job.stat().st_ino == before
    with pytest.raises(RecordError, match="has another job already"):
        placed(work, run, job={**JOB, "tied": False})


@pytest.mark.parametrize("path", ["../job.json", "/etc/cron.d/x", "a/../../x", "a\\b", "", "models/", None])
def test_a_profile_path_that_climbs_places_nothing(work, run, path):
    """Not even the files that are in order: all or nothing."""
    with pytest.raises(UsageError):
        placed(work, run, files=[*FILES, {"path": path, "sha256": sha256_of(MODEL)}])
    assert names(run.path) == []


@pytest.mark.parametrize(
    "name", ["job.json", "keeper.json", "profile/x", "../x", "events.jsonl", "/x", "manifest.json", "", "."]
)
def test_a_text_never_takes_the_place_of_the_agents_own_files(work, run, name):
    """A client can't write a keeper's or a manifest's file by this way."""
    with pytest.raises(UsageError):
        placed(work, run, texts={name: "x"})
    assert names(run.path) == []


@pytest.mark.parametrize("changed", [{"job": None}, {"texts": []}, {"texts": {"rig.yaml": 5}}, {"files": {}}])
def test_arguments_that_cannot_be_meant_place_nothing(work, run, changed):
    """A job that is no object, a text that is no text."""
    with pytest.raises(UsageError):
        placed(work, run, **changed)
    assert names(run.path) == []


def test_two_files_with_one_path_are_refused(work, run):
    """Which one is meant is not guessed; a file that is also a folder is refused too."""
    with pytest.raises(UsageError, match="two files with one path"):
        placed(work, run, files=[*FILES, {"path": "profile.yaml", "sha256": sha256_of(MODEL)}])
    with pytest.raises(PreconditionError):
        placed(work, run, files=[*FILES, {"path": "profile.yaml/x", "sha256": sha256_of(MODEL)}])
    assert not run.job.exists()


def test_a_blob_that_is_not_there_is_asked_for_again(work, run):
    """It was tidied away since `have`: no job, and the message says what to do."""
    work.blob(sha256_of(MODEL)).unlink()
    with pytest.raises(RecordError, match=f"file {sha256_of(MODEL)[:12]} is not on the rig"):
        placed(work, run)
    assert names(run.path) == []


def test_a_link_planted_as_a_blob_is_not_placed(work, run, tmp_path):
    """Between `have` and `place` somebody put a link there."""
    (tmp_path / "secret").write_text("x")
    work.blob(sha256_of(MODEL)).unlink()
    work.blob(sha256_of(MODEL)).symlink_to(tmp_path / "secret")
    with pytest.raises(RecordError, match="is not on the rig"):
        placed(work, run)
    assert names(run.path) == []


def test_a_run_that_its_keeper_gave_up_is_lost(work):
    """The upload took longer than the lease: nothing is made for a keeper that is not there."""
    with pytest.raises(RigLostError, match="run 99 is not on this rig"):
        placed(work, work.run("99"))
    assert not work.run("99").path.exists()


@pytest.mark.parametrize("run_id", ["..", "../..", "/", "a/b", ""])
def test_a_run_id_that_climbs_is_refused(work, run_id):
    """A run id is a name, never a path."""
    with pytest.raises(UsageError, match="run id"):
        asked(place, work, run_id=run_id, files=FILES, texts=TEXTS, job=JOB)


def test_an_attempt_that_broke_off_is_done_again_from_the_start(work, run):
    """A killed agent leaves halves; a file of an earlier attempt is not mixed with those of this one."""
    (run.path / ".profile.new").mkdir()
    run.profile.mkdir()
    (run.profile / "stale.yaml").write_text("x")
    placed(work, run)
    assert names(run.profile) == ["models", "profile.yaml"]
    assert names(run.path) == ["job.json", "profile", "reports", "rig.yaml"]


def test_where_links_are_refused_files_are_copied(work, run, monkeypatch):
    """FAT and some network disks have no hard links: the profile is there all the same, read-only."""

    def refused(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(place_module.os, "link", refused)  # no such disk can be mounted here
    placed(work, run)
    copy = run.profile / "models/a b/model.onnx"
    assert copy.read_bytes() == MODEL
    assert not copy.samefile(work.blob(sha256_of(MODEL)))
    assert copy.stat().st_mode & 0o777 == 0o444


def test_a_run_that_writes_into_its_profile_is_found_by_the_next_look(work, run):
    """Root may write a read-only file, and its second name is the blob: `have` hashes and has it sent anew."""
    placed(work, run)
    (run.profile / "profile.yaml").chmod(0o644)
    (run.profile / "profile.yaml").write_bytes(b"altered")
    assert missing(work, PROFILE, MODEL) == [{"sha256": sha256_of(PROFILE), "at": 0}]
    upload(work, PROFILE)
    assert (run.profile / "profile.yaml").read_bytes() == b"altered"  # the run's own name for it stays


def test_a_full_disk_leaves_no_job(tmp_path):
    """The keeper never begins on half a profile."""
    with mounted(tmp_path / "disk", "size=64k") as folder:
        work = work_folder(folder / "work")
        upload(work, PROFILE, MODEL)
        run = run_folder(work)
        (folder / "other").write_bytes(b"x" * (os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize))
        with pytest.raises(PreconditionError, match="no room on the rig"):
            placed(work, run)
        assert not run.job.exists()
