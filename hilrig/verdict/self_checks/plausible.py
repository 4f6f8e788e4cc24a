"""Self-check of the sources: one that answers 0 to everything tells nothing.

Some quantities of a machine that runs cannot be 0 all along. Where all of them are, for one device or for the
machine, no other 0 from there is believed either: not that of a throttle counter, for example.
"""

from collections.abc import Mapping
from typing import Final

from hilrig.core import channels
from hilrig.core.telemetry import Reason, Tier
from hilrig.core.verdict import SelfCheck
from hilrig.verdict.self_checks.self_check import stated
from hilrig.verdict.telemetry.channels import Series, Telemetry
from hilrig.verdict.telemetry.devices import FIRST_GPU, GPU_PREFIX, is_gpu
from hilrig.verdict.telemetry.metric_channels import hw_id_of
from hilrig.verdict.window import Window
from hilrig.verdict.wording import listed

HOST: Final = "the host"
RAILS: Final = "the rails"

ALIVE: Final = frozenset(
    {
        channels.TEMPERATURE,
        channels.GPU_CLOCK,
        channels.POWER,
        channels.GPU_MEMORY,
        channels.CPU_FREQUENCY,
        "process.memory.usage",
        "hilrig.process.memory.peak",
        "system.memory.usage",
        "system.cpu.time",
    }
)
"""Quantities that a live machine cannot have at 0 all along; of CPU time that is its growth."""


def check_plausible(window: Window, telemetry: Telemetry) -> SelfCheck:
    """Return whether everything that told of itself was seen alive."""
    origins: dict[str, tuple[Series, ...]] = {}
    for series in telemetry.series:
        origin = _origin(series)
        origins[origin] = (*origins.get(origin, ()), series)
    dead = [origin for origin, found in origins.items() if _is_dead(origin, found, telemetry, window)]
    observed = f"{listed(dead, at_most=3)} read 0 in everything" if dead else "no source reads 0 in everything"
    return stated(
        "telemetry.plausible",
        ok=not dead,
        observed=observed,
        limit="temperatures, clocks, power, memory and CPU time that are not 0 all along",
        holds=f"The telemetry is that of a live machine: {observed}.",
        broken=f"Telemetry that cannot be true: {observed}, which no live machine does.",
        advice="A source answers 0 for what it does not know: look at the channels in the report, update or "
        "restart what they come from (driver, jtop service), and compare with `hilrig doctor`.",
    )


def _origin(series: Series) -> str:
    hw_id = hw_id_of(series)
    if is_gpu(hw_id):
        return hw_id
    return RAILS if series.channel.name == channels.POWER else HOST


def _is_dead(origin: str, found: tuple[Series, ...], telemetry: Telemetry, window: Window) -> bool:
    """Return whether nothing that should be above 0 ever was.

    A GPU of which only other channels answer is dead when none of them was ever above 0. One that is switched off
    may be 0 in everything: its sensor then says so.
    """
    told = {series.channel.key: _was_above_0(series, window) for series in found if series.channel.name in ALIVE}
    if not _known(told) and is_gpu(origin):
        told = {series.channel.key: _was_above_0(series, window) for series in found}
    known = _known(told)
    return bool(known) and not any(known.values()) and not _is_switched_off(origin, telemetry, window)


def _known(told: Mapping[str, bool | None]) -> dict[str, bool]:
    return {key: is_above for key, is_above in told.items() if is_above is not None}


def _was_above_0(series: Series, window: Window) -> bool | None:
    """Return whether a channel was ever other than 0, of CPU time whether it moved; None without a reading."""
    valued = series.valued()
    inside = valued if series.channel.tier is Tier.EDGE else valued.within(window)
    if series.channel.name == "system.cpu.time":
        return bool((inside.value != inside.value[0]).any()) if inside.value.size > 1 else None
    return bool(inside.value.any()) if inside.value.size else None


def _is_switched_off(origin: str, telemetry: Telemetry, window: Window) -> bool:
    """Return whether a sensor of the GPU says that it has no power; a Jetson's has the name of zone or chip."""
    if not is_gpu(origin):
        return False
    sensors = [
        series
        for series in telemetry.named(channels.TEMPERATURE)
        if hw_id_of(series) == origin or (origin == FIRST_GPU and _is_zone_of_gpu(hw_id_of(series)))
    ]
    return any(bool((series.within(window).reason == Reason.OFFLINE).any()) for series in sensors)


def _is_zone_of_gpu(hw_id: str) -> bool:
    """Return whether a sensor is `zone/gpu-thermal` or the chip that stands for it, `gpu_thermal/temp1`."""
    return hw_id.lower().removeprefix("zone/").startswith(GPU_PREFIX) and "thermal" in hw_id.lower()
