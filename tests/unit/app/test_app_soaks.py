"""tests/soaks.py: the records that other tests rest on say what they promise, and come back from the disk."""

import numpy as np
import pytest

from hilrig.app.finished.conclude import read_evidence
from hilrig.core.verdict import Cause, CheckStatus, RunStatus
from hilrig.verdict.judge import judge
from soaks import calm_soak, short_soak, throttled_soak, write_soak

HOURS = 0.1  # ten thousand frames: quick, and enough for a steady p99


@pytest.mark.parametrize(
    ("make", "status"),
    [(throttled_soak, RunStatus.FAIL), (calm_soak, RunStatus.PASS), (short_soak, RunStatus.INCONCLUSIVE)],
)
def test_each_soak_has_its_verdict_and_a_sound_instrument(make, status):
    """The verdict is that of its story, never that of a fault in the record."""
    judgement = judge(make(hours=HOURS))
    assert judgement.status is status, judgement.sentence
    assert [one.sentence for one in judgement.self_checks if not one.ok] == []


def test_the_throttled_soak_fails_its_p99_for_its_throttling():
    """Three windows, 29 of 480 minutes; nearly every frame over the limit lies in one."""
    judgement = judge(throttled_soak(hours=HOURS))
    (failed,) = [check for check in judgement.checks if check.status is CheckStatus.FAIL]
    n_of = {one.cause: one.n_frames for one in judgement.causes}
    throttled_s = sum(window.end_s - window.begin_s for window in judgement.throttle_windows)
    assert failed.check_id == "latency.p99_max_ms"
    assert n_of[Cause.THROTTLE] > 0.95 * sum(n_of.values())
    assert len(judgement.throttle_windows) == 3
    # Each window reaches to the slow readings around it: up to two seconds more than the 29 of 480.
    assert 360 * 29 / 480 <= throttled_s <= 360 * 29 / 480 + 6


def test_a_written_soak_is_read_as_it_was_made(tmp_path):
    """Frames, readings, events, truth and rig come back from the run directory, bit for bit."""
    record = throttled_soak(hours=0.02)
    read = read_evidence(write_soak(record, tmp_path))
    assert np.array_equal(read.frames, record.frames)
    assert np.array_equal(read.readings, record.readings)
    assert read.capabilities == record.capabilities
    assert read.events == record.events
    assert (read.plan, read.truths, read.floor, read.accelerator) == (
        record.plan,
        record.truths,
        record.floor,
        record.accelerator,
    )


def test_a_soak_is_the_same_for_the_same_seed():
    """Equal seeds give equal frames; another one gives others."""
    one, same, other = (throttled_soak(hours=0.02, seed=seed).frames for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
