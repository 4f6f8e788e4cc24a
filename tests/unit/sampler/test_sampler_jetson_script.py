"""A scripted Orin, read through descriptors that were opened before anything happened."""

import time

import pytest

from board_parts import GPU_CLOCK, GPU_LOAD, PID, power, throttle
from board_scripts import Episode, ScriptedBoard, alert_changes, orin_soak
from boards import build_orin
from hilrig.core.telemetry import Reason, Tier
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.sampler.combined import CombinedSampler
from hilrig.sampler.host import HostSampler
from hilrig.sampler.jetson.sampler import JetsonSampler

GPU = "gpu-throttle-alert"
STATE = throttle("state", "thermal", GPU, "cooling_device")
TIME = throttle("time", "thermal", GPU, "cooling_device_stats")
EVENTS = throttle("events", "thermal", GPU, "cooling_device_stats")
SEEN = Episode(begin_s=2.0, end_s=4.0)
BETWEEN = Episode(begin_s=6.03, end_s=6.05, seen=False)


def watch(board, script, *, until_s, period_s=0.1):
    """Return the readings of every channel, one per period, as lists by key."""
    sampler = CombinedSampler([JetsonSampler(board.root, PID), HostSampler(board.root, PID)])
    keys = [known.channel.key for known in sampler.probe()]
    played, seen = ScriptedBoard(board, script), {key: [] for key in keys}
    for round_number in range(round(until_s / period_s) + 1):
        played.step(round_number * period_s + 1e-9)
        for reading in sampler.read(Tier.EDGE):
            seen[keys[reading.channel]].append(reading.value if reading.reason is None else reading.reason)
    sampler.close()
    return seen


def test_an_episode_shows_in_state_time_and_count(tmp_path):
    """Two seconds of throttling: the state is 1 in between, the time grows all along, the episode counts once."""
    board = build_orin(tmp_path)
    seen = watch(board, alert_changes(board, GPU, [SEEN]), until_s=5)
    assert [value for index, value in enumerate(seen[STATE]) if 20 <= index < 40] == [1.0] * 20
    assert set(seen[STATE][:20] + seen[STATE][40:]) == {0.0}
    assert seen[TIME] == sorted(seen[TIME])
    assert seen[TIME][30] == pytest.approx(NS_PER_S, abs=NS_PER_MS)
    assert seen[TIME][-1] == 2 * NS_PER_S
    assert (seen[EVENTS][19], seen[EVENTS][20], seen[EVENTS][-1]) == (0, 1, 1)


def test_an_episode_between_two_samples_shows_in_the_statistics_alone(tmp_path):
    """20 ms between two rounds: no reading of the state is 1, and yet the count and the time have grown."""
    board = build_orin(tmp_path)
    seen = watch(board, alert_changes(board, GPU, [BETWEEN]), until_s=7)
    assert set(seen[STATE]) == {0.0}
    assert (seen[EVENTS][60], seen[EVENTS][61]) == (0, 1)
    assert (seen[TIME][60], seen[TIME][-1]) == (0, 20 * NS_PER_MS)


def test_without_statistics_such_an_episode_leaves_no_trace(tmp_path):
    """The same episode on a kernel that keeps no statistics: nothing measured it, and nothing claims to have."""
    board = build_orin(tmp_path, with_statistics=False)
    seen = watch(board, alert_changes(board, GPU, [SEEN, BETWEEN]), until_s=7)
    assert set(seen[STATE][41:]) == {0.0}
    assert max(seen[STATE]) == 1.0
    assert {*seen[TIME], *seen[EVENTS]} == {Reason.ABSENT}


def test_a_soak_warms_the_board_up(tmp_path):
    """Temperature, load, clock and power go as the script says; nothing else moves, nothing is misread."""
    board = build_orin(tmp_path)
    seen = watch(board, orin_soak(board, [SEEN, BETWEEN], length_s=8), until_s=8)
    temps = seen["hw.temperature{hw.id=zone/tj-thermal}"]
    assert (temps[0], temps[-1]) == (50.0, 80.0)
    assert temps == sorted(temps)
    assert (seen[GPU_LOAD][0], seen[GPU_LOAD][-1]) == (0.12, 0.9)
    assert {index for index, hz in enumerate(seen[GPU_CLOCK]) if hz == 306e6} == set(range(20, 40))
    assert seen[power("board")][0] == 5016 * 1500 / 1e6 < seen[power("board")][-1]
    assert len({*seen["hw.temperature{hw.id=zone/soc0-thermal}"]}) == 1
    assert Reason.ERROR not in {value for values in seen.values() for value in values if isinstance(value, Reason)}


def test_a_script_that_plays_is_never_read_half_written(tmp_path):
    """Files change while another thread reads them: every reading is whole.

    A disk's file, unlike the kernel's, can be met in the very moment of its write: then the next look counts.
    """
    board = build_orin(tmp_path)
    script = orin_soak(board, [Episode(begin_s=0.1, end_s=0.2)], length_s=0.3)
    sampler = JetsonSampler(board.root, PID)
    sampler.probe()
    reasons = set()
    with ScriptedBoard(board, script).playing():
        end_s = time.monotonic() + 0.3
        while time.monotonic() < end_s:
            looks = ({reading.reason for reading in sampler.read(Tier.EDGE)} for _ in range(2))
            reasons |= next((look for look in looks if look == {None}), {Reason.ERROR})
    sampler.close()
    assert reasons == {None}
