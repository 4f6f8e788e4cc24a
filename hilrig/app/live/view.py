"""One look at a run, for every live view: from nothing but the files in its directory.

A view is a process of its own and asks the run for nothing; a run that nobody looks at pays nothing for it.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from hilrig.app.foreign_text import one_line
from hilrig.app.live.events import last_events
from hilrig.app.live.finished import finished
from hilrig.app.live.limits import broken_so_far, limits_so_far
from hilrig.app.live.status import LiveStatus, read_plan
from hilrig.core.clock import Clock
from hilrig.core.errors import RecordError, UsageError
from hilrig.core.files import RESULT, STATUS
from hilrig.core.live import LiveLimit, LiveRun, LiveState, LiveTemperature
from hilrig.core.units import NS_PER_S, bytes_to_mib
from hilrig.record.heartbeat import heartbeat_of, read_status
from hilrig.record.remote import REMOTE, rig_of
from hilrig.record.untrusted_file import read_json_object

STALE_NS: Final = 5 * NS_PER_S
"""Five missed signs of life: later than a busy disk, earlier than a person's patience."""

N_EVENTS: Final = 8
RESULT_MAX_BYTES: Final = 64 << 20
OFFERING: Final = frozenset({"warmup", "measure", "drill"})
BEFORE: Final = frozenset({"", "power-loss test", "self-test", "loading"})


def look(run_dir: Path, *, clock: Clock) -> LiveRun:
    """Return how a run stands now.

    Args:
        run_dir: its directory.
        clock: of this machine, for the age of the last sign of life.

    Raises:
        RecordError: it is no run directory (any more), or a file in it is none of hilrig's.
    """
    plan = read_plan(run_dir)
    said = read_status(run_dir) or {}
    run = _running(run_dir, LiveStatus(plan=plan, said=said))
    state, age_s = _state(said, clock)
    result = read_json_object(
        run_dir / RESULT, max_bytes=RESULT_MAX_BYTES
    )  # last: it comes before the process goes
    if result is not None:
        return finished(run, result)
    if state is LiveState.LOST and (rig := rig_of(run_dir)):
        unfollowed = f"the run may go on on rig {rig}, nobody here follows it: hilrig watch {run_dir} takes it up"
        run = replace(run, warnings=(*run.warnings, unfollowed))
    return replace(run, state=state, heartbeat_age_s=age_s)


def newest_running(reports: Path, *, clock: Clock) -> Path:
    """Return the directory of the newest run in a reports folder that goes on.

    Raises:
        UsageError: none goes on.
    """
    folders = sorted((path for path in reports.glob("*") if (path / STATUS).is_file()), reverse=True)
    for folder in folders:
        if not os.path.lexists(folder / RESULT) and _goes_on(folder, clock):
            return folder
    raise UsageError(f"no run goes on in {reports}", hint="hilrig list; name another folder with --reports")


def _goes_on(folder: Path, clock: Clock) -> bool:
    if (folder / REMOTE).is_file():
        return True  # on a rig, followed from here or not
    try:
        return look(folder, clock=clock).state in {LiveState.RUNNING, LiveState.STALE}
    except RecordError:
        return False


def _state(said: Mapping[str, Any], clock: Clock) -> tuple[LiveState, float | None]:
    if not said:
        return LiveState.LOST, None
    heartbeat = heartbeat_of(said)
    age_ns = heartbeat.age_ns(clock)
    age_s = None if age_ns is None else round(age_ns / NS_PER_S, 1)
    if not heartbeat.process_lives():
        return LiveState.LOST, age_s
    return (LiveState.RUNNING if heartbeat.is_fresh(clock, max_age_ns=STALE_NS) else LiveState.STALE), age_s


def _running(run_dir: Path, status: LiveStatus) -> LiveRun:
    plan, limits = status.plan, limits_so_far(status)
    elapsed_s, total_s = status.number("elapsed_s"), status.number("total_s")
    phase = status.text("phase")
    return LiveRun(
        run_dir=run_dir,
        run_id=plan.run_id,
        profile_name=plan.profile_name,
        rig=plan.rig,
        device_class=plan.device_class,
        operator=one_line(plan.operator),
        note=one_line(plan.note),
        started_at_utc=plan.created_at_utc,
        state=LiveState.RUNNING,
        phase=phase,
        heartbeat_age_s=None,
        elapsed_s=elapsed_s,
        total_s=total_s if total_s is not None else plan.n_frames * plan.period_ns / NS_PER_S,
        eta_s=max(0.0, total_s - elapsed_s) if total_s and elapsed_s is not None and phase in OFFERING else None,
        fps=status.number("fps"),
        n_frames=plan.n_frames,
        n_offered=status.count("n_offered"),
        n_decided=status.count("n_decided"),
        n_dropped=status.count("n_dropped"),
        n_failed=status.count("n_failed"),
        now_p50_ms=status.number("recent_p50_ms"),
        now_p95_ms=status.number("recent_p95_ms"),
        now_p99_ms=status.number("recent_p99_ms"),
        whole_p50_ms=status.number("measured", "p50_ms"),
        whole_p95_ms=status.number("measured", "p95_ms"),
        whole_p99_ms=status.number("measured", "p99_ms"),
        whole_max_ms=status.number("measured", "max_ms"),
        limits=limits,
        temperatures=_temperatures(status),
        thermal_state=status.text("thermal_state") or "unknown",
        throttled_s=status.number("throttled_s"),
        disk_free_mib=_free_mib(run_dir),
        disk_needed_mib=_needed_mib(status),
        if_stopped_now=_if_stopped_now(status, limits),
        events=last_events(run_dir, at_most=N_EVENTS),
        warnings=tuple(one_line(str(warning)) for warning in status.listed("warnings")),
    )


def _if_stopped_now(status: LiveStatus, limits: tuple[LiveLimit, ...]) -> str:
    """Return what a stop now would lead to; never a promise of a PASS, which needs the whole record."""
    phase = status.text("phase")
    if phase in BEFORE:
        return "nothing is recorded yet: the run would leave no report"
    if phase not in OFFERING:
        return "it has ended, the verdict is on its way"
    certain = status.text("certain_failure")
    if certain:
        return f"FAIL for certain: {one_line(certain)}"
    broken = list(broken_so_far(limits))
    over = f"; over its limit so far: {'; '.join(broken)}" if broken else ""
    if not status.is_long_enough:
        return f"{'INCONCLUSIVE or FAIL' if broken else 'INCONCLUSIVE'}: {status.measured_of}{over}"
    return f"long enough{over}" if broken else "long enough; every limit that is known by now holds so far"


def _temperatures(status: LiveStatus) -> tuple[LiveTemperature, ...]:
    """Return the sensors, those nearest to their limit first, the others by heat."""
    found = []
    for sensor in status.listed("temperatures"):
        one = LiveStatus(plan=status.plan, said=sensor if isinstance(sensor, Mapping) else {})
        now_cel = one.number("now_cel")
        if now_cel is not None:
            name, limit_cel = one_line(one.text("name")), one.number("limit_cel")
            found.append(LiveTemperature(name=name, now_cel=now_cel, limit_cel=limit_cel))
    return tuple(sorted(found, key=_nearness))


def _nearness(sensor: LiveTemperature) -> tuple[bool, float]:
    margin_cel = sensor.margin_cel
    return margin_cel is None, -sensor.now_cel if margin_cel is None else margin_cel


def _free_mib(run_dir: Path) -> float | None:
    try:
        return round(bytes_to_mib(shutil.disk_usage(run_dir).free), 1)
    except OSError:
        return None


def _needed_mib(status: LiveStatus) -> float | None:
    """Return what the frames still to come take on the disk."""
    whole_mib, n_frames = status.number("disk_needed_mib"), status.plan.n_frames
    if whole_mib is None or not n_frames:
        return None
    return round(whole_mib * max(0.0, 1 - (status.number("n_offered") or 0) / n_frames), 1)
