"""Scripted rigs that throttle, and what a judgement says of it."""

from collections.abc import Mapping

from builders import Curve, make_limit
from hilrig.core.verdict import Check, Judgement, Measurement
from hilrig.verdict.judge import judge
from watched_rigs import record

CLOCK = make_limit("resources.gpu_clock_min_mhz", "gpu_clock_lowest_mhz", 1000, "MHz", at_least=True)
THERMAL_MS = make_limit("resources.thermal_throttle_max_ms", "thermal_throttle_ms", 500, "ms")
ALERT = "gpu-throttle-alert"


def check_of(judgement: Judgement, metric: str = "thermal_throttle_events") -> Check:
    return next(check for check in judgement.checks if check.metric == metric)


def measured(rig: Mapping[str, Curve], metric: str) -> Measurement:
    judgement = judge(record(rig))
    return next(one for one in judgement.measurements if one.metric == metric)


def without_counters(rig: Mapping[str, Curve], hw_id: str) -> dict[str, Curve]:
    """Return the rig as it is where this device has no counter of thermal throttling, only its state."""
    return {
        key: curve
        for key, curve in rig.items()
        if f"hw.id={hw_id}" not in key or "cause=thermal" not in key or "throttle.state" in key
    }


def change(rig: dict[str, Curve], key: str, curve: Curve) -> dict[str, Curve]:
    return {**rig, key: curve}
