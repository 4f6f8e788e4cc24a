"""What the clocks say of throttling: that it cannot have been, or that it is likely; never that it was."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core import channels
from hilrig.verdict.telemetry.channels import Series, Telemetry
from hilrig.verdict.telemetry.coverage import holes
from hilrig.verdict.telemetry.devices import FIRST_GPU, is_gpu
from hilrig.verdict.telemetry.temperature_headroom import Trip, trips
from hilrig.verdict.window import Window

LOWEST_CLOCK: Final = "gpu_clock_lowest_mhz"

FELL_SHARE: Final = 0.8
"""A clock above 80 % of its highest wanders; below, it fell (the same share as in a spike's evidence)."""

NEAR_C: Final = 5.0
"""Kernels slow down in steps before the trip point is reached, and a sensor is read once a second."""

_HZ_PER_MHZ: Final = 1e6
_GRAPHICS: Final = ("domain", "graphics")


def how_held(hw_id: str, telemetry: Telemetry, window: Window) -> str:
    """Return in words how the GPU's clock was held up all along; empty when it was not, or nobody knows.

    Held is a clock that was read all along and never below the limit that the plan has on it. A lock is no such
    statement: hardware slows down below it. The clock of a Jetson's GPU stands for all alerts of the module, no
    GPU's for an x86 CPU.
    """
    if not hw_id:
        return ""
    gpu = (channels.HW_ID, hw_id if is_gpu(hw_id) else FIRST_GPU)
    limits_mhz = [limit.limit for limit in window.plan.limits if limit.metric == LOWEST_CLOCK]
    if limits_mhz and _never_below(max(limits_mhz) * _HZ_PER_MHZ, telemetry, window, gpu):
        return "clock never below its limit"
    return ""


def why_likely(telemetry: Telemetry, window: Window) -> str:
    """Return that throttling is likely: a clock fell while a sensor was near its trip point; empty otherwise."""
    known = [trip for trip in trips(telemetry) if trip.sensor is not None]
    for clock in _clocks(telemetry):
        inside = clock.valued().within(window)
        fell_ns = inside.t_ns[inside.value < FELL_SHARE * inside.value.max(initial=0)]
        near = [trip.hw_id for trip in known if fell_ns.size and _was_near(trip, fell_ns)]
        if near:
            return (
                f"throttling is likely, for {clock.channel.key} fell while {near[0]} was within {NEAR_C:g} C of "
                "its trip point, but clocks alone do not measure it"
            )
    return ""


def _clocks(telemetry: Telemetry) -> Iterator[Series]:
    yield from telemetry.named(channels.GPU_CLOCK, _GRAPHICS)
    yield from telemetry.named(channels.CPU_FREQUENCY)


def _was_near(trip: Trip, moments_ns: NDArray[np.int64]) -> bool:
    sensor = trip.sensor.valued() if trip.sensor is not None else None
    if sensor is None or not sensor.t_ns.size:
        return False
    before = np.maximum(0, np.searchsorted(sensor.t_ns, moments_ns, side="right") - 1)
    return bool((trip.limit_c - sensor.value[before] <= NEAR_C).any())


def _never_below(required_hz: float, telemetry: Telemetry, window: Window, gpu: tuple[str, str]) -> bool:
    read = telemetry.named(channels.GPU_CLOCK, gpu, _GRAPHICS)
    return bool(read) and all(
        not holes(window, series) and float(series.valued().within(window).value.min()) >= required_hz
        for series in read
    )
