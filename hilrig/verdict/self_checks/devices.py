"""Self-checks of the devices: there to the end, without errors, well supplied."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core import channels
from hilrig.core.telemetry import Reason
from hilrig.core.units import NS_PER_S, S_PER_MIN
from hilrig.core.verdict import SelfCheck
from hilrig.verdict.self_checks.self_check import stated
from hilrig.verdict.telemetry.channels import Series, Telemetry, growth
from hilrig.verdict.telemetry.metric_channels import hw_id_of
from hilrig.verdict.throttling.answer import NO_EDGES
from hilrig.verdict.throttling.asked_devices import THROTTLE_NAMES
from hilrig.verdict.throttling.questions import throttle_events
from hilrig.verdict.window import Window
from hilrig.verdict.wording import counted, listed

DEVICE_CHANNELS: Final = frozenset(
    {
        *THROTTLE_NAMES,
        channels.GPU_UTILIZATION,
        channels.GPU_MEMORY,
        channels.GPU_CLOCK,
        channels.GPU_CLOCK_LIMIT,
        channels.POWER,
        channels.ERRORS,
    }
)
"""What an accelerator or its board has: a device with one of these is missed when it no longer answers."""

AVERAGE_OVER_CURRENT: Final = "oc2_event_cnt"
"""Source of the channel that counts an Orin's average over-current."""

UNDERVOLTAGE: Final = "undervoltage_events"
NOT_REPORTED: Final = "not reported by this rig"
N_NAMED: Final = 3


def check_devices(window: Window, telemetry: Telemetry) -> tuple[SelfCheck, ...]:
    """Return whether a device was lost, reported errors, or did not get the power that it needs."""
    return (
        _present(window, telemetry),
        _errors(window, telemetry),
        _supply(window, telemetry),
        _over_current(window, telemetry),
    )


def _present(window: Window, telemetry: Telemetry) -> SelfCheck:
    of_devices = [series for series in telemetry.series if hw_id_of(series)]
    known = {hw_id_of(series) for series in of_devices if series.channel.name in DEVICE_CHANNELS}
    watched = [series for series in of_devices if hw_id_of(series) in known and series.capability.reason is None]
    lost_min: dict[str, float] = {}
    for series in watched:
        for minute in _lost_min(series, window):
            lost_min[hw_id_of(series)] = min(minute, lost_min.get(hw_id_of(series), minute))
    lost = [f"{hw_id} was lost at minute {minute:.1f}" for hw_id, minute in lost_min.items()]
    n_watched = len({hw_id_of(series) for series in watched})
    observed = listed(lost, at_most=N_NAMED) if lost else f"{counted(n_watched, 'device')} answered to the end"
    return stated(
        "devices.present",
        ok=not lost,
        observed=observed,
        limit="none lost",
        holds=f"No device was lost ({observed}).",
        broken=f"A device stopped answering: {observed}.",
        advice="See `dmesg` for the driver's last words; check the device's seating, power cables and heat, reset "
        "it or restart the rig, then run again.",
    )


def _lost_min(series: Series, window: Window) -> list[float]:
    """Return when a channel was first LOST in the measured part, in minutes after its start; nothing if never."""
    inside = series.within(window)
    lost_ns = inside.t_ns[inside.reason == Reason.LOST]
    return [float(lost_ns[0] - window.start_ns) / (NS_PER_S * S_PER_MIN)] if lost_ns.size else []


def _errors(window: Window, telemetry: Telemetry) -> SelfCheck:
    """Judge the errors that devices count; one that counted at the probe and no longer does hides some."""
    found = _readable(telemetry.named(channels.ERRORS))
    seen = [words for series in found for words in _error_words(series, telemetry, window)]
    observed = listed(seen, at_most=N_NAMED) or ("no errors" if found else NOT_REPORTED)
    return stated(
        "devices.errors",
        ok=not seen,
        observed=observed,
        limit="0 errors",
        holds=f"The devices reported no errors ({observed}).",
        broken=f"A device reported errors: {observed}.",
        advice="See `dmesg` for lines with NVRM, and NVIDIA's list of XID errors for what the number means; "
        "uncorrected memory errors that come again mean that the card has to be replaced.",
    )


def _error_words(series: Series, telemetry: Telemetry, window: Window) -> Iterator[str]:
    kind = dict(series.channel.attributes).get("error.type", "error")
    hw_id = hw_id_of(series) or "the machine"
    n_new = _seen_growth(series, window)
    if n_new > 0:
        last = _last_xid(telemetry, hw_id, window) if kind == "xid" else ""
        yield f"{hw_id}: {counted(round(n_new), f'new {kind} error')}{last}"
    elif growth([series], window) is None:
        yield f"{hw_id}: {kind} errors have {NO_EDGES}"


def _seen_growth(series: Series, window: Window) -> float:
    """Return by how much a counter was seen to grow, from the last reading before the measured part to its end.

    Unlike `growth` this needs no reading at either edge: a device that is lost has counted its error before.
    """
    valued = series.valued()
    first, end = np.searchsorted(valued.t_ns, [window.start_ns, window.end_ns], side="right").tolist()
    values: NDArray[np.float64] = valued.value[max(0, first - 1) : end + 1]
    return math.fsum(np.maximum(0, np.diff(values)).tolist())


def _last_xid(telemetry: Telemetry, hw_id: str, window: Window) -> str:
    for series in telemetry.named(channels.LAST_XID, (channels.HW_ID, hw_id)):
        valued = series.valued()
        numbers = valued.value[valued.t_ns >= window.start_ns]
        if numbers.size and numbers[-1] > 0:
            return f", the last is XID {int(numbers[-1])}"
    return ""


def _supply(window: Window, telemetry: Telemetry) -> SelfCheck:
    """Judge the supply where no limit does: too low a voltage is not the model's fault."""
    measured = throttle_events(channels.CAUSE_UNDERVOLTAGE, telemetry, window)
    is_limited = any(limit.metric == UNDERVOLTAGE for limit in window.plan.limits)
    n_events = measured.value or 0.0
    told = counted(round(n_events), "under-voltage event")
    observed = "not measured" if measured.value is None else f"{told} ({measured.evidence})"
    return stated(
        "host.supply",
        ok=is_limited or not n_events,
        observed=f"{observed}, held by a limit of the profile" if is_limited else observed,
        limit="0 under-voltage events",
        holds=f"Nothing is held against the power supply: {observed}.",
        broken=f"The supply voltage was too low: {observed}.",
        advice="Use the power supply and the cable that the board's maker names, look for a voltage drop at its "
        "terminals under load, then run again.",
    )


def _over_current(window: Window, telemetry: Telemetry) -> SelfCheck:
    cause, source = (channels.CAUSE, channels.CAUSE_POWER), ("source", AVERAGE_OVER_CURRENT)
    found = _readable(telemetry.named(channels.THROTTLE_EVENTS, cause, source))
    n_events = sum(_seen_growth(series, window) for series in found)
    observed = counted(round(n_events), "average over-current event") if found else NOT_REPORTED
    return stated(
        "host.overcurrent",
        ok=not n_events,
        observed=observed,
        limit="0 average over-current events",
        holds=f"The board did not draw too much current for long ({observed}).",
        broken=f"The board drew more current than it may, so its clocks were held down: {observed}.",
        advice="Choose a power mode with a lower cap (`nvpmodel -q` shows the present one) or take load off the "
        "board, then run again.",
    )


def _readable(found: Sequence[Series]) -> list[Series]:
    """Return the channels that answered the probe; one that did not is no evidence either way."""
    return [series for series in found if series.capability.reason is None]
