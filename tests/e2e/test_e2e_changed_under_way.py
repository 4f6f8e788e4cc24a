"""What a run has written stays as it was: a hand that changes it while frames are measured gets no signature."""

import json
import signal

import pytest

from going_on import measuring
from hilrig.core import files
from hilrig.core.canonical import sha256_hex

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_app_unchanged


def swapped(path, old, new):
    """Put `new` in the place of `old`, which must be there, as an editor does: a new file under the same name."""
    data = path.read_bytes()
    assert data.count(old) == 1, data
    path.unlink()
    path.write_bytes(data.replace(old, new))


WRITTEN_ONCE = {files.PROFILE, files.PLAN, files.RIG, files.FLOOR, files.FEED}
CHANGES = {
    files.PLAN: (b'"operator":""', b'"operator":"M"'),  # noted before the first frame
    files.FEED: (b'[{"labels":', b'[{"labels": '),  # noted while the run began
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_was_changed_under_a_run_is_not_signed(name, bench):
    """The plan, the truth of the frames: run, recovery and verification all end with 30."""
    process = bench.start("run", bench.station(duration_s=60))
    run_dir = measuring(bench)
    swapped(run_dir / name, *CHANGES[name])
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 30, out + err
    assert name in err
    assert not (run_dir / files.RESULT).exists()
    recovered = bench.call("recover", str(run_dir))
    assert recovered.code == 30, recovered
    assert bench.call("verify", str(run_dir)).code == 30


def test_events_that_were_changed_under_a_run_are_not_signed(bench):
    """The note of a lost process is taken out of the record: no verdict is signed over what is left."""
    process = bench.start("run", bench.station(duration_s=60))
    run_dir = measuring(bench)
    lines = (run_dir / files.EVENTS).read_bytes().splitlines(keepends=True)
    (run_dir / files.EVENTS).unlink()
    (run_dir / files.EVENTS).write_bytes(b"".join([*lines[:-1], lines[-1].replace(b"measure", b"warmup_")]))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode in {22, 30}, out + err
    assert not (run_dir / files.RESULT).exists()


def test_a_journal_that_was_taken_away_is_a_matter_for_a_recovery(bench):
    """No verdict is signed that would not verify: the run says what to do, and that gives one that does."""
    process = bench.start("run", bench.station(duration_s=60))
    run_dir = measuring(bench)
    (run_dir / files.FRAMES_JOURNAL).unlink()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 22, out + err
    assert f"{files.FRAMES_JOURNAL} is missing" in err
    assert "next: hilrig recover" in err
    assert bench.call("recover", str(run_dir)).code == 12  # Ctrl-C ended it
    assert bench.call("verify", str(run_dir)).code == 12


def test_what_is_written_once_is_noted(finished):
    """Every such file of a run stands with its digest among the events, and is what it was."""
    bench, called, run_dir = finished
    assert bench.call("verify", str(run_dir)).code == called.code
    events = [json.loads(line) for line in (run_dir / files.EVENTS).read_text().splitlines()]
    noted = {name: sha256 for event in events for name, sha256 in event["detail"].get("written", {}).items()}
    assert noted == {name: sha256_hex((run_dir / name).read_bytes()) for name in WRITTEN_ONCE}
