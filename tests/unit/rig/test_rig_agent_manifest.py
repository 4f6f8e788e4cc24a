import io
import os

import pytest

from agent_files import asked, run_folder, sha256_of, work_folder
from hilrig.core.errors import RecordError, RigLostError, UsageError
from hilrig.rig.agent import manifest as manifest_module
from hilrig.rig.agent.manifest import make_manifest, manifest, send, write_manifest

pytestmark = pytest.mark.waiting

FRAMES = os.urandom(2_500_000)  # three reads


@pytest.fixture
def work(tmp_path):
    return work_folder(tmp_path / "work")


@pytest.fixture
def run(work):
    made = run_folder(work)
    folder = made.reports / "20261121T053312Z-weld-1f2e3d4c"
    (folder / "views").mkdir(parents=True)
    (folder / "result.json").write_text("{}")
    (folder / "frames.arrows").write_bytes(FRAMES)
    (folder / "views" / "a.png").write_bytes(b"")
    return made


@pytest.fixture
def run_directory(run):
    return next(run.reports.iterdir())


def listed(work, run):
    return asked(manifest, work, run_id=run.run_id)[-1]


def sent(work, run, *paths):
    return asked(send, work, run_id=run.run_id, paths=[{"path": path, "at": at} for path, at in paths])


def test_every_file_is_listed_by_path_with_size_and_digest(work, run, run_directory):
    """Also those in folders and empty ones, in an order that does not depend on the disk."""
    assert listed(work, run) == {
        "run_dir": run_directory.name,
        "files": [
            {"path": "frames.arrows", "size": len(FRAMES), "sha256": sha256_of(FRAMES)},
            {"path": "result.json", "size": 2, "sha256": sha256_of(b"{}")},
            {"path": "views/a.png", "size": 0, "sha256": sha256_of(b"")},
        ],
    }


def test_the_keepers_list_stands(work, run, run_directory):
    """What is changed after the run's end does not get a new digest: the client finds it."""
    assert write_manifest(run) == 3
    (run_directory / "result.json").write_text('{"verdict": "PASS"}')
    found = {file["path"]: file["sha256"] for file in listed(work, run)["files"]}
    assert found["result.json"] == sha256_of(b"{}")


def test_links_pipes_and_hidden_files_are_left_out(run, run_directory, tmp_path):
    """A link could show any file of the rig; hidden is what the recorder had in the works."""
    (tmp_path / "secret").write_text("x")
    (run_directory / "report.html").symlink_to(tmp_path / "secret")
    (run_directory / "folder").symlink_to(tmp_path)
    os.mkfifo(run_directory / "pipe")
    (run_directory / ".reserve").write_bytes(b"x")
    assert [file["path"] for file in make_manifest(run)["files"]] == [
        "frames.arrows",
        "result.json",
        "views/a.png",
    ]


def test_a_name_that_a_client_would_refuse_is_refused_here(run, run_directory):
    """A file name with a line end or a terminal sequence in it is no file of a run."""
    (run_directory / "a\nb").write_text("x")
    with pytest.raises(UsageError, match="control character"):
        make_manifest(run)


@pytest.mark.parametrize("n_directories", [0, 2])
def test_a_run_has_one_directory(work, n_directories):
    """None: it never began. Two: which one is meant is not guessed."""
    run = run_folder(work, "empty")
    for number in range(n_directories):
        (run.reports / str(number)).mkdir(parents=True)
    with pytest.raises(RecordError, match=f"found {n_directories}") as told:
        listed(work, run)
    assert str(run.log) in told.value.hint


def test_a_link_planted_as_the_run_directory_is_not_one(work, tmp_path):
    """Else any folder of the rig could be fetched through it."""
    run = run_folder(work, "planted")
    run.reports.mkdir()
    (run.reports / "20261121").symlink_to(tmp_path)
    with pytest.raises(RecordError, match="found 0"):
        listed(work, run)


def test_a_folder_with_far_too_many_files_is_no_run_directory(run, run_directory, monkeypatch):
    """A program that filled the folder does not keep the rig hashing for hours."""
    monkeypatch.setattr(manifest_module, "FILES_MAX", 20)  # the real limit, 10,000, made small
    for number in range(21):
        (run_directory / f"{number}").write_text("")
    with pytest.raises(RecordError, match="found more than 20 files"):
        make_manifest(run)


def test_files_are_sent_from_where_one_asks(work, run):
    """Each after an object that says how many bytes follow; several in one call."""
    answers = sent(
        work, run, ("frames.arrows", 2_000_000), ("result.json", 0), ("views/a.png", 0), ("result.json", 2)
    )
    assert answers[0] == {"path": "frames.arrows", "size": len(FRAMES), "at": 2_000_000}
    assert answers[1] == FRAMES[2_000_000:]
    assert answers[2:] == [
        {"path": "result.json", "size": 2, "at": 0},
        b"{}",
        {"path": "views/a.png", "size": 0, "at": 0},
        {"path": "result.json", "size": 2, "at": 2},
        {},
    ]


def test_a_large_file_is_sent_in_small_pieces(work, run):
    """A rig's memory does not hold a whole record; together the pieces are the file."""
    pieces = [answer for answer in sent(work, run, ("frames.arrows", 0)) if isinstance(answer, bytes)]
    assert max(len(piece) for piece in pieces) <= 1 << 20
    assert b"".join(pieces) == FRAMES


@pytest.mark.parametrize("path", ["../../job.json", "/etc/passwd", "", "views/..", None])
def test_a_path_that_climbs_is_not_sent(work, run, path):
    """Nothing of the rig but the run directory can be read."""
    with pytest.raises(UsageError):
        sent(work, run, (path, 0))


def test_a_planted_link_is_not_sent(work, run, run_directory, tmp_path):
    """Neither as the file itself nor as a folder on the way."""
    (tmp_path / "secret").write_text("x")
    (run_directory / "report.html").symlink_to(tmp_path / "secret")
    (run_directory / "folder").symlink_to(tmp_path)
    for path in ("report.html", "folder/secret", "views", "gone"):
        with pytest.raises(RecordError):
            sent(work, run, (path, 0))


def test_asking_for_bytes_behind_the_end_is_a_mistake(work, run):
    """The client's half is longer than the file: it is not the same file."""
    with pytest.raises(UsageError, match="result.json has 2 bytes, asked for those from 3 on"):
        sent(work, run, ("result.json", 3))


def test_a_file_that_grows_is_sent_as_long_as_was_said(work, run, run_directory):
    """A run that goes on writes while its status is read: the promised number of bytes is kept."""
    answers = send(
        {"work_folder": str(work.path), "run_id": run.run_id, "paths": [{"path": "frames.arrows", "at": 0}]},
        io.BytesIO(),
    )
    assert next(answers)["size"] == len(FRAMES)
    with (run_directory / "frames.arrows").open("ab") as file:
        file.write(b"more")
    assert b"".join(answer for answer in answers if isinstance(answer, bytes)) == FRAMES


def test_a_file_that_shrinks_breaks_the_answer_off(work, run, run_directory):
    """Better no file than one filled up with something."""
    answers = send(
        {"work_folder": str(work.path), "run_id": run.run_id, "paths": [{"path": "frames.arrows", "at": 0}]},
        io.BytesIO(),
    )
    next(answers)
    os.truncate(run_directory / "frames.arrows", 10)
    with pytest.raises(RecordError, match="became shorter"):
        list(answers)


def test_a_run_that_is_gone_is_told(work):
    """Fetched by another client, or tidied away."""
    with pytest.raises(RigLostError):
        asked(manifest, work, run_id="99")
