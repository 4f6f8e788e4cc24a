import json
import os
import subprocess
import sys

import pytest
from record_samples import new_run

from hilrig.core.clock import ManualClock, SystemClock
from hilrig.core.errors import RecordError
from hilrig.core.verdict import RunStatus
from hilrig.record.heartbeat import HEARTBEAT_MAX_AGE_NS, boot_id, write_status
from hilrig.record.listing import RunState, list_runs
from hilrig.record.run_directory import create

CLOCK = ManualClock(1_000_000_000_000)


def listed(reports):
    return list_runs(reports, clock=CLOCK)


def the_run(reports):
    (run,) = listed(reports)
    return run


def change_status(folder, **changes):
    path = folder / "status.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))


@pytest.fixture
def live(tmp_path):
    """Return the folder of a run that this process writes."""
    folder = new_run(tmp_path)
    write_status(folder, {"n_offered": 1}, clock=CLOCK)
    return folder


def test_a_run_with_a_fresh_sign_of_life_is_running(live):
    """This process, this boot, just now: running."""
    run = the_run(live.parent)
    assert run.state == RunState.RUNNING
    assert run.status is None
    assert (run.started_at, run.profile_name) == ("20261121T053312Z", "weld-station")
    assert str(os.getpid()) in run.detail


def test_a_process_that_went_silent_is_lost(live):
    """The process is there, but has said nothing for more than ten seconds."""
    later = ManualClock(CLOCK.now_ns + HEARTBEAT_MAX_AGE_NS + 1)
    (run,) = list_runs(live.parent, clock=later)
    assert run.state == RunState.LOST


def test_a_sign_of_life_from_the_future_is_not_fresh(live):
    """A stamp ahead of this machine's clock comes from another boot or another machine."""
    change_status(live, heartbeat_ns=CLOCK.now_ns + 1)
    assert the_run(live.parent).state == RunState.LOST


def test_a_run_whose_process_is_gone_is_recoverable(live):
    """A killed run shows at once, while its last sign of life is still fresh."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    change_status(live, pid=process.pid)
    assert the_run(live.parent).state == RunState.RECOVERABLE


@pytest.mark.parametrize("pid", [0, -1, 1 << 40])
def test_a_number_that_is_no_process_is_not_alive(live, pid):
    """Numbers that mean process groups, or none at all, are not taken for a process."""
    change_status(live, pid=pid)
    assert the_run(live.parent).state == RunState.RECOVERABLE


def test_a_run_of_an_earlier_boot_is_recoverable(live):
    """After a power cut the same process number may exist again: it is not the run's."""
    change_status(live, boot_id="another")
    assert the_run(live.parent).state == RunState.RECOVERABLE


def test_a_run_without_status_is_recoverable(tmp_path):
    """A run killed before its first status is shown, and says so."""
    new_run(tmp_path)
    run = the_run(tmp_path)
    assert (run.state, run.detail) == (RunState.RECOVERABLE, "status.json is missing")


@pytest.mark.parametrize("status", list(RunStatus))
def test_a_run_with_a_result_is_finished_with_its_verdict(live, status):
    """result.json decides, whatever the status says."""
    (live / "result.json").write_text(json.dumps({"judgement": {"status": status.value}}))
    run = the_run(live.parent)
    assert (run.state, run.status) == (RunState.FINISHED, status)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"judgement": []}',
        '{"judgement": {"status": "GREAT"}}',
        '{"judgement": {"status": []}}',
    ],
)
def test_a_result_that_is_none_is_unreadable_with_the_reason(live, text):
    """A broken result is never shown as a verdict."""
    (live / "result.json").write_text(text)
    run = the_run(live.parent)
    assert (run.state, run.status) == (RunState.UNREADABLE, None)
    assert "result.json" in run.detail


@pytest.mark.parametrize(
    "text", ["", "\0" * 40, "{}", '{"pid": "1"}', '{"heartbeat_ns": true, "pid": 1, "boot_id": "b"}']
)
def test_a_status_that_is_none_is_unreadable_with_the_reason(live, text):
    """A broken status hides no run and stops no list."""
    (live / "status.json").write_text(text)
    run = the_run(live.parent)
    assert run.state == RunState.UNREADABLE
    assert "status.json" in run.detail


def test_a_linked_result_is_unreadable(live, tmp_path):
    """A link to somebody else's PASS is not a verdict."""
    (tmp_path / "good.json").write_text('{"judgement": {"status": "PASS"}}')
    (live / "result.json").symlink_to(tmp_path / "good.json")
    assert the_run(live.parent).state == RunState.UNREADABLE


def test_a_dangling_result_does_not_hide_the_run(tmp_path):
    """A folder of another name with a broken link for a result is still shown."""
    folder = tmp_path / "renamed"
    folder.mkdir()
    (folder / "result.json").symlink_to("nowhere")
    run = the_run(tmp_path)
    assert (run.state, run.started_at, run.profile_name) == (RunState.UNREADABLE, "", "")


def test_the_newest_run_comes_first(tmp_path):
    """Runs are ordered by their start, not by profile or id."""
    starts = ["2026-11-21T05:33:12Z", "2026-11-22T00:00:00Z", "2025-01-01T00:00:00Z"]
    for profile, start in zip("abc", starts, strict=True):
        create(tmp_path, profile_name=profile, run_id="1", started_at_utc=start)
    assert [run.profile_name for run in listed(tmp_path)] == ["b", "a", "c"]


def test_a_profile_with_hyphens_keeps_its_name(tmp_path):
    """The id is what stands behind the last hyphen."""
    create(tmp_path, profile_name="weld-station-orin", run_id="1", started_at_utc="2026-11-21T05:33:12Z")
    assert the_run(tmp_path).profile_name == "weld-station-orin"


def test_foreign_folders_files_and_links_are_passed_over(live):
    """README, a stray folder and a `latest` link in reports are no runs."""
    reports = live.parent
    (reports / "README.md").touch()
    (reports / "notes").mkdir()
    (reports / "latest").symlink_to(live)
    assert [run.path for run in listed(reports)] == [live]


def test_a_missing_reports_folder_is_an_error(tmp_path):
    """No folder is not the same as no runs."""
    with pytest.raises(RecordError, match="cannot be read"):
        listed(tmp_path / "reports")


def test_an_empty_reports_folder_has_no_runs(tmp_path):
    """No runs is an empty list."""
    assert listed(tmp_path) == []


def test_the_real_clock_and_boot_agree_with_a_status_written_now(tmp_path):
    """Writer and reader use the same clock and the same boot id."""
    folder = new_run(tmp_path)
    write_status(folder, {}, clock=SystemClock())
    (run,) = list_runs(tmp_path, clock=SystemClock())
    assert run.state == RunState.RUNNING
    assert len(boot_id()) == 36


def test_listing_loads_no_heavy_library():
    """`hilrig list` answers at once: pyarrow, numpy and pydantic stay out of it."""
    code = (
        "import sys, hilrig.record.listing; print({'pyarrow', 'pandas', 'numpy', 'pydantic'} & set(sys.modules))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "set()\n"
    )
