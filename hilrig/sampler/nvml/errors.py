"""Errors of a GPU: XID events reported while hilrig looks, memory errors that ECC could not correct."""

from collections.abc import Sequence
from typing import Any, Final

from hilrig.core.channels import ERRORS, LAST_XID
from hilrig.core.telemetry import ChannelKind, Tier
from hilrig.sampler.nvml.calls import TIMEOUT, RefusedError
from hilrig.sampler.nvml.source import Answer, CallSource, Device, one_number

_XID: Final = 0x8
"""nvmlEventTypeXidCriticalError."""

_UNCORRECTED: Final = 1
_SINCE_DRIVER_LOAD: Final = 0
_EVENTS_MAX: Final = 50
"""Events taken in one reading: a card in a storm of them must not hold up the others."""

_WAIT: Final = "nvmlEventSetWait_v2"
_ECC: Final = "nvmlDeviceGetTotalEccErrors"


def error_sources(device: Device) -> list[CallSource]:
    """Return the XID events and the uncorrected memory errors."""
    ecc = device.channel(
        ERRORS,
        "{error}",
        Tier.SLOW,
        _ECC,
        attributes=(device.hw_id, ("error.type", "ecc_uncorrected")),
        kind=ChannelKind.COUNTER,
    )
    return [XidSource(device), one_number(device, ecc, _ECC, _UNCORRECTED, _SINCE_DRIVER_LOAD)]


class XidSource(CallSource):
    """Counts the XID events of a device from now on, and keeps the number of the last one (0: none)."""

    def __init__(self, device: Device) -> None:
        count = device.channel(
            ERRORS,
            "{error}",
            Tier.SLOW,
            _WAIT,
            attributes=(device.hw_id, ("error.type", "xid")),
            kind=ChannelKind.COUNTER,
        )
        last = device.channel(LAST_XID, "1", Tier.SLOW, _WAIT, kind=ChannelKind.STATE)
        super().__init__((count, last), self._answer)
        self._device = device
        self._count = 0
        self._last = 0
        self._set, self._refused = _event_set(device)

    def close(self) -> None:
        """Free the driver's queue of events."""
        super().close()
        _free(self._device, self._set)
        self._set = None

    def _answer(self) -> Sequence[Answer]:
        if self._refused is not None:
            return (self._refused, self._refused)
        for _ in range(_EVENTS_MAX):
            event = self._next()
            if event is None:
                break
            self._count += 1
            self._last = event.eventData
        return (self._count, self._last)

    def _next(self) -> Any:
        try:
            return self._device.driver.ask(_WAIT, self._set, 0)
        except RefusedError as refused:
            if refused.status == TIMEOUT:  # how NVML says that there is no event
                return None
            raise


def _event_set(device: Device) -> tuple[Any, RefusedError | None]:
    """Return a queue that gets the device's XID events, or why there is none."""
    events = None
    try:
        events = device.driver.ask("nvmlEventSetCreate")
        device.ask("nvmlDeviceRegisterEvents", _XID, events)
    except RefusedError as refused:
        _free(device, events)
        return None, refused
    return events, None


def _free(device: Device, events: Any) -> None:
    if events is None:
        return
    try:
        device.driver.ask("nvmlEventSetFree", events)
    except RefusedError:
        return  # a driver that is gone has freed it
