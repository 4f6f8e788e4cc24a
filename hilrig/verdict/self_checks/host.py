"""Self-checks of the machine while frames were measured.

The run's own processes are checked with it.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.channels import GPU_CLOCK_LIMIT, HW_ID, POWER_MODE
from hilrig.core.run import Ended, RunEvent
from hilrig.core.units import NS_PER_MS
from hilrig.core.verdict import SelfCheck
from hilrig.verdict.self_checks.self_check import stated
from hilrig.verdict.telemetry.channels import Series, Telemetry, growth, over_measured_part
from hilrig.verdict.window import Window
from hilrig.verdict.wording import capitalised, counted, listed, quantity

STEP_MS_MAX: Final = 50
"""Between two readings a minute apart, slewing (at most 0.5 ms/s) stays below this; a step does not."""

SUSPEND_MS_MAX: Final = 10
CLOCK_KEYS: Final = ("monotonic_ns", "realtime_ns", "boottime_ns")
STEAL_PCT_MAX: Final = 1
STEAL: Final = ("cpu.mode", "steal")
TARGET_ROLE: Final = "worker"
NOT_REPORTED: Final = "not reported by this rig"
_HZ_PER_MHZ: Final = 1e6

SAME_BOOT: Final = "same boot"
OTHER_BOOT: Final = "another boot"
REBOOTED: Final = "the rig rebooted in the middle of the run (power cut, crash or restart)"

Events = tuple[RunEvent, ...]


def check_host(window: Window, telemetry: Telemetry, events: Events) -> tuple[SelfCheck, ...]:
    """Return what the machine did to the run (clocks, boot, steal, power, memory), and whether it was whole."""
    return (
        _clock_steps(events),
        _boot(events),
        _steal(window, telemetry),
        _power_mode(window, telemetry),
        _oom(window, telemetry),
        _processes(events),
        _target_alive(events),
        _disk(window, events),
        _completed(window, events),
    )


def _clock_steps(events: Events) -> SelfCheck:
    details = [event.detail for event in events if event.kind == "clock"]
    passed = [_passed_ns(before, after) for before, after in pairwise(details)]
    step_ms = max((abs(real_ns - mono_ns) for mono_ns, real_ns, _ in passed), default=0) / NS_PER_MS
    suspend_ms = max((boot_ns - mono_ns for mono_ns, _, boot_ns in passed), default=0) / NS_PER_MS
    measured = f"largest step {quantity(step_ms, 'ms')}, suspended {quantity(suspend_ms, 'ms')}"
    observed = measured if passed else "fewer than two readings of the clocks"
    return stated(
        "clock.steps",
        ok=bool(passed) and step_ms <= STEP_MS_MAX and suspend_ms <= SUSPEND_MS_MAX,
        observed=observed,
        limit=f"step at most {STEP_MS_MAX} ms, suspended at most {SUSPEND_MS_MAX} ms",
        holds=f"The clocks ran evenly: {observed}.",
        broken=f"The clocks did not run evenly: {observed}.",
        advice="Let the time service settle before a run, and forbid suspend on the rig.",
    )


def _passed_ns(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return what passed between two readings on CLOCK_MONOTONIC, CLOCK_REALTIME and CLOCK_BOOTTIME."""
    mono_ns, real_ns, boot_ns = (int(after[key]) - int(before[key]) for key in CLOCK_KEYS)
    return mono_ns, real_ns, boot_ns


def _boot(events: Events) -> SelfCheck:
    observed = boot_at_end(events)
    unknown = "The machine was restarted during the run, or the record does not say."
    return stated(
        "host.boot",
        ok=observed == SAME_BOOT,
        observed=observed,
        limit="the same boot at start and end",
        holds="The machine was not restarted during the run.",
        broken=f"{capitalised(REBOOTED)}." if observed == OTHER_BOOT else unknown,
        advice="Find out why the rig restarted (power, watchdog, kernel), then run again.",
    )


def boot_at_end(events: Events) -> str:
    """Return whether the run's end, or its recovery where it has none, was in the boot that it began in."""
    kinds = ("run_created", "run_ended", "recovered")
    seen = {kind: event.detail.get("boot_id") for kind in kinds for event in events if event.kind == kind}
    first, last = seen.get("run_created"), seen.get("run_ended", seen.get("recovered"))
    if not first or not last:
        return "unknown"
    return SAME_BOOT if first == last else OTHER_BOOT


def _steal(window: Window, telemetry: Telemetry) -> SelfCheck:
    stolen = _readable(telemetry, "system.cpu.time", STEAL)
    stolen_s, total_s = growth(stolen, window), growth(_readable(telemetry, "system.cpu.time"), window)
    share_pct = None
    if stolen_s is not None and total_s:
        share_pct = 100 * stolen_s / total_s
    unknown = "no reading at both edges of the measured part" if stolen else NOT_REPORTED
    observed = unknown if share_pct is None else f"{quantity(share_pct, '%')} of all CPU time"
    return stated(
        "host.steal",
        ok=not stolen if share_pct is None else share_pct <= STEAL_PCT_MAX,
        observed=observed,
        limit=f"at most {STEAL_PCT_MAX} % of all CPU time",
        holds=f"The machine had its CPUs to itself (time taken by other virtual machines: {observed}).",
        broken=f"Other virtual machines took CPU time from this one: {observed}.",
        advice="Run on hardware of its own, or when the host's other virtual machines are idle.",
    )


def _power_mode(window: Window, telemetry: Telemetry) -> SelfCheck:
    """Judge the settings of the machine and the bounds of the GPU's clock: once moved, it is another machine."""
    found = [*_readable(telemetry, POWER_MODE), *_readable(telemetry, GPU_CLOCK_LIMIT)]
    parts = [(series, over_measured_part(series, window)) for series in found]
    lost = [_setting(series) for series, part in parts if part is None]
    changed = [
        f"{_setting(series)} {_from_to(series, part)}"
        for series, part in parts
        if part is not None and bool((part != part[0]).any())
    ]
    faults = [*(f"{one} has no reading at both edges of the measured part" for one in lost), *changed]
    unchanged = f"{counted(len(found), 'setting')} unchanged" if found else NOT_REPORTED
    observed = listed(list(dict.fromkeys(faults)), at_most=3) if faults else unchanged
    return stated(
        "host.power_mode",
        ok=not faults,
        observed=observed,
        limit="unchanged",
        holds=f"The power mode stayed as it was ({observed}).",
        broken=f"The power mode during the run: {observed}; the run is not one of one machine.",
        advice="Fix governor, power mode and clock locks before the run (on a Jetson: nvpmodel, jetson_clocks); "
        "keep power daemons from changing them. A clock bound also falls when a device is too hot.",
    )


def _setting(series: Series) -> str:
    """Return what a channel says of the machine: `nvpmodel`, `gpu0 power_limit`, else the channel's key."""
    attributes = dict(series.channel.attributes)
    if series.channel.name == GPU_CLOCK_LIMIT:
        return f"{attributes.get(HW_ID, 'GPU')} clock {attributes.get('bound', 'limit')}"
    names = [attributes[name] for name in (HW_ID, "setting") if name in attributes]
    return " ".join(names) or series.channel.key


def _from_to(series: Series, part: NDArray[np.float64]) -> str:
    """Return the change: from the first value to the first other one."""
    first, other = float(part[0]), float(part[part != part[0]][0])
    if series.channel.unit != "Hz":
        return f"changed from {first:.15g} to {other:.15g}"
    from_to = (quantity(hz / _HZ_PER_MHZ, "MHz") for hz in (first, other))
    return "changed from {} to {}".format(*from_to)


def _oom(window: Window, telemetry: Telemetry) -> SelfCheck:
    found = _readable(telemetry, "hilrig.system.oom_kills")
    kills = [growth([series], window) for series in found]
    n_kills = max((kill for kill in kills if kill is not None), default=None)
    unknown = "no reading at both edges of the measured part" if found else NOT_REPORTED
    observed = unknown if n_kills is None else counted(int(n_kills), "kill")
    return stated(
        "host.oom",
        ok=not found if n_kills is None else n_kills <= 0,
        observed=observed,
        limit="0 kills",
        holds=f"The machine did not run out of memory ({observed}).",
        broken=f"The kernel killed processes for want of memory: {observed}.",
        advice="See `dmesg` for what was killed; give the rig more memory or less to do.",
    )


def _lost(events: Events) -> dict[str, str]:
    """Return how each lost process ended, by its role."""
    return {
        str(event.detail.get("role", "a process")): str(event.detail.get("how", "gone"))
        for event in events
        if event.kind == "child_lost"
    }


def _target_alive(events: Events) -> SelfCheck:
    """Judge the process that runs the pipeline: its end is no fault of the instrument, but no result either."""
    how = _lost(events).get(TARGET_ROLE)
    return stated(
        "target.alive",
        ok=how is None,
        observed="alive to the end" if how is None else how,
        limit="alive to the end",
        holds="The process of the target lived to the end of the run.",
        broken=f"The process of the target was lost: {how}.",
        advice="Its last words are in run.log; a crash there is most often the pipeline's own.",
    )


def _processes(events: Events) -> SelfCheck:
    lost = [f"{role} ({how})" for role, how in _lost(events).items() if role != TARGET_ROLE]
    observed = f"lost: {listed(lost, at_most=3)}" if lost else "all alive to the end"
    return stated(
        "processes.alive",
        ok=not lost,
        observed=observed,
        limit="none lost",
        holds="All processes of the instrument lived to the run's end.",
        broken=f"The instrument lost a process: {listed(lost, at_most=3)}.",
        advice="The process's last words are in the run directory's log.",
    )


def _disk(window: Window, events: Events) -> SelfCheck:
    is_full = window.ended is Ended.DISK_FULL or any(event.kind == "disk_full" for event in events)
    return stated(
        "disk.space",
        ok=not is_full,
        observed="full" if is_full else "enough",
        limit="never full",
        holds="The disk took everything.",
        broken="The disk was full before the run ended.",
        advice="Free space where reports are written, then run again.",
    )


def _completed(window: Window, events: Events) -> SelfCheck:
    state = "unfinished" if window.ended is None else window.ended.value.replace("_", " ")
    reason = next((str(one.detail.get("reason") or "") for one in reversed(events) if one.kind == "run_ended"), "")
    because = f": {reason}" if reason else ""
    is_lost = window.ended is Ended.LEASE_LOST
    return stated(
        "run.completed",
        ok=window.ended in (Ended.COMPLETED, Ended.DECIDED_EARLY),
        observed=state,
        limit=Ended.COMPLETED.value,
        holds=f"The run was {state}{because}.",
        broken=f"The run ended early ({reason if is_lost and reason else state + because}).",
        advice="Reserve the rig, then run again." if is_lost else "Run again to the end.",
    )


def _readable(telemetry: Telemetry, name: str, *attributes: tuple[str, str]) -> list[Series]:
    """Return the channels that answered the probe; one that did not is no evidence either way."""
    return [series for series in telemetry.named(name, *attributes) if series.capability.reason is None]
