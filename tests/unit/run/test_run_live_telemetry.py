"""hilrig.run.live_telemetry: the rig's part of status.json."""

import numpy as np
import pytest

from hilrig.core import channels
from hilrig.core.telemetry import READING_DTYPE, Capability, Channel, ChannelKind, Reason, Tier
from hilrig.run.live_telemetry import RECENT_NS, LiveTelemetry

S = 1_000_000_000
MIB = 1 << 20
THERMAL = ((channels.CAUSE, channels.CAUSE_THERMAL), (channels.HW_ID, "gpu0"))


def offered(name, unit, kind=ChannelKind.GAUGE, attributes=()):
    channel = Channel(name=name, unit=unit, kind=kind, tier=Tier.FAST, source="test", attributes=attributes)
    return Capability(channel=channel, reason=None)


MEMORY = offered("process.memory.usage", "By")
TEMPERATURE = offered("hw.temperature", "Cel", attributes=((channels.HW_ID, "gpu0"),))
TIME = offered(channels.THROTTLE_TIME, "ns", ChannelKind.COUNTER, THERMAL)
STATE = offered(channels.THROTTLE_STATE, "1", ChannelKind.STATE, THERMAL)
POWER_STATE = offered(channels.THROTTLE_STATE, "1", ChannelKind.STATE, ((channels.CAUSE, channels.CAUSE_POWER),))
TEMPERATURE_LIMIT = offered("hw.temperature.limit", "Cel", attributes=((channels.HW_ID, "gpu0"),))
EVENTS = offered(channels.THROTTLE_EVENTS, "{event}", ChannelKind.COUNTER, THERMAL)
OTHER_EVENTS = offered(
    channels.THROTTLE_EVENTS,
    "{event}",
    ChannelKind.COUNTER,
    ((channels.CAUSE, channels.CAUSE_THERMAL), (channels.HW_ID, "soc")),
)
ALL = (MEMORY, TEMPERATURE, TIME, STATE, POWER_STATE)


def readings(*rows):
    """Rows of channel, seconds, and a value or a reason."""
    table = np.zeros(len(rows), READING_DTYPE)
    for row, (channel, t_s, value) in zip(table, rows, strict=True):
        row["t_ns"], row["channel"] = t_s * S, ALL.index(channel)
        row["value"], row["reason"] = (np.nan, value) if isinstance(value, Reason) else (value, 0)
    return table


def shown(*tables):
    live = LiveTelemetry(ALL)
    for table in tables:
        live.update(table)
    return live.snapshot()


def test_nothing_read_is_unknown_and_not_zero():
    """Before the first reading there is no memory peak, no value and no thermal state."""
    assert shown() == {
        "peak_ram_mb": None,
        "measured_peak_ram_mib": None,
        "thermal_state": "unknown",
        "throttled_s": None,
        "temperatures": [],
        "telemetry": {},
    }


def test_the_last_value_of_a_channel_is_shown_with_its_unit():
    """Of several readings in one batch the newest counts."""
    found = shown(readings((TEMPERATURE, 1, 50.0), (TEMPERATURE, 2, 52.5)))
    assert found["telemetry"] == {"hw.temperature{hw.id=gpu0}": {"value": 52.5, "unit": "Cel"}}


def test_a_channel_that_stopped_answering_is_shown_no_more():
    """A lost sensor does not keep its last temperature on the screen."""
    found = shown(readings((TEMPERATURE, 1, 50.0)), readings((TEMPERATURE, 2, Reason.LOST)))
    assert found["telemetry"] == {}


def test_the_memory_peak_outlives_its_reading():
    """The largest sample stays, in MiB."""
    found = shown(readings((MEMORY, 1, 300 * MIB)), readings((MEMORY, 2, 200 * MIB)))
    assert found["peak_ram_mb"] == 300


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        ([(TIME, 1, 7.0)], "nominal"),
        ([(TIME, 1, 7.0), (TIME, 2, 7.0)], "nominal"),
        ([(TIME, 1, 7.0), (TIME, 2, 8.0)], "throttled"),
        ([(STATE, 1, 0.0)], "nominal"),
        ([(STATE, 1, 1.0)], "throttled"),
        ([(STATE, 1, Reason.NO_PERMISSION)], "unknown"),
        ([(POWER_STATE, 1, 1.0)], "unknown"),
        ([(STATE, 1, 1.0), (STATE, 1 + RECENT_NS // S, 0.0)], "throttled"),
        ([(STATE, 1, 1.0), (STATE, 2 + RECENT_NS // S, 0.0)], "nominal"),
    ],
)
@pytest.mark.parametrize("in_one_batch", [True, False])
def test_the_thermal_state_follows_thermal_signs_only(rows, state, in_one_batch):
    """A counter that grew or a state that was seen counts for five seconds; a cap on power is not heat."""
    tables = [readings(*rows)] if in_one_batch else [readings(row) for row in rows]
    assert shown(*tables)["thermal_state"] == state


def measured(*rows, sampled, since_s=0):
    live = LiveTelemetry(sampled)
    live.measure_from(since_s * S)
    for channel, t_s, value in rows:
        table = np.zeros(1, READING_DTYPE)
        table["t_ns"], table["channel"] = round(t_s * S), sampled.index(channel)
        table["value"], table["reason"] = (np.nan, value) if isinstance(value, Reason) else (value, 0)
        live.update(table)
    return live.snapshot()


@pytest.mark.parametrize(
    ("rows", "throttled_s"),
    [
        ([(TIME, 1, 7.0 * S)], None),  # a count alone tells nothing of this run
        ([(TIME, 1, 7.0 * S), (TIME, 2, 7.0 * S)], 0.0),
        ([(TIME, 1, 7.0 * S), (TIME, 2, 7.5 * S), (TIME, 3, 8.5 * S)], 1.5),
        ([(TIME, 1, 7.0 * S), (TIME, 2, 0.0), (TIME, 3, 0.4 * S)], 0.4),  # reset on the way
        ([(STATE, 1, 0.0), (STATE, 2, 1.0), (STATE, 4, 0.0), (STATE, 5, 0.0)], 2.0),
        ([(EVENTS, 1, 3.0), (EVENTS, 2, 3.0), (EVENTS, 3, 5.0)], 1.0),
        ([(TIME, 1, 0.0), (STATE, 1, 1.0), (TIME, 2, 0.2 * S), (STATE, 2, 1.0)], 0.2),  # the counter knows better
        ([(TIME, 1, 0.0), (TIME, 2, 0.2 * S), (OTHER_EVENTS, 1, 0.0), (OTHER_EVENTS, 2, 1.0)], 1.0),
        ([(POWER_STATE, 1, 1.0), (POWER_STATE, 2, 1.0)], None),
        ([(STATE, 1, 1.0), (STATE, 2, Reason.LOST)], None),
    ],
)
def test_throttled_time_is_that_of_the_device_with_the_most(rows, throttled_s):
    """Each device counts by the best channel that it has; nothing told is unknown and not 0 s."""
    sampled = [STATE, EVENTS, TIME, POWER_STATE, OTHER_EVENTS]
    assert measured(*rows, sampled=sampled)["throttled_s"] == throttled_s


def test_throttling_before_the_measured_part_is_not_counted():
    """A hot start in the warm-up is not held against the model; a state that goes on is, from the first frame."""
    sampled = [TIME, STATE]
    warm = [(TIME, 1, 0.0), (TIME, 2, 1.0 * S), (TIME, 11, 1.0 * S)]
    assert measured(*warm, sampled=sampled, since_s=10)["throttled_s"] == 0
    goes_on = [(STATE, 8, 1.0), (STATE, 12, 1.0)]
    assert measured(*goes_on, sampled=sampled, since_s=10)["throttled_s"] == 2


def test_a_temperature_stands_beside_its_limit():
    """Sensor and limit belong together by hardware; the hottest counts from the measured part on."""
    rows = [(TEMPERATURE, 1, 95.0), (TEMPERATURE_LIMIT, 5, 97.0), (TEMPERATURE, 6, 81.5), (TEMPERATURE, 7, 80.04)]
    found = measured(*rows, sampled=[TEMPERATURE, TEMPERATURE_LIMIT], since_s=5)["temperatures"]
    assert found == [{"name": "gpu0", "now_cel": 80.0, "hottest_cel": 81.5, "limit_cel": 97.0}]


def test_a_lost_sensor_has_no_temperature():
    """What stopped answering is shown no more, not with its last value."""
    rows = [(TEMPERATURE, 1, 50.0), (TEMPERATURE, 2, Reason.LOST)]
    assert measured(*rows, sampled=[TEMPERATURE])["temperatures"] == []


def test_the_measured_memory_peak_leaves_the_loading_out():
    """Loading a model may take twice its memory: no limit is about that."""
    rows = [(MEMORY, 1, 900 * MIB), (MEMORY, 6, 300 * MIB), (MEMORY, 7, 200 * MIB)]
    found = measured(*rows, sampled=[MEMORY], since_s=5)
    assert (found["peak_ram_mb"], found["measured_peak_ram_mib"]) == (900, 300)
