"""The Jetson's own tool as a source of telemetry, for what no file of /sys answers."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from hilrig.core.channels import GPU_CLOCK, GPU_UTILIZATION, MEMORY_CLOCK
from hilrig.core.clock import Clock, SystemClock
from hilrig.core.telemetry import Channel, Reason
from hilrig.sampler.fallback_channels import (
    NOT_CONNECTED,
    gpu_clock,
    gpu_load,
    memory_clock,
    rail_power,
    running_hz,
    zone_temperature,
)
from hilrig.sampler.jetson.tegrastats_line import TegrastatsLine, Unit, parse_tegrastats
from hilrig.sampler.jetson.tree import chip_of
from hilrig.sampler.line_process import INTERVAL_MS, Program
from hilrig.sampler.line_sampler import LineSampler
from hilrig.sampler.source import Value

FIRST_LINE_S: Final = 3.0
"""The first line comes one interval after the start."""

_PROGRAM: Final = "usr/bin/tegrastats"

_MADE_UP: Final = "PMIC"
"""Temperature that the boards which print it do not measure: a constant 50 or 100 degrees."""

_GPU_LOAD: Final = gpu_load("tegrastats GR3D_FREQ")
_GPU_CLOCK: Final = gpu_clock("tegrastats GR3D_FREQ")
_MEMORY_CLOCK: Final = memory_clock("tegrastats EMC_FREQ")

_DETAILS: Final = {
    (GPU_UTILIZATION, Reason.NOT_SUPPORTED): "this tegrastats prints no load behind GR3D_FREQ",
    (GPU_UTILIZATION, Reason.OFFLINE): "the GPU is switched off",
    (GPU_CLOCK, Reason.NOT_SUPPORTED): "tegrastats prints the GPU's clock for root only",
    (GPU_CLOCK, Reason.OFFLINE): "the GPU is switched off",
    (MEMORY_CLOCK, Reason.NOT_SUPPORTED): "tegrastats prints EMC_FREQ for root only",
}

_HZ_PER_MHZ: Final = 1_000_000
_MW_PER_W: Final = 1000
_PCT: Final = 100


class TegrastatsSampler(LineSampler):
    """Reads `tegrastats --interval 1000`: GPU load and clock, memory clock, temperatures, power.

    The rest of its lines is the host sampler's. Their stamps are local wall-clock time and not used.

    Args:
        root: where `usr/bin/tegrastats` is; `/` on a real machine.
        pid: not read: tegrastats knows no processes.
        clock: CLOCK_MONOTONIC, or one that a test moves.
        first_line_s: how long the probe waits.
    """

    def __init__(
        self, root: Path, pid: int, *, clock: Clock | None = None, first_line_s: float = FIRST_LINE_S
    ) -> None:
        del pid
        path = str(root / _PROGRAM)
        super().__init__(
            Program(
                command=(path, "--interval", str(INTERVAL_MS)), title=path, advice="look at what it prints by hand"
            ),
            values_of,
            always=(_GPU_LOAD, _GPU_CLOCK, _MEMORY_CLOCK),
            details=_DETAILS,
            first_line_s=first_line_s,
            clock=clock or SystemClock(),
        )

    @staticmethod
    def is_here(root: Path) -> bool:
        """Return whether this is a Tegra board on which the tool can be started."""
        return os.access(root / _PROGRAM, os.X_OK) and chip_of(root) is not None


def values_of(data: bytes) -> Mapping[Channel, Value]:
    """Return what a line says, GPU and memory clock first and always.

    Raises:
        ValueError: it is no line of tegrastats.
    """
    line = parse_tegrastats(data.decode(errors="replace"))
    if not (line.units or line.temperatures_c or line.powers_mw):
        raise ValueError("nothing in it is known")
    return dict(_values(line))


def _values(line: TegrastatsLine) -> Iterator[tuple[Channel, Value]]:
    gpu, memory = line.units.get("GR3D_FREQ"), line.units.get("EMC_FREQ")
    yield _GPU_LOAD, _load(gpu)
    yield _GPU_CLOCK, _clock_hz(gpu)
    yield _MEMORY_CLOCK, _clock_hz(memory)
    for name, celsius in line.temperatures_c.items():
        if name != _MADE_UP:
            yield zone_temperature("tegrastats", name), celsius
    for rail, milliwatts in line.powers_mw.items():
        if rail != NOT_CONNECTED:
            yield rail_power("tegrastats", rail), milliwatts / _MW_PER_W


def _load(unit: Unit | Reason | None) -> Value:
    if isinstance(unit, Reason):
        return unit
    return Reason.NOT_SUPPORTED if unit is None or unit.load_pct is None else unit.load_pct / _PCT


def _clock_hz(unit: Unit | Reason | None) -> Value:
    if isinstance(unit, Reason):
        return unit
    return running_hz(unit.clocks_mhz if unit else (), hz_per_unit=_HZ_PER_MHZ)
