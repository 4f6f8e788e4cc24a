"""The mean power of the measured part."""

import numpy as np
import pytest

from builders import Curve
from hilrig.core import channels
from hilrig.core.telemetry import ChannelKind, Reason
from hilrig.core.verdict import Measurement
from hilrig.verdict.judge import judge
from watched_rigs import channel, orin, pulsing, reading, record, rig_of, rtx, silent


def power(rig: dict[str, Curve]) -> Measurement:
    return next(one for one in judge(record(rig)).measurements if one.metric == "power_mean_w")


def energy(hw_id: str, joules: float, *, since_boot_j: float = 1e6) -> Curve:
    """Return a counter of energy that grows by so much in the minute."""
    place = (channels.HW_ID, hw_id)
    curve = channel(channels.ENERGY, 0.0, place, unit="J", kind=ChannelKind.COUNTER)
    return reading(curve, (since_boot_j + np.linspace(0, joules, len(curve.points))).tolist())


def test_energy_over_time_is_the_mean_power() -> None:
    """6000 J in a minute are 100 W; what was used before the run is not counted."""
    one = power(rtx() | rig_of([energy("gpu0", 3600), energy("package-0", 2400)]))
    assert one.value == pytest.approx(100)
    assert one.evidence == "counted over the whole run: gpu0, package-0"


def test_the_platforms_energy_is_not_added_to_that_of_its_parts() -> None:
    """RAPL's psys has the packages in it; alone it counts."""
    assert power(rig_of([energy("psys", 6000), energy("package-0", 2400)])).value == pytest.approx(40)
    assert power(rig_of([energy("psys", 6000)])).value == pytest.approx(100)


def test_without_a_counter_readings_of_the_board_are_averaged() -> None:
    """A Jetson's whole input; rails that are parts of it are not added."""
    one = power(orin())
    assert (one.value, one.evidence) == (pytest.approx(9), "sampled at 1 Hz: board")


def test_without_a_board_the_card_stands_alone() -> None:
    """Its readings, averaged."""
    one = power(rtx())
    assert (one.value, one.evidence) == (pytest.approx(58), "sampled at 10 Hz: gpu0")


@pytest.mark.parametrize(
    "fault", [{"value": Reason.LOST, "from_s": 30, "to_s": 99}, {"value": 0.0, "from_s": 9, "to_s": 99}]
)
def test_a_counter_that_was_lost_or_fell_is_left_out(fault: dict[str, float]) -> None:
    """The other device is named alone; what was lost is not guessed."""
    one = power(rig_of([pulsing(energy("gpu0", 3600), **fault), energy("package-0", 2400)]))
    assert (one.value, one.evidence) == (pytest.approx(40), "counted over the whole run: package-0")


def test_power_that_nobody_tells_is_not_zero() -> None:
    """No counter, no reading, or readings of 0: unmeasured, with a reason."""
    dead = {key: reading(curve, [0.0] * len(curve.points)) for key, curve in orin().items() if "hw.power" in key}
    mute = {key: silent(curve, Reason.NO_PERMISSION) for key, curve in orin().items() if "hw.power" in key}
    for rig in ({}, dead, mute, rig_of([energy("gpu0", 0)])):
        one = power(rig)
        assert one.value is None
        assert one.reason
