"""One line of our jtop process: which of jtop's numbers are measured.

Others it made up, as read in jetson-stats 7.2.2: a load and a clock that NVML refused become 0, a temperature
that could not be read becomes -256, a memory clock that nobody offers becomes 1 kHz, NVML's clocks are in MHz
where others are in kHz.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from hilrig.core.channels import GPU_CLOCK, GPU_UTILIZATION, MEMORY_CLOCK
from hilrig.core.telemetry import Channel, Reason
from hilrig.sampler.fallback_channels import (
    chip_temperature,
    gpu_clock,
    gpu_load,
    memory_clock,
    rail_power,
    running_hz,
    zone_temperature,
)
from hilrig.sampler.line_process import Fault
from hilrig.sampler.line_sampler import RefusedError
from hilrig.sampler.source import Value

GPU_LOAD: Final = gpu_load("jtop gpu")
GPU_HZ: Final = gpu_clock("jtop gpu")
MEMORY_HZ: Final = memory_clock("jtop memory")

DETAILS: Final = {
    (GPU_UTILIZATION, Reason.ERROR): "jtop says 0, which it also says of a load that it could not read",
    (GPU_UTILIZATION, Reason.OFFLINE): "the GPU is switched off",
    (GPU_UTILIZATION, Reason.NOT_SUPPORTED): "jtop offers no load of an integrated GPU here",
    (GPU_CLOCK, Reason.ERROR): "jtop says 0, which it also says of a clock that it could not read",
    (GPU_CLOCK, Reason.OFFLINE): "the GPU is switched off",
    (GPU_CLOCK, Reason.NOT_SUPPORTED): "jtop offers no clock of the GPU in kHz here",
    (MEMORY_CLOCK, Reason.NOT_SUPPORTED): "jtop offers no memory clock here",
}

_SWITCHED_OFF_C: Final = -256
_ABSOLUTE_ZERO_C: Final = -273.15
_MADE_UP_KHZ: Final = 1
_HZ_PER_KHZ: Final = 1000
_MW_PER_W: Final = 1000
_PCT: Final = 100


def values_of(data: bytes) -> Mapping[Channel, Value]:
    """Return what a line says, GPU and memory clock first and always.

    Raises:
        RefusedError: the process says why it has nothing.
        ValueError: it is no line of ours.
    """
    document = _document(data)
    if not isinstance(document, dict):
        raise ValueError("not an object")  # noqa: TRY004 - wrong content, not a wrong argument
    if "refused" in document:
        refused = _table(document["refused"])
        raise RefusedError(Fault(Reason[str(refused["reason"])], str(refused["detail"])))
    if not document.keys() & {"gpu", "emc", "temperature", "power"}:
        raise ValueError("nothing in it is known")
    return dict(_values(document))


def _values(document: Mapping[str, Any]) -> Iterator[tuple[Channel, Value]]:
    gpu = _integrated_gpu(_table(document.get("gpu")))
    yield GPU_LOAD, _load(gpu)
    yield GPU_HZ, _gpu_hz(gpu)
    yield MEMORY_HZ, _memory_hz(_table(document.get("emc")))
    for name, sensor in _table(document.get("temperature")).items():
        yield _sensor_channel(name), _celsius(_table(sensor))
    yield from _powers(_table(document.get("power")))


def _integrated_gpu(gpus: Mapping[str, Any]) -> Mapping[str, Any]:
    found = (gpu for gpu in map(_table, gpus.values()) if gpu.get("type") == "integrated")
    return next(found, {})


def _load(gpu: Mapping[str, Any]) -> Value:
    status = _table(gpu.get("status"))
    if "load" not in status:
        return Reason.NOT_SUPPORTED
    load_pct = _number(status["load"])
    if isinstance(load_pct, Reason) or not 0 <= load_pct <= _PCT:
        return Reason.ERROR
    return load_pct / _PCT if load_pct > 0 else _confirmed_zero(gpu)


def _confirmed_zero(gpu: Mapping[str, Any]) -> Value:
    """Return 0 where a file of the kernel said so: where the GPU's clock comes from one too and runs."""
    if _is_from_nvml(gpu):
        return Reason.ERROR
    clock = _gpu_hz(gpu)
    if isinstance(clock, Reason):
        return Reason.OFFLINE if clock is Reason.OFFLINE else Reason.ERROR
    return 0.0


def _gpu_hz(gpu: Mapping[str, Any]) -> Value:
    clocks = _table(gpu.get("freq"))
    printed = clocks.get("GPC")
    if not printed and "cur" in clocks and not _is_from_nvml(gpu):  # NVML's is in MHz, if it is one at all
        printed = [clocks["cur"]]
    if not printed:
        return Reason.NOT_SUPPORTED
    if not isinstance(printed, list) or not all(map(_is_clock, printed)):
        return Reason.ERROR
    hz = running_hz(printed, hz_per_unit=_HZ_PER_KHZ)
    return Reason.ERROR if hz is Reason.OFFLINE and _is_from_nvml(gpu) else hz


def _is_from_nvml(gpu: Mapping[str, Any]) -> bool:
    return bool(gpu.get("power_control") == "nvml")


def _memory_hz(emc: Mapping[str, Any]) -> Value:
    khz = emc.get("cur")
    if khz is None or khz == _MADE_UP_KHZ:
        return Reason.NOT_SUPPORTED
    return khz * _HZ_PER_KHZ if _is_clock(khz) and khz > 0 else Reason.ERROR


def _sensor_channel(name: str) -> Channel:
    """Return the channel of `cpu` (a thermal zone) or of `nvme Composite` (chip and label)."""
    chip, is_chip, label = name.partition(" ")
    return chip_temperature("jtop", chip, label) if is_chip else zone_temperature("jtop", name)


def _celsius(sensor: Mapping[str, Any]) -> Value:
    celsius = _number(sensor.get("temp"))
    if sensor.get("online") is False or celsius == _SWITCHED_OFF_C:
        return Reason.OFFLINE
    return Reason.ERROR if isinstance(celsius, Reason) or celsius < _ABSOLUTE_ZERO_C else celsius


def _powers(power: Mapping[str, Any]) -> Iterator[tuple[Channel, Value]]:
    total = _table(power.get("tot"))
    if "name" in total:  # a rail that carries all; otherwise a sum over rails, some of which feed others
        yield rail_power("jtop", str(total["name"])), _watts(total)
    for name, rail in _table(power.get("rail")).items():
        yield rail_power("jtop", name), _watts(_table(rail))


def _watts(rail: Mapping[str, Any]) -> Value:
    if rail.get("online") is False:
        return Reason.OFFLINE
    milliwatts = _number(rail.get("power"))
    return milliwatts if isinstance(milliwatts, Reason) else milliwatts / _MW_PER_W


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> Value:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else Reason.ERROR


def _is_clock(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40


def _document(data: bytes) -> Any:
    try:
        return json.loads(data, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
