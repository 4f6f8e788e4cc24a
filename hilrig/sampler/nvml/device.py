"""All sources of one GPU."""

from typing import Final

from hilrig.core.channels import (
    ENERGY,
    FAN_SPEED,
    GPU_CLOCK,
    GPU_CLOCK_LIMIT,
    GPU_MEMORY,
    GPU_MEMORY_LIMIT,
    POWER,
    POWER_MODE,
    TEMPERATURE,
    TEMPERATURE_LIMIT,
)
from hilrig.core.clock import Clock
from hilrig.core.telemetry import Channel, ChannelKind, Reason, Tier
from hilrig.sampler.nvml.calls import number
from hilrig.sampler.nvml.errors import error_sources
from hilrig.sampler.nvml.processes import process_sources
from hilrig.sampler.nvml.source import CallSource, Device, first_answering, is_refused_as, one_number
from hilrig.sampler.nvml.throttle import throttle_sources
from hilrig.sampler.nvml.utilization import utilization_source
from hilrig.sampler.source import Source

_HZ_PER_MHZ: Final = 1_000_000
_MILLI: Final = 1000
_PCT: Final = 100

_GRAPHICS: Final = 0  # nvmlClockType_t
_MEMORY: Final = 2
_GPU_SENSOR: Final = 0  # nvmlTemperatureSensors_t
_SLOWDOWN: Final = 1  # nvmlTemperatureThresholds_t
_MEMORY_V2: Final = 0x02000028
"""nvmlMemory_v2: the structure's size and version."""


def device_sources(device: Device, pid: int, clock: Clock) -> list[Source]:
    """Return the sources of a device, those of the process `pid` on it included."""
    memory = MemoryCall(device)
    return [
        utilization_source(device, clock),
        *memory.sources(),
        *process_sources(device, pid, is_unified=memory.is_unified),
        *_clocks(device),
        *_heat_and_power(device),
        *throttle_sources(device),
        *error_sources(device),
        *_settings(device),
    ]


class MemoryCall:
    """The memory of a device, through the newest call that it answers.

    The older one counts what the driver keeps for itself as used. Where neither is supported the GPU has no memory
    of its own (`is_unified`): every card has, and NVML says NOT_SUPPORTED of GPUs that share the host's.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._source, self._arguments = first_answering(
            (("nvmlDeviceGetMemoryInfo v2", (_MEMORY_V2,)), ("nvmlDeviceGetMemoryInfo v1, reserved included", ())),
            lambda call: device.ask("nvmlDeviceGetMemoryInfo", *call[1]),
        )
        self.is_unified = is_refused_as(Reason.NOT_SUPPORTED, self._used_bytes)

    def sources(self) -> list[CallSource]:
        """Return what is used and what there is."""
        used = self._device.channel(GPU_MEMORY, "By", Tier.FAST, self._source)
        total = self._device.channel(GPU_MEMORY_LIMIT, "By", Tier.EDGE, self._source)
        return [
            CallSource((used,), lambda: (self._used_bytes(),)),
            CallSource((total,), lambda: (self._total_bytes(),)),
        ]

    def _used_bytes(self) -> int:
        return number(self._source, self._device.ask("nvmlDeviceGetMemoryInfo", *self._arguments).used)

    def _total_bytes(self) -> int:
        return number(self._source, self._device.ask("nvmlDeviceGetMemoryInfo", *self._arguments).total)


def _clocks(device: Device) -> list[CallSource]:
    now, highest = "nvmlDeviceGetClockInfo", "nvmlDeviceGetMaxClockInfo"
    domains = {"graphics": _GRAPHICS, "memory": _MEMORY}
    clocks = [
        one_number(
            device,
            device.channel(GPU_CLOCK, "Hz", Tier.FAST, now, attributes=(device.hw_id, ("domain", domain))),
            now,
            which,
            times=_HZ_PER_MHZ,
        )
        for domain, which in domains.items()
    ]
    limit = device.channel(GPU_CLOCK_LIMIT, "Hz", Tier.EDGE, highest, attributes=(device.hw_id, ("bound", "max")))
    return [*clocks, one_number(device, limit, highest, _GRAPHICS, times=_HZ_PER_MHZ)]


def _heat_and_power(device: Device) -> list[CallSource]:
    sensor = first_answering(
        ("nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature"), lambda call: device.ask(call, _GPU_SENSOR)
    )
    threshold, power = "nvmlDeviceGetTemperatureThreshold", "nvmlDeviceGetPowerUsage"
    energy, fan = "nvmlDeviceGetTotalEnergyConsumption", "nvmlDeviceGetFanSpeed"
    joules = device.channel(ENERGY, "J", Tier.SLOW, energy, kind=ChannelKind.COUNTER)
    celsius_max = device.channel(TEMPERATURE_LIMIT, "Cel", Tier.EDGE, f"{threshold} slowdown")
    return [
        one_number(device, device.channel(TEMPERATURE, "Cel", Tier.SLOW, sensor), sensor, _GPU_SENSOR),
        one_number(device, celsius_max, threshold, _SLOWDOWN),
        one_number(device, device.channel(POWER, "W", Tier.FAST, power), power, per=_MILLI),
        one_number(device, joules, energy, per=_MILLI),
        one_number(device, device.channel(FAN_SPEED, "1", Tier.SLOW, fan), fan, per=_PCT),
    ]


def _settings(device: Device) -> list[CallSource]:
    limit, clock = "nvmlDeviceGetEnforcedPowerLimit", "nvmlDeviceGetApplicationsClock"
    return [
        one_number(device, _setting(device, "power_limit", "mW", limit), limit),
        one_number(
            device, _setting(device, "applications_clock", "Hz", clock), clock, _GRAPHICS, times=_HZ_PER_MHZ
        ),
    ]


def _setting(device: Device, name: str, unit: str, call: str) -> Channel:
    return device.channel(
        POWER_MODE,
        unit,
        Tier.SLOW,
        call,
        attributes=(device.hw_id, ("setting", name)),
        kind=ChannelKind.STATE,
    )
