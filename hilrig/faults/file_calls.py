"""The depth `file_calls`: an update tried in every state that a cut between its file calls could leave.

It needs no privilege, so that every change of a store's code can be tried. What survives is a pessimistic reading
of POSIX, not what one file system happens to do: that is the block log's part.
"""

import random
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from hilrig.core.power_loss import Depth, DepthResult, UpdateSubject
from hilrig.faults.asking import Answer, ask_all
from hilrig.faults.call_recording import START, recorded_episodes
from hilrig.faults.call_trace import merged
from hilrig.faults.crash_states import LINK, CrashState, CrashStates, RecordedStep, Tree
from hilrig.faults.disk_model import read_disk
from hilrig.faults.recovery_check import check_recovery
from hilrig.faults.stepping import Progress, stop_if
from hilrig.faults.tally import Tally

STATES_MAX: Final = 6_000
"""A minute of asking. The reference node has fewer; of more a seeded draw is asked, and the result says so."""
BATCH: Final = 100
"""States on the disk at once."""
CALIBRATION_STATES_MAX: Final = 100
"""Of a store that is known: every wrong one shows itself in every seventh state at least."""


def run_file_calls(
    subject: UpdateSubject,
    *,
    seed: int,
    work: Path,
    progress: Progress,
    should_stop: Callable[[], bool],
    n_states_max: int = STATES_MAX,
    keep: Path | None = None,
) -> DepthResult:
    """Return what a subject runs in every state that a cut between its file calls could have left.

    Args:
        subject: the software under test.
        seed: of what is drawn where there are too many states.
        work: an empty folder for stores and states.
        progress: told how far it is.
        should_stop: asked between commands.
        n_states_max: more are drawn from.
        keep: where the folders of bad states are kept; None: nowhere.

    Raises:
        PreconditionError: the update does not work even uncut, or nothing can record its calls here.
        RecordError: the record of its calls does not account for what it left: the result would be no evidence.
        RunAbortedError: it was stopped.
    """
    began_s = time.monotonic()
    found = CrashStates(seed=seed)
    n_calls = 0
    for name, steps in recorded_episodes(subject, work, progress, should_stop):
        n_calls += sum(len(step.calls) for step in steps)
        found.add_episode(name, read_disk(work / START), _merged(steps))
    chosen = _chosen(found.states, n_states_max, seed=seed)
    tally = Tally(keep)

    def tell(n_done: int) -> None:
        progress("asking about states", n_done, len(chosen))
        stop_if(should_stop)

    _judge_all(subject, found, chosen, work, tally, tell)
    return DepthResult(
        depth=Depth.FILE_CALLS,
        ran=True,
        n_states=len(chosen),
        counts=tally.counts,
        n_bad=tally.n_bad,
        bad=tally.bad,
        took_s=round(time.monotonic() - began_s, 1),
        facts={
            "n_calls": n_calls,
            "n_cuts": found.n_cuts,
            "n_combinations": found.n_possible,
            "n_combinations_built": found.n_built,
            "n_distinct_states": len(found.states),
            "recorder": "own record of the subject" if subject.writes_trace else "FUSE",
            "assumes": "POSIX, pessimistic: only what was synced lasts",
        },
    )


def _merged(steps: Sequence[RecordedStep]) -> tuple[RecordedStep, ...]:
    return tuple(RecordedStep(step=one.step, calls=merged(one.calls)) for one in steps)


def _chosen(states: Sequence[CrashState], n_max: int, *, seed: int) -> Sequence[CrashState]:
    if len(states) <= n_max:
        return states
    draw = random.Random(seed)  # noqa: S311 - draws states, guards no secret
    return [states[index] for index in sorted(draw.sample(range(len(states)), n_max))]


def _judge_all(
    subject: UpdateSubject,
    found: CrashStates,
    chosen: Sequence[CrashState],
    work: Path,
    tally: Tally,
    tell: Callable[[int], None],
) -> None:
    """Rebuild the states batch by batch, ask, and judge."""
    for start in range(0, len(chosen), BATCH):
        tell(start)
        batch = chosen[start : start + BATCH]
        for state, answer in zip(batch, _ask_batch(subject, found, batch, work), strict=True):
            recovery = check_recovery(answer, allowed=state.allowed, releases=subject.releases)
            place = tally.add(recovery, step=state.step, at=state.at)
            if place is not None:
                rebuild(state.tree, found, place)
    shutil.rmtree(work / "states", ignore_errors=True)


def _ask_batch(
    subject: UpdateSubject, found: CrashStates, batch: Sequence[CrashState], work: Path
) -> list[Answer]:
    """Return the answers for a batch; without `ask_many` each state lies where the store itself lay."""
    folder = work / "states"
    shutil.rmtree(folder, ignore_errors=True)
    if not subject.ask_many:
        return [_ask_in_place(subject, found, state, work / "store") for state in batch]
    stores = [folder / str(number) for number in range(len(batch))]
    for state, store in zip(batch, stores, strict=True):
        rebuild(state.tree, found, store)
    return ask_all(subject, stores)


def _ask_in_place(subject: UpdateSubject, found: CrashStates, state: CrashState, store: Path) -> Answer:
    shutil.rmtree(store, ignore_errors=True)
    rebuild(state.tree, found, store)
    return ask_all(subject, [store])[0]


def rebuild(tree: Tree, found: CrashStates, store: Path) -> None:
    """Make a state's folder."""
    store.mkdir(parents=True)
    for path, digest in tree.items():
        if digest is None:
            (store / path).mkdir()
        elif digest.startswith(LINK):
            (store / path).symlink_to(digest.removeprefix(LINK))
        else:
            (store / path).write_bytes(found.contents[digest])
