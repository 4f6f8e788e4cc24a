"""A run while it goes on, as every live view shows it: views never decide, the verdict comes at the end."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from hilrig.core.verdict import RunStatus


class LiveState(str, Enum):
    """Where a run stands, seen from outside."""

    RUNNING = "running"
    STALE = "stale"  # its process is there, but has given no sign of life for more than five seconds
    LOST = "lost"  # its process is gone without a verdict: hilrig recover
    FINISHED = "finished"


class Standing(str, Enum):
    """How a limit stands so far."""

    WITHIN = "within"
    BROKEN = "broken"  # by what was seen so far; more frames may dilute it
    UNKNOWN = "unknown"  # not known before the end, or nothing was measured yet


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLimit:
    """A limit with what is known of it so far.

    Args:
        now: over the last minute, in `unit`; None when not known. `whole` is over the measured part so far.
        budget_left_pct: how much of the frames that may break it is left for the rest of the run, of all that the
            run may have; None where a limit has no such budget.
        text: for a person: `p99 11.9 ms, limit 45 ms`.
    """

    check_id: str
    title: str
    comparator: str
    limit: float
    unit: str
    now: float | None
    whole: float | None
    standing: Standing
    budget_left_pct: float | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTemperature:
    """A sensor, with the temperature at which its device throttles or shuts down where that is known."""

    name: str
    now_cel: float
    limit_cel: float | None

    @property
    def margin_cel(self) -> float | None:
        """Return how far below that it is."""
        return None if self.limit_cel is None else self.limit_cel - self.now_cel


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRun:
    """One look at a run. What is not known is None, never 0.

    Args:
        phase: loading, self-test, warmup, measure, drain, judging, done.
        heartbeat_age_s: since the last sign of life; None when there was none.
        elapsed_s: since the first frame was due, of `total_s`; `eta_s` to the verdict.
        fps: frames offered per second, over the last minute.
        thermal_state: nominal, throttled or unknown; `throttled_s` for how long so far.
        disk_free_mib: on the disk of the run directory; `disk_needed_mib` is what the rest of the run takes.
        if_stopped_now: what the verdict would be, in one sentence.
        events: the last things that happened, newest first, in words.
        status: the verdict of a finished run, with its `sentence` and `exit_code`.
    """

    run_dir: Path
    run_id: str
    profile_name: str
    rig: str
    device_class: str
    operator: str
    note: str
    started_at_utc: str
    state: LiveState
    phase: str
    heartbeat_age_s: float | None
    elapsed_s: float | None
    total_s: float | None
    eta_s: float | None
    fps: float | None
    n_frames: int | None
    n_offered: int | None
    n_decided: int | None
    n_dropped: int | None
    n_failed: int | None
    now_p50_ms: float | None
    now_p95_ms: float | None
    now_p99_ms: float | None
    whole_p50_ms: float | None
    whole_p95_ms: float | None
    whole_p99_ms: float | None
    whole_max_ms: float | None
    limits: tuple[LiveLimit, ...]
    temperatures: tuple[LiveTemperature, ...]
    thermal_state: str
    throttled_s: float | None
    disk_free_mib: float | None
    disk_needed_mib: float | None
    if_stopped_now: str
    events: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    status: RunStatus | None = None
    sentence: str = ""
    exit_code: int | None = None
