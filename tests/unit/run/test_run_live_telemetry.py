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
    assert shown() == {"peak_ram_mb": None, "thermal_state": "unknown", "telemetry": {}}


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
