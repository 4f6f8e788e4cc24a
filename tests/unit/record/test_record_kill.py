import random
import subprocess
import sys
from pathlib import Path

import pytest
from record_samples import frames_table, new_run

from hilrig.core.clock import SystemClock
from hilrig.record.events import read_events
from hilrig.record.frames import decode_frames
from hilrig.record.listing import RunState, list_runs
from hilrig.record.parquet import parquet_batches
from hilrig.record.recover import recover

WRITER = """
import sys
from pathlib import Path
from record_samples import CAPABILITIES, frames_table, readings_table
from hilrig.core.clock import SystemClock
from hilrig.record.writer import RunWriter

writer = RunWriter(Path(sys.argv[1]), clock=SystemClock())
writer.channels(CAPABILITIES)
rows, readings = frames_table(97), readings_table(50)
n_frames = 0
while True:
    n_rows = 1 + n_frames % 97
    table = rows[:n_rows].copy()
    table["frame_id"] += n_frames
    n_frames += n_rows
    writer.frames(table)
    writer.readings(readings)
    writer.event("phase", {"n_frames": n_frames}, n_frames)
    writer.status({"n_offered": n_frames})
    writer.flush()
    print(n_frames, flush=True)
"""


def killed_after(folder, n_lines, n_characters):
    """Start a writer, kill it in the middle of its work; return how many frames it had flushed for certain."""
    command = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=Path(__file__).parent, env=environment()
    ) as process:
        said = [int(process.stdout.readline()) for _ in range(n_lines)]
        process.stdout.read(n_characters)  # a moment that no flush sets
        process.kill()
    return said[-1]


def environment():
    root = Path(__file__).parents[3]
    return {"PYTHONPATH": f"{root}:{Path(__file__).parent}"}


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_run_loses_at_most_what_was_not_flushed(tmp_path, seed):
    """SIGKILL at a random moment: every flushed frame is recovered, in order, and none is invented."""
    moment = random.Random(seed)
    folder = new_run(tmp_path)
    n_flushed = killed_after(folder, moment.randint(1, 40), moment.randint(0, 3))
    (entry,) = list_runs(tmp_path, clock=SystemClock())
    assert entry.state == RunState.RECOVERABLE
    recovery = recover(folder, clock=SystemClock())
    rows = [decode_frames(batch) for batch in parquet_batches(folder / "frames.parquet")]
    ids = [int(frame_id) for table in rows for frame_id in table["frame_id"]]
    assert ids == list(range(len(ids)))
    assert len(ids) == recovery.frames.n_rows_kept >= n_flushed
    assert recovery.n_frames_missing is not None
    assert 0 <= recovery.n_frames_missing <= 97
    assert read_events(folder).events[-1].kind == "recovered"
    assert rows[0][:1].tobytes() == frames_table(1).tobytes()
