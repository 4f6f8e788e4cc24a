"""A source that answers 0 to everything never gets a PASS."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import Curve, make_limit
from hilrig.core import channels
from hilrig.core.profile import Limit
from hilrig.core.telemetry import Reason
from hilrig.core.verdict import RunStatus, SelfCheck
from hilrig.verdict.judge import judge
from watched_rigs import THERMAL, channel, key_of, orin, pulsing, reading, record, rig_of, rtx, silent

Rigs = Callable[[], dict[str, Curve]]

LIMITS = (
    THERMAL,
    make_limit("resources.thermal_throttle_max_ms", "thermal_throttle_ms", 10, "ms"),
    make_limit("resources.power_throttle_allowed", "power_throttle_events", 0, "events"),
    make_limit("resources.undervoltage_allowed", "undervoltage_events", 0, "events"),
    make_limit("resources.overcurrent_peaks_per_min_max", "overcurrent_peaks_per_min", 60, "events/min"),
    make_limit("resources.host_memory_max_mb", "host_memory_peak_mib", 512, "MiB"),
    make_limit("resources.gpu_memory_max_mb", "gpu_memory_peak_mib", 3072, "MiB"),
    make_limit("resources.gpu_util_sustained_max_pct", "gpu_util_sustained_pct", 80, "%"),
    make_limit("resources.gpu_clock_min_mhz", "gpu_clock_lowest_mhz", 1000, "MHz", at_least=True),
    make_limit("resources.temperature_headroom_min_c", "temperature_headroom_c", 10, "C", at_least=True),
)
ON_RTX = tuple(
    limit for limit in LIMITS if limit.metric not in {"overcurrent_peaks_per_min", "undervoltage_events"}
)
"""A card has no counter of current peaks, and states alone for too low a voltage."""

ORIGINS: dict[str, Callable[[str], bool]] = {
    "gpu0": lambda key: "hw.id=gpu0" in key,
    "rails": lambda key: key.startswith("hw.power") and "gpu0" not in key,
    "host": lambda key: "gpu0" not in key and not key.startswith("hw.power") and "throttle" not in key,
    "everything": bool,
}


def zeroed(rig: dict[str, Curve], is_broken: Callable[[str], bool]) -> dict[str, Curve]:
    """Return the rig with a source that answers 0 to everything it is asked."""
    return {
        key: reading(curve, [0.0] * len(curve.points))
        if is_broken(key) and curve.capability.reason is None
        else curve
        for key, curve in rig.items()
    }


def plausible(rig: dict[str, Curve]) -> SelfCheck:
    judgement = judge(record(rig))
    return next(one for one in judgement.self_checks if one.check_id == "telemetry.plausible")


@pytest.mark.parametrize(("rig", "limits"), [(rtx, ON_RTX), (orin, LIMITS)], ids=["rtx", "orin"])
def test_the_sound_rigs_pass_all_limits(rig: Rigs, limits: tuple[Limit, ...]) -> None:
    """What the mutations below start from is a PASS."""
    assert judge(record(rig(), *limits)).status is RunStatus.PASS


@pytest.mark.parametrize(
    ("rig", "origin"),
    [(rtx, "gpu0"), (rtx, "host"), (rtx, "everything"), *((orin, origin) for origin in ORIGINS)],
)
@settings(max_examples=12, deadline=None)  # each judges a minute of telemetry; ten limits, seven mutations
@given(limits=st.sets(st.sampled_from(range(len(ON_RTX))), min_size=1))
def test_a_source_of_zeros_never_passes(rig: Rigs, origin: str, limits: set[int]) -> None:
    """Whatever is limited: all zeros from a card, a board's rails, the host or everywhere is no PASS."""
    chosen = [ON_RTX[index] for index in sorted(limits)]
    assert judge(record(zeroed(rig(), ORIGINS[origin]), *chosen)).status is not RunStatus.PASS


@settings(max_examples=30, deadline=None)  # a minute of telemetry each; there are 15 sets
@given(broken=st.sets(st.sampled_from(["utilization", "memory.usage", "clock", "temperature"]), min_size=1))
def test_one_zero_quantity_holds_no_limit_of_its_own(broken: set[str]) -> None:
    """A single quantity that reads 0 is no proof that it is small: each limit on it is not measured."""
    rig = zeroed(rtx(), lambda key: "gpu0" in key and any(part in key for part in broken))
    metric_of = {
        "utilization": "gpu_util_sustained_pct",
        "memory.usage": "gpu_memory_peak_mib",
        "clock": "gpu_clock_lowest_mhz",
        "temperature": "temperature_headroom_c",
    }
    checks = {check.metric: check for check in judge(record(rig, *ON_RTX)).checks}
    assert all(checks[metric_of[part]].status.value == "NOT_MEASURED" for part in broken)


def test_the_dead_origin_is_named() -> None:
    """A technician reads which device to look at."""
    broken = plausible(zeroed(rtx(), ORIGINS["gpu0"]))
    assert (broken.ok, broken.observed_text) == (False, "gpu0 read 0 in everything")
    assert broken.advice


@pytest.mark.parametrize("rig", [rtx, orin])
def test_one_value_above_zero_is_life(rig: Rigs) -> None:
    """A fan at rest, an idle GPU, no errors: single zeros are what sound machines read."""
    dead = zeroed(rig(), ORIGINS["everything"])
    for key in list(dead):
        dead[key] = pulsing(dead[key], 1.0, from_s=30, to_s=31.5)
    assert plausible(dead).ok


def test_a_card_with_nothing_but_counters_must_have_counted_once() -> None:
    """Of a card that answers only its throttle times, all 0 since boot, nothing shows that it answers at all."""
    only = {key: curve for key, curve in rtx().items() if "gpu0" not in key or "throttle" in key}
    assert plausible(only).ok
    assert not plausible(zeroed(only, ORIGINS["gpu0"])).ok


@pytest.mark.parametrize("sensor", ["zone/gpu-thermal", "gpu_thermal/temp1"])
def test_a_gpu_that_is_switched_off_is_no_broken_source(sensor: str) -> None:
    """A Jetson that does not use its GPU: clock 0, load 0, its sensor without power."""
    gpu = ("hw.id", "gpu0")
    rig = {
        key: curve for key, curve in orin().items() if "gpu0" not in key and "zone/gpu-thermal" not in key
    } | rig_of(
        [
            channel(channels.GPU_CLOCK, 0.0, gpu, ("domain", "graphics"), unit="Hz"),
            channel(channels.GPU_UTILIZATION, 0.0, gpu),
            silent(channel(channels.TEMPERATURE, 1.0, ("hw.id", sensor), unit="Cel"), Reason.OFFLINE),
        ]
    )
    assert plausible(rig).ok
    warm = {**rig, **rig_of([channel(channels.TEMPERATURE, 50.0, ("hw.id", sensor), unit="Cel")])}
    assert not plausible(warm).ok


def test_one_rail_without_current_is_no_broken_monitor() -> None:
    """The rail of an accelerator that is not used may carry nothing."""
    rig = orin()
    key = key_of(rig, "hw.power", "VDD_IN")
    assert plausible({**rig, key: reading(rig[key], [0.0] * len(rig[key].points))}).ok


def test_what_was_not_read_is_no_zero() -> None:
    """Reasons are honest: they block where a limit needs them, and are not implausible."""
    assert plausible({key: silent(curve, Reason.NO_PERMISSION) for key, curve in rtx().items()}).ok
