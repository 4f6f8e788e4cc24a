"""The keys under `faults`: what is broken on purpose after the measured part. See also `fault_rules`."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Annotated, Final

from pydantic import Field

from hilrig.config.document import Document, Path
from hilrig.config.keys import Keys, Name, Percentage, Positive
from hilrig.config.limit_model import Holds
from hilrig.core.drill import LEAD_S
from hilrig.core.fault import FaultKind, FaultSpec
from hilrig.core.metrics import METRICS
from hilrig.core.profile import Comparator, Limit
from hilrig.core.units import S_PER_MIN

FAULTS_MAX: Final = 32
DURATION_MAX_S: Final = 10 * S_PER_MIN
AT_MAX_S: Final = 60 * S_PER_MIN

STEP_MAX_S: Final = 24 * 60 * S_PER_MIN
"""A wrong time zone, a clock without a battery on another day: further away it is the same to a pipeline."""

ALLOWED: Final = frozenset({FaultKind.CAMERA_FREEZES})
"""Where decisions inside the fault are allowed if the profile says nothing: a part that stands still looks so."""


class FaultKeys(Keys):
    """One fault of the drill, which follows the measured part."""

    name: Name = Field(description="Its name in checks, events and the report.")
    kind: FaultKind = Field(
        description="What is broken. `camera_stops`: no frames. `camera_freezes`: one picture again and again. "
        "`camera_garbage`: noise. `camera_resizes`: pictures of half the width and height. `model_corrupt`: a "
        "damaged copy of the model is loaded while it serves. `model_hangs`: its process is stopped. "
        "`model_crashes`: its process dies with a frame in its hands. `worker_killed`: its process is killed. "
        "`disk_full`: its process can write no file. `no_permission`: the model is loaded again from a file that "
        "it may not read. `clock_steps`: the wall clock of this machine is set, and put back."
    )
    at_s: Annotated[float, Field(ge=LEAD_S, le=AT_MAX_S)] | None = Field(
        default=None, description="When it begins, in seconds after the drill began; the first second is quiet."
    )
    at_frame: Annotated[int, Field(ge=2, le=1_000_000)] | None = Field(
        default=None,
        description="With which frame of the drill, counted from 1. Only for `model_crashes`, instead of `at_s`.",
    )
    duration_s: Annotated[float, Field(gt=0, le=DURATION_MAX_S)] | None = Field(
        default=None,
        description="How long it lasts. Needed, but for `model_crashes` and `worker_killed`, which are moments.",
    )
    recovery_max_s: Annotated[Positive, Field(le=DURATION_MAX_S), Holds(metric="fault_recovery_s")] = Field(
        description="After its end, five frames in a row must be decided, the first of them within this time. "
        "After a crash that includes starting another process and loading the model."
    )
    decisions_allowed: Annotated[
        bool | None, Holds(metric="fault_false_decisions", limit=lambda allowed: None if allowed else 0.0)
    ] = Field(
        default=None,
        description="Whether frames inside it may be decided. Left out: only pictures of a frozen camera. "
        "No effect where a decision is none the less true: `camera_stops`, `model_hangs`, `model_crashes`, "
        "`worker_killed`, `disk_full`, `clock_steps`.",
    )
    undecided_max_pct: Annotated[Percentage | None, Holds(metric="fault_undecided_pct")] = Field(
        default=None,
        description="Share of the frames inside it, failed and dropped ones together, that may stay without a "
        "decision. Only for `disk_full` and `clock_steps`, which no decision needs to wait for. Left out: 0.",
    )
    step_s: Annotated[float, Field(ge=-STEP_MAX_S, le=STEP_MAX_S)] | None = Field(
        default=None,
        description="By how much the wall clock is set, at least a second; below 0: back. For `clock_steps`.",
    )
    may_step_clock: bool = Field(
        default=False,
        description="Needed by `clock_steps`, and true: it sets this machine's clock, for everybody on it.",
    )

    def spec(self, rate_fps: Fraction) -> FaultSpec:
        """Return the fault; `rate_fps` is that of all cameras together."""
        at_s = self.at_s if self.at_s is not None else float(((self.at_frame or 1) - 1) / rate_fps)
        allowed = self.kind in ALLOWED if self.decisions_allowed is None else self.decisions_allowed
        return FaultSpec(
            name=self.name,
            kind=self.kind,
            at_s=at_s,
            duration_s=self.duration_s or 0.0,
            recovery_max_s=self.recovery_max_s,
            at_frame=self.at_frame,
            decisions_allowed=allowed,
            undecided_max_pct=self.undecided_max_pct or 0.0,
            step_s=self.step_s or 0.0,
        )


def fault_limits(faults: Sequence[FaultSpec], document: Document, *, file: str) -> Iterator[Limit]:
    """Yield the limits that the faults bring with them, each at the place where it is written."""
    for index, fault in enumerate(faults):
        at: Path = ("faults", index)
        where = _source(document, (*at, "recovery_max_s"), file)
        yield _at_most(fault.recovery_check_id, "fault_recovery_s", fault.recovery_max_s, source=where)
        if fault.handled_check_id is not None:
            where = _source(document, (*at, "kind"), file)
            yield _at_most(fault.handled_check_id, "fault_false_decisions", 0.0, source=where)
        if fault.undecided_check_id is not None:
            is_stated = (*at, "undecided_max_pct") in document.keys
            where = _source(document, (*at, "undecided_max_pct" if is_stated else "kind"), file)
            yield _at_most(fault.undecided_check_id, "fault_undecided_pct", fault.undecided_max_pct, source=where)


def _at_most(check_id: str, metric: str, limit: float, *, source: str) -> Limit:
    return Limit(
        check_id=check_id,
        metric=metric,
        comparator=Comparator.LE,
        limit=limit,
        unit=METRICS[metric].unit,
        source=source,
    )


def _source(document: Document, path: Path, file: str) -> str:
    mark = document.keys.get(path) or document.mark(path)
    return f"{file}:{mark.line}:{mark.column}"
