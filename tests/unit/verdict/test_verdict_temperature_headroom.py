"""How far every sensor stayed from its trip point."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import Curve
from hilrig.core import channels
from hilrig.core.telemetry import Reason, Tier
from hilrig.core.verdict import Measurement
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.telemetry.temperature_headroom import temperature_headroom
from hilrig.verdict.window import cut
from watched_rigs import channel, key_of, orin, pulsing, record, rig_of, rtx


def headroom(rig: dict[str, Curve]) -> Measurement:
    made = record(rig)
    return temperature_headroom(Telemetry(made), cut(made))


def sensor(hw_id: str, limit_c: float | Reason, read_c: float | Reason) -> dict[str, Curve]:
    """Return a sensor with its trip point."""
    place = (channels.HW_ID, hw_id)
    return rig_of(
        [
            channel(channels.TEMPERATURE, read_c, place, unit="Cel"),
            channel(channels.TEMPERATURE_LIMIT, limit_c, place, unit="Cel", tier=Tier.EDGE),
        ]
    )


def test_the_nearest_sensor_counts_at_its_hottest() -> None:
    """A short peak of one of several sensors is the headroom, and the evidence names it."""
    rig = orin()
    key = key_of(rig, "hw.temperature{", "zone/tj-thermal")
    one = headroom({**rig, key: pulsing(rig[key], 91.5, from_s=30, to_s=31)})
    assert (one.value, one.evidence) == (7.5, "sampled at 1 Hz: zone/tj-thermal came nearest")


def test_beyond_the_trip_point_the_headroom_is_negative() -> None:
    """Hotter than where it slows down is below any limit."""
    assert headroom(sensor("gpu0", 90.0, 93.0)).value == -3


def test_sensors_without_a_trip_point_do_not_count() -> None:
    """The CPU's sensor of the PC has none: the card's 28 degrees are the headroom."""
    assert headroom(rtx()).value == 28
    assert headroom(sensor("gpu0", Reason.NOT_SUPPORTED, 60.0)).value is None


def test_a_rig_without_trip_points_says_what_it_lacks() -> None:
    """No number, and the channel's name."""
    assert headroom({}).reason == "this rig has no channel hw.temperature.limit"


def test_a_sensor_without_power_is_left_out_and_counted() -> None:
    """Sensors of an Orin's vision cores answer only while those run; what is off is not heated."""
    one = headroom(sensor("zone/gpu-thermal", 99.0, 60.0) | sensor("zone/cv0-thermal", 99.0, Reason.OFFLINE))
    assert (one.value, one.evidence) == (39, "sampled at 1 Hz: zone/gpu-thermal came nearest, 1 switched off")


def test_only_sensors_without_power_measure_nothing() -> None:
    """Nothing that could be hot was on."""
    assert "switched off" in headroom(sensor("zone/cv0-thermal", 99.0, Reason.OFFLINE)).reason


@pytest.mark.parametrize("reason", [Reason.LOST, Reason.ERROR, Reason.NO_PERMISSION])
def test_a_sensor_that_could_not_be_read_may_have_been_the_hottest(reason: Reason) -> None:
    """Sound neighbours do not answer for it."""
    one = headroom(sensor("gpu0", 90.0, 60.0) | sensor("zone/tj-thermal", 99.0, reason))
    assert one.value is None
    assert reason.name in one.reason


@pytest.mark.parametrize("reason", [Reason.NO_PERMISSION, Reason.ABSENT, Reason.LOST, Reason.ERROR])
def test_a_trip_point_that_could_not_be_read_may_have_been_the_nearest(reason: Reason) -> None:
    """The room of its neighbours is not its own; where its sensor was without power, nothing was heated."""
    other = sensor("gpu0", 90.0, 60.0)
    one = headroom(other | sensor("zone/tj-thermal", reason, 97.0))
    assert one.value is None
    assert reason.name in one.reason
    assert headroom(other | sensor("zone/cv0-thermal", reason, Reason.OFFLINE)).value == 30


def test_a_trip_point_without_a_sensor_is_not_measured() -> None:
    """A limit that nobody holds anything against."""
    rig = {key: curve for key, curve in rtx().items() if not key.startswith("hw.temperature{hw.id=gpu0")}
    assert headroom(rig).reason == "no channel reads the temperature of gpu0"


def test_a_sensor_with_a_hole_is_not_measured() -> None:
    """Five silent seconds may have been the hottest; a sensor that was switched off meanwhile was not."""
    rig = rtx()
    key = key_of(rig, "hw.temperature{", "gpu0")
    assert headroom({**rig, key: pulsing(rig[key], Reason.ERROR, from_s=30, to_s=35)}).value is None
    assert headroom({**rig, key: pulsing(rig[key], Reason.OFFLINE, from_s=30, to_s=35)}).value == 28


def test_zero_degrees_all_along_are_no_temperature() -> None:
    """A source that answers 0 would have the largest headroom of all."""
    assert headroom(sensor("gpu0", 90.0, 0.0)).reason == "the sensor gpu0 reads 0 C all along"


@settings(max_examples=60, deadline=None)  # a minute of up to six sensors
@given(temperatures_mc=st.lists(st.integers(1_000, 120_000), min_size=1, max_size=6))
def test_the_headroom_is_the_least_of_all(temperatures_mc: list[int]) -> None:
    """No sensor is nearer to its trip point than what is reported."""
    rig: dict[str, Curve] = {}
    for number, read_mc in enumerate(temperatures_mc):
        rig |= sensor(f"zone/part{number}", 90.0 + number, read_mc / 1000)
    expected_mc = min(90_000 + 1000 * number - read_mc for number, read_mc in enumerate(temperatures_mc))
    assert headroom(rig).value == expected_mc / 1000


def test_a_headroom_that_is_just_kept_is_kept() -> None:
    """93 C less 88.1 C is 4.9 C, whatever floats make of it."""
    assert headroom(sensor("gpu0", 93.0, 88.1)).value == 4.9
