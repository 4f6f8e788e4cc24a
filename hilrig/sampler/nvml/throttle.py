"""Why the clocks of a GPU are held down.

It has the reason bits of this moment, and the time that each cause has taken. The bits tell only of the moment
at which they are read; the counters miss nothing in between. Bits and fields are those of NVIDIA's NVML
reference (nvmlClocksEventReasons, NVML_FI_DEV_*).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from hilrig.core.channels import (
    CAUSE,
    CAUSE_POWER,
    CAUSE_THERMAL,
    CAUSE_UNKNOWN,
    THROTTLE_REASONS,
    THROTTLE_STATE,
    THROTTLE_TIME,
)
from hilrig.core.telemetry import ChannelKind, Reason, Tier
from hilrig.sampler.nvml.calls import RefusedError, member, refusal
from hilrig.sampler.nvml.source import Answer, CallSource, Device, first_answering

_HW_SLOWDOWN: Final = 0x8
_HW_THERMAL: Final = 0x40
_HW_POWER_BRAKE: Final = 0x80

BITS: Final[Mapping[str, int]] = {
    CAUSE_THERMAL: 0x20 | _HW_THERMAL,
    CAUSE_POWER: 0x4 | _HW_POWER_BRAKE | 0x200,  # 0x4 is normal on a card at its power limit: never thermal
}
"""Thermal slowdown by software and by hardware; power cap, power brake, board limit. No bit means a bad supply."""

_BENIGN: Final = 0x1 | 0x2 | 0x10 | 0x100 | 0x400
"""Idle, clocks as set by the user, kept in step with other cards, limited by a display, or by the highest
voltage that the chip may have for long (reliability, where a card at full boost stands): nothing is held down."""

_KNOWN: Final = _BENIGN | _HW_SLOWDOWN | BITS[CAUSE_THERMAL] | BITS[CAUSE_POWER]

_CURRENT: Final = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
_SUPPORTED: Final = ("nvmlDeviceGetSupportedClocksEventReasons", "nvmlDeviceGetSupportedClocksThrottleReasons")
"""The present names, then those that older drivers have only."""

_FIELDS: Final = "nvmlDeviceGetFieldValues"
_SUCCESS: Final = 0
_WIDE_TYPES: Final = frozenset({2, 3, 4})
"""Value types of 64 bits. The numbers 251 to 273 were given out twice: another driver's setting has 32."""


class Timer(NamedTuple):
    """A counter of nanoseconds: the fields that may hold it, the current number first."""

    cause: str
    source: str
    fields: tuple[int, ...]


TIMERS: Final = (
    Timer(CAUSE_THERMAL, "violation", (75,)),
    Timer(CAUSE_THERMAL, "sw_thermal", (269, 251)),
    Timer(CAUSE_THERMAL, "hw_thermal", (270, 252)),
    Timer(CAUSE_POWER, "violation", (74,)),
    Timer(CAUSE_POWER, "power_brake", (271, 253)),
    Timer(CAUSE_POWER, "board_limit", (77,)),
)


def throttle_sources(device: Device) -> list[CallSource]:
    """Return the reasons of now and the times of all causes."""
    return [_reason_source(device), _time_source(device)]


def causes(bits: int, supported: int | RefusedError) -> Mapping[str, Answer]:
    """Return 1 or 0 for each cause.

    A set bit always counts. Where none is set, a cause of which the device watches no bit has no answer. Hardware
    slowdown without its own reason may be heat, power, or anything.

    Args:
        bits: the current reasons.
        supported: the reasons that the device watches.
    """
    is_ambiguous = bool(bits & _HW_SLOWDOWN) and not bits & (_HW_THERMAL | _HW_POWER_BRAKE)
    suspected = {CAUSE_THERMAL, CAUSE_POWER} if is_ambiguous else set()
    states: dict[str, Answer] = {
        cause: 1 if bits & own or cause in suspected else _silence(cause, own, supported)
        for cause, own in BITS.items()
    }
    return states | {CAUSE_UNKNOWN: int(is_ambiguous or bits & ~_KNOWN != 0)}


def _silence(cause: str, own: int, supported: int | RefusedError) -> Answer:
    if isinstance(supported, RefusedError):
        return supported
    if supported & own:
        return 0
    return RefusedError(
        Reason.NOT_SUPPORTED, f"the device does not watch for cause {cause}: it watches {supported:#x}"
    )


def _reason_source(device: Device) -> CallSource:
    current = first_answering(_CURRENT, device.ask)
    watched = WatchedReasons(device)
    raw = device.channel(THROTTLE_REASONS, "1", Tier.FAST, current, kind=ChannelKind.STATE)
    states = [
        device.channel(
            THROTTLE_STATE,
            "1",
            Tier.FAST,
            current,
            attributes=((CAUSE, cause), device.hw_id, ("source", "event_reasons")),
            kind=ChannelKind.STATE,
        )
        for cause in (*BITS, CAUSE_UNKNOWN)
    ]

    def ask() -> Sequence[Answer]:
        bits = device.number(current)
        return [bits, *causes(bits, watched.mask()).values()]

    return CallSource((raw, *states), ask)


class WatchedReasons:
    """The reasons that a device can report: asked for until it has answered once, it does not change."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._call = first_answering(_SUPPORTED, device.ask)
        self._mask: int | None = None

    def mask(self) -> int | RefusedError:
        """Return the mask, or why it is not known."""
        if self._mask is None:
            try:
                self._mask = self._device.number(self._call)
            except RefusedError as refused:
                return refused
        return self._mask


def _time_source(device: Device) -> CallSource:
    fields = [_field_of(device, timer) for timer in TIMERS]
    channels = [
        device.channel(
            THROTTLE_TIME,
            "ns",
            Tier.SLOW,
            f"{_FIELDS} {field}",
            attributes=((CAUSE, timer.cause), device.hw_id, ("source", timer.source)),
            kind=ChannelKind.COUNTER,
        )
        for timer, field in zip(TIMERS, fields, strict=True)
    ]
    return CallSource(channels, lambda: _times_ns(device, fields))


def _field_of(device: Device, timer: Timer) -> int:
    def ask(field: int) -> None:
        (answer,) = _times_ns(device, [field])
        if isinstance(answer, RefusedError):
            raise answer

    return first_answering(timer.fields, ask)


def _times_ns(device: Device, fields: Sequence[int]) -> Sequence[Answer]:
    values = device.ask(_FIELDS, list(fields))
    return [_time_ns(value, field) for value, field in zip(values, fields, strict=True)]


def _time_ns(value: Any, field: int) -> Answer:
    if value.nvmlReturn != _SUCCESS:
        return refusal(f"{_FIELDS} {field}", value.nvmlReturn)
    if value.valueType not in _WIDE_TYPES:
        return RefusedError(Reason.NOT_SUPPORTED, f"{_FIELDS} {field}: not a counter on this driver")
    return member(value.value, value.valueType)
