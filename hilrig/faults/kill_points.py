"""The depth `kill`: SIGKILL at every named point of an update, at drawn times besides.

The page cache survives it. It finds what is wrong in the order of an update's steps; it finds no missing fsync,
and does not claim to.
"""

import os
import random
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from hilrig.core.power_loss import Depth, DepthResult, UpdateStep, UpdateSubject
from hilrig.faults.asking import Answer, ask_all
from hilrig.faults.recovery_check import check_recovery
from hilrig.faults.stepping import (
    CRASH_VARIABLE,
    INSTALL_EPISODE,
    Progress,
    Stepped,
    copy_store,
    install,
    require_done,
    run_step,
    start_of,
    stop_if,
)
from hilrig.faults.tally import Tally

BATCH: Final = 50
TIMED_KILLS_MIN: Final = 20
"""For each step of software that names no points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """A step as it was walked through once, uncut: the store that it found, its points, how long it took."""

    episode: str
    step: UpdateStep
    before: Path
    points: tuple[str, ...]
    took_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill: at named points (the second time while the step is run again), or after a time."""

    walked: Walked
    points: tuple[str, ...] = ()
    after_s: float = 0.0

    @property
    def at(self) -> str:
        """Return where it was killed, in words."""
        if not self.points:
            return f"killed after {self.after_s * 1000:.0f} ms"
        return ", then run again and ".join(f"killed at {point}" for point in self.points)


def run_kills(
    subject: UpdateSubject,
    *,
    seed: int,
    work: Path,
    progress: Progress,
    should_stop: Callable[[], bool],
    n_kills: int = 0,
    keep: Path | None = None,
) -> DepthResult:
    """Return what a subject runs after it was killed in the midst of each step.

    Args:
        subject: the software under test.
        seed: of what is drawn.
        work: an empty folder.
        progress: told how far it is.
        should_stop: asked between commands.
        n_kills: at least so many; each named point is killed once in any case.
        keep: where the folders of bad states are kept; None: nowhere.

    Raises:
        PreconditionError: the update does not work even unkilled.
        RunAbortedError: it was stopped.
    """
    began_s = time.monotonic()
    walked = _walk(subject, work, progress, should_stop)
    at_points = [Kill(walked=step, points=(point,)) for step in walked for point in step.points]
    drawn = _drawn(walked, n_kills - len(at_points), seed=seed)
    planned, tally = [*at_points, *drawn], Tally(keep)
    ended: list[Stepped] = []

    def tell(n_done: int) -> None:
        progress("killing", n_done, len(planned))
        stop_if(should_stop)

    for start in range(0, len(planned), BATCH):
        batch = planned[start : start + BATCH]
        ended += _kill_batch(subject, batch, work, tally, partial(_tell_from, start, tell))
    return DepthResult(
        depth=Depth.KILL,
        ran=True,
        n_states=len(planned),
        counts=tally.counts,
        n_bad=tally.n_bad,
        bad=tally.bad,
        took_s=round(time.monotonic() - began_s, 1),
        facts={
            "n_points": len(at_points),
            "n_drawn": len(drawn),
            "n_ended_before_the_kill": sum(not done.returncode for done in ended),
            "assumes": "the page cache survives: no missing fsync shows",
        },
    )


def _tell_from(start: int, tell: Callable[[int], None], n_done: int) -> None:
    tell(start + n_done)


def _walk(subject: UpdateSubject, work: Path, progress: Progress, should_stop: Callable[[], bool]) -> list[Walked]:
    """Run every episode once uncut; keep the store as each step finds it."""
    store, base = work / "store", work / "base"
    shutil.rmtree(store, ignore_errors=True)
    install(subject, store)
    copy_store(store, base)
    walked: list[Walked] = []
    for number, (name, steps) in enumerate(subject.episodes.items()):
        progress(f"walking through {name}", number, len(subject.episodes))
        start_of(name, base, store)
        if name == INSTALL_EPISODE:
            store.rmdir()  # its first step makes it
        for step in steps:
            stop_if(should_stop)
            before = work / "before" / str(len(walked))
            before.parent.mkdir(exist_ok=True)
            copy_store(store, before)
            done = require_done(run_step(step.argv, store), name=step.name, subject=subject)
            walked.append(
                Walked(episode=name, step=step, before=before, points=_numbered(done.events), took_s=done.took_s)
            )
    return walked


def _numbered(points: Sequence[str]) -> tuple[str, ...]:
    """Return each point with the number of times that it had been reached."""
    return tuple(f"{point}:{points[: index + 1].count(point)}" for index, point in enumerate(points))


def _drawn(walked: Sequence[Walked], n_more: int, *, seed: int) -> list[Kill]:
    """Return more kills: two in a row at points where the software names them, else at drawn times."""
    draw = random.Random(seed)  # noqa: S311 - draws moments, guards no secret
    pointed = [step for step in walked if step.points]
    if pointed:
        steps = [draw.choice(pointed) for _ in range(n_more)]
        return [Kill(walked=step, points=(draw.choice(step.points), draw.choice(step.points))) for step in steps]
    n_each = max(TIMED_KILLS_MIN, -(-n_more // len(walked)))
    return [
        Kill(walked=step, after_s=step.took_s * draw.uniform(0.01, 1)) for step in walked for _ in range(n_each)
    ]


def _kill_batch(
    subject: UpdateSubject, batch: Sequence[Kill], work: Path, tally: Tally, tell: Callable[[int], None]
) -> list[Stepped]:
    """Kill, ask and judge."""
    folder = work / "killed"
    shutil.rmtree(folder, ignore_errors=True)
    stores = [folder / str(number) for number in range(len(batch))]
    ended: list[Stepped] = []
    with ThreadPoolExecutor(_n_at_once(subject)) as pool:
        place = None if subject.ask_many else work / "store"
        try:
            for number, done in enumerate(pool.map(partial(_killed, place=place), batch, stores)):
                tell(number)
                ended.append(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    for kill, done, store, answer in zip(batch, ended, stores, _ask(subject, stores, work / "store"), strict=True):
        step = kill.walked.step
        allowed = step.may_run_during if done.returncode else step.may_run_after
        found = check_recovery(answer, allowed=allowed, releases=subject.releases)
        place = tally.add(found, step=f"{kill.walked.episode}: {step.name}", at=kill.at)
        if place is not None:
            copy_store(store, place)
    return ended


def _ask(subject: UpdateSubject, stores: Sequence[Path], place: Path) -> list[Answer]:
    if subject.ask_many:
        return ask_all(subject, stores)
    answers = []
    for store in stores:
        copy_store(store, place)
        answers += ask_all(subject, [place])
    return answers


def _n_at_once(subject: UpdateSubject) -> int:
    """Return how many kills may go on at once: one where the software knows its store by its place."""
    return (os.cpu_count() or 1) if subject.ask_many else 1


def _killed(kill: Kill, store: Path, *, place: Path | None) -> Stepped:
    """Run the step until it is killed, at `place` where that matters; return how its last run ended."""
    at = place or store
    copy_store(kill.walked.before, at)
    done = _run_killed(kill, at)
    if at != store:
        copy_store(at, store)
    return done


def _run_killed(kill: Kill, store: Path) -> Stepped:
    if not kill.points:
        return run_step(kill.walked.step.argv, store, kill_after_s=kill.after_s)
    return [run_step(kill.walked.step.argv, store, environment=_crash_at(point)) for point in kill.points][-1]


def _crash_at(point: str) -> Mapping[str, str]:
    return {CRASH_VARIABLE: point}
