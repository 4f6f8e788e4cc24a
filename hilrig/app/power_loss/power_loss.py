"""A power-loss test from what a profile asks for to what was found."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.app.power_loss.depths import DepthTest, run_depth, why_not
from hilrig.app.power_loss.subject import make_releases, node_subject
from hilrig.app.rigs.files import find_rig, rigs_folder
from hilrig.config.subject_file import load_subject
from hilrig.core.errors import UsageError
from hilrig.core.power_loss import Depth, DepthResult, PowerLossResult, PowerLossSpec, UpdateSubject
from hilrig.core.rig import RigSpec
from hilrig.faults.stepping import Progress

FULL_KILLS: Final = 200
"""Of the command `hilrig powerloss`; before a run each named point is killed once."""
_PREFIX: Final = "hilrig-power-loss-"


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLossRequest:
    """A test as asked for.

    Args:
        spec: depths, seed, cuts, subject and rig.
        folder: where the subject file's path starts: the profile's folder.
        rigs: the folder of rig files; None: the usual one.
        n_kills: kills at least.
        work: a folder for stores and disks, which is left as it was found; None: one of the system's.
        keep: where stores that were found bad are kept; None: nowhere.
    """

    spec: PowerLossSpec
    folder: Path
    rigs: Path | None = None
    n_kills: int = 0
    work: Path | None = None
    keep: Path | None = None


def run_power_loss(
    request: PowerLossRequest,
    *,
    started_at_utc: str,
    progress: Progress,
    should_stop: Callable[[], bool],
    on_depth: Callable[[DepthResult], None] = lambda _: None,
) -> PowerLossResult:
    """Return what every depth found.

    Args:
        request: the test.
        started_at_utc: for people.
        progress: told what goes on, how much is done, how much there is.
        should_stop: asked again and again.
        on_depth: told of each depth when it is done.

    Raises:
        ConfigError: the subject file or the rig's file is missing or has mistakes.
        PreconditionError: the update does not work even without a cut.
        RunAbortedError: it was stopped.
    """
    spec = request.spec
    rig = _rig(request)
    with _work_folder(request.work) as work:
        subject = _subject(request, work)
        found = []
        for depth in spec.depths:
            test = DepthTest(
                subject=subject,
                seed=spec.seed,
                n_kills=request.n_kills,
                n_cuts=spec.n_cuts,
                rig=rig,
                work=work / depth.value,
                keep=request.keep / depth.value if request.keep else None,
                progress=_named(progress, depth),
                should_stop=should_stop,
            )
            found.append(run_depth(depth, test))
            shutil.rmtree(test.work, ignore_errors=True)
            on_depth(found[-1])
    return PowerLossResult(
        subject=subject.name,
        seed=spec.seed,
        required=spec.depths,
        depths=tuple(found),
        started_at_utc=started_at_utc,
    )


def why_not_here(request: PowerLossRequest) -> Iterator[str]:
    """Yield, for each depth that the test requires and that cannot run here, why.

    Raises:
        ConfigError: the subject file or the rig's file is missing or has mistakes.
    """
    rig = _rig(request)
    subject = _asked_subject(request) or UpdateSubject(name="", install=(), episodes={}, ask=(), writes_trace=True)
    for depth in request.spec.depths:
        reason = why_not(depth, subject, rig)
        if reason:
            yield f"power_loss: the depth {depth.value} cannot run here: {reason}"


def _rig(request: PowerLossRequest) -> RigSpec | None:
    if request.spec.rig is None:
        return None
    return find_rig(request.spec.rig, rigs_folder(request.rigs))[0]


def _asked_subject(request: PowerLossRequest) -> UpdateSubject | None:
    name = request.spec.subject_file
    return None if name is None else load_subject(request.folder / name)


def _subject(request: PowerLossRequest, work: Path) -> UpdateSubject:
    return _asked_subject(request) or node_subject(make_releases(work / "releases"))


@contextmanager
def _work_folder(asked: Path | None) -> Iterator[Path]:
    """Give an empty folder, and remove it with all that is in it."""
    if asked is not None and not asked.is_dir():
        raise UsageError(f"no folder {asked}", hint="make it, or leave --work out")
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=asked) as folder:
        yield Path(folder).resolve()


def _named(progress: Progress, depth: Depth) -> Progress:
    def tell(what: str, n_done: int, n_all: int) -> None:
        progress(f"{depth.words}: {what}", n_done, n_all)

    return tell
