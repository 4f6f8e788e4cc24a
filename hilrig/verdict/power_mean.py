"""The mean power of the rig over the measured part, in W.

It is for looking and comparing, no limit holds it.
"""

import math
from typing import Final

from hilrig.core import channels
from hilrig.core.units import NS_PER_S
from hilrig.core.verdict import Measurement
from hilrig.verdict.measure import unmeasured
from hilrig.verdict.telemetry.channels import Series, Telemetry, growth
from hilrig.verdict.telemetry.metric_channels import hw_id_of
from hilrig.verdict.telemetry.sampling import evidence_of
from hilrig.verdict.window import Window

METRIC: Final = "power_mean_w"
WHOLE: Final = ("board", "gpu0")
"""Whose power stands for the rig where nothing counts energy: the module's whole input, else the GPU's."""

PLATFORM: Final = "psys"
"""RAPL's domain of the whole platform: the packages are part of it, adding both would count them twice."""


def power_mean(telemetry: Telemetry, window: Window) -> Measurement:
    """Return energy over time where it is counted, summed over the devices; else the mean of the power readings.

    What is counted misses no peak; a device that lost its counter on the way is left out, and not named.
    """
    counted = [(series, growth([series], window)) for series in telemetry.named(channels.ENERGY)]
    spent = [(series, joules) for series, joules in counted if joules is not None and joules > 0]
    if len(spent) > 1:
        spent = [pair for pair in spent if hw_id_of(pair[0]) != PLATFORM]
    if spent and window.duration_ns > 0:
        return _from_energy(spent, window)
    return _from_power(telemetry, window)


def _from_energy(spent: list[tuple[Series, float]], window: Window) -> Measurement:
    whose = ", ".join(hw_id_of(series) for series, _ in spent)
    return Measurement(
        metric=METRIC,
        unit="W",
        value=math.fsum(joules for _, joules in spent) * NS_PER_S / window.duration_ns,
        n=len(spent),
        evidence=f"{evidence_of(spent[0][0], window.plan)}: {whose}",
    )


def _from_power(telemetry: Telemetry, window: Window) -> Measurement:
    for hw_id in WHOLE:
        for series in telemetry.named(channels.POWER, (channels.HW_ID, hw_id)):
            read_w = series.valued().within(window).value
            if read_w.any():
                mean_w = math.fsum(read_w.tolist()) / read_w.size
                evidence = f"{evidence_of(series, window.plan)}: {hw_id}"
                return Measurement(metric=METRIC, unit="W", value=mean_w, n=read_w.size, evidence=evidence)
    return unmeasured(METRIC, "W", "no energy counter at both edges, and no power of the board or of gpu0")
