"""The depths of a power-loss test, each with what makes it.

One that cannot be made here says why.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from hilrig.core.errors import RecordError, RigBusyError, RigLostError
from hilrig.core.power_loss import Depth, DepthResult, UpdateSubject
from hilrig.core.rig import RigSpec
from hilrig.faults.block_log import run_block_log, why_not_block_log
from hilrig.faults.calibration import calibrated
from hilrig.faults.file_calls import CALIBRATION_STATES_MAX, STATES_MAX, run_file_calls
from hilrig.faults.fuse_recorder import why_not_fuse
from hilrig.faults.kill_points import run_kills
from hilrig.faults.stepping import Progress

VIRTUAL_POWER: Final = "qemu"
"""The power control of a virtual rig: what tells it from one with an outlet."""
NO_POWER: Final = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthTest:
    """One depth of one test.

    Args:
        subject: the software under test.
        seed: of everything that is drawn.
        n_kills: kills at least; every named point is killed once in any case.
        n_cuts: cuts of a rig.
        rig: the rig whose power is cut; None: none was named.
        work: an empty folder.
        keep: where stores that were found bad are kept; None: nowhere.
        progress: told how far it is.
        should_stop: asked again and again.
    """

    subject: UpdateSubject
    seed: int
    n_kills: int
    n_cuts: int
    rig: RigSpec | None
    work: Path
    keep: Path | None
    progress: Progress
    should_stop: Callable[[], bool]


def run_depth(depth: Depth, test: DepthTest) -> DepthResult:
    """Return what one depth finds; one that cannot run here says why.

    Raises:
        PreconditionError: the update does not work even without a cut.
        RunAbortedError: it was stopped.
    """
    reason = why_not(depth, test.subject, test.rig)
    if reason:
        return DepthResult(depth=depth, ran=False, reason=reason)
    test.work.mkdir(parents=True)
    try:
        return _RUN[depth](test)
    except (RecordError, RigBusyError, RigLostError) as error:
        return DepthResult(depth=depth, ran=False, reason=f"{error.message} ({error.hint})")


def why_not(depth: Depth, subject: UpdateSubject, rig: RigSpec | None) -> str:
    """Return why a depth cannot run here; empty when it can."""
    if depth is Depth.FILE_CALLS:
        return "" if subject.writes_trace else why_not_fuse()
    if depth is Depth.BLOCK_LOG:
        return why_not_block_log()
    return "" if depth is Depth.KILL else _why_not_on(depth, rig)


def _why_not_on(depth: Depth, rig: RigSpec | None) -> str:
    if rig is None:
        return "no rig is named whose power could be cut"
    if rig.power == NO_POWER:
        return f"nobody can cut the power of rig {rig.name}: its file says power: none"
    if depth is Depth.VIRTUAL_RIG and rig.power != VIRTUAL_POWER:
        return f"rig {rig.name} is no virtual rig: hilrig rigs virtual makes one"
    if depth is Depth.RIG and rig.power == VIRTUAL_POWER:
        return f"rig {rig.name} is a virtual rig: that is the depth virtual_rig"
    return ""


def _file_calls(test: DepthTest) -> DepthResult:
    def run(subject: UpdateSubject) -> DepthResult:
        is_own = subject is test.subject
        return run_file_calls(
            subject,
            seed=test.seed,
            work=test.work,
            progress=_named(test.progress, subject),
            should_stop=test.should_stop,
            n_states_max=STATES_MAX if is_own else CALIBRATION_STATES_MAX,
            keep=test.keep if is_own else None,
        )

    return calibrated(test.subject, Depth.FILE_CALLS, run)


def _kill(test: DepthTest) -> DepthResult:
    def run(subject: UpdateSubject) -> DepthResult:
        is_own = subject is test.subject
        return run_kills(
            subject,
            seed=test.seed,
            work=test.work,
            progress=_named(test.progress, subject),
            should_stop=test.should_stop,
            n_kills=test.n_kills if is_own else 0,
            keep=test.keep if is_own else None,
        )

    return calibrated(test.subject, Depth.KILL, run)


def _block_log(test: DepthTest) -> DepthResult:
    return run_block_log(
        test.subject,
        seed=test.seed,
        work=test.work,
        progress=test.progress,
        should_stop=test.should_stop,
    )


def _on_rig(depth: Depth, test: DepthTest) -> DepthResult:
    from hilrig.app.power_loss.rig import run_on_rig

    if test.rig is None:  # `why_not` has seen to that
        raise AssertionError(depth)
    result = run_on_rig(
        test.subject,
        rig=test.rig,
        seed=test.seed,
        n_cuts=test.n_cuts,
        work=test.work,
        progress=test.progress,
        should_stop=test.should_stop,
    )
    return replace(result, depth=depth)


def _named(progress: Progress, subject: UpdateSubject) -> Progress:
    def tell(what: str, n_done: int, n_all: int) -> None:
        progress(f"{subject.name}: {what}", n_done, n_all)

    return tell


_RUN: Final[Mapping[Depth, Callable[[DepthTest], DepthResult]]] = {
    Depth.FILE_CALLS: _file_calls,
    Depth.KILL: _kill,
    Depth.BLOCK_LOG: _block_log,
    Depth.VIRTUAL_RIG: partial(_on_rig, Depth.VIRTUAL_RIG),
    Depth.RIG: partial(_on_rig, Depth.RIG),
}
