"""Which states a power cut could have left on a disk. Pure: equal logs give equal states.

A disk with a write cache keeps what it had finished before its last flush. What it finished after that it may
have kept in any combination. So the log falls into epochs, each ended by a flush, and a cut inside an epoch
leaves any subset of its writes.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hilrig.core.power_loss import UpdateStep
from hilrig.faults.block_log_format import LogEntry

ALL_SUBSETS_BITS: Final = 12
"""An epoch with up to this many writes has all its subsets tried, where the cap allows: 4,096."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class DiskState:
    """What a cut left: every write before entry `base`, and of its epoch only `kept`.

    Args:
        base: number of entries that are on the disk for good.
        kept: which entries after those, by their index in the log, rising.
        first_cut, last_cut: the cut that leaves this came after so many entries: at least, at most.
    """

    base: int
    kept: tuple[int, ...]
    first_cut: int
    last_cut: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSpan:
    """Where in the log a step ran: `begin` entries had finished at its start, `end` when it returned."""

    step: UpdateStep
    begin: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """Writes between two flushes.

    Args:
        base: number of entries that the flush before them put on the disk for good.
        writes: their indices in the log.
        first_cut, last_cut: the cut that leaves none of them came after so many entries: at least, at most.
    """

    base: int
    writes: tuple[int, ...]
    first_cut: int
    last_cut: int


def epochs(log: Sequence[LogEntry]) -> tuple[Epoch, ...]:
    """The epochs of a log, and after them an empty one: everything was written."""
    found: list[Epoch] = []
    base, settled = 0, 0
    writes: list[int] = []
    for index, is_flush in enumerate([*(entry.is_flush for entry in log), True]):
        if not is_flush:
            writes.append(index)
            continue
        if writes:
            found.append(Epoch(base=base, writes=tuple(writes), first_cut=settled, last_cut=index))
            settled, writes = writes[-1] + 1, []
        base = min(index + 1, len(log))
    return (*found, Epoch(base=base, writes=(), first_cut=settled, last_cut=len(log)))


def n_possible(log: Sequence[LogEntry]) -> int:
    """How many states a cut could leave: the empty subset of an epoch is the whole epoch before it."""
    return 1 + sum((1 << len(epoch.writes)) - 1 for epoch in epochs(log))


def disk_states(log: Sequence[LogEntry], *, seed: int, cap: int) -> tuple[DiskState, ...]:
    """Every prefix of the writes, and subsets within each epoch: all where `cap` allows it, else seeded draws."""
    parts = epochs(log)
    chosen = [_prefixes(epoch) for epoch in parts]
    left = cap - sum(map(len, chosen))
    draws = random.Random(seed)  # noqa: S311 - draws states, guards no secret
    for turn, index in enumerate(sorted(range(len(parts)), key=lambda i: len(parts[i].writes))):
        share = max(0, left) // (len(parts) - turn)
        left += len(chosen[index])
        chosen[index] |= _subsets(parts[index], n_more=share, taken=chosen[index], draws=draws)
        left -= len(chosen[index])
    return tuple(sorted(_state(parts, i, kept) for i, masks in enumerate(chosen) for kept in masks))


def _prefixes(epoch: Epoch) -> set[int]:
    """As bit masks over the epoch's writes; the whole one is left to the next epoch, as its empty one."""
    n_writes = len(epoch.writes)
    return {(1 << length) - 1 for length in range(n_writes)} or {0}


def _subsets(epoch: Epoch, *, n_more: int, taken: set[int], draws: random.Random) -> set[int]:
    n_all = (1 << len(epoch.writes)) - 1
    if n_all <= 1 or not n_more:
        return set()
    if len(epoch.writes) <= ALL_SUBSETS_BITS:
        rest = sorted(set(range(n_all)) - taken)
        return set(rest if len(rest) <= n_more else draws.sample(rest, n_more))
    return {draws.randrange(n_all) for _ in range(n_more)} - taken


def _state(parts: Sequence[Epoch], index: int, mask: int) -> DiskState:
    epoch = parts[index]
    kept = tuple(write for bit, write in enumerate(epoch.writes) if mask >> bit & 1)
    first_cut = kept[-1] + 1 if kept else epoch.first_cut
    return DiskState(base=epoch.base, kept=kept, first_cut=first_cut, last_cut=epoch.last_cut)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What may run after a cut: the step it came in or after, and the releases that are right whenever it was."""

    step: str
    may_run: tuple[str, ...]


def promise_for(state: DiskState, spans: Sequence[StepSpan]) -> Promise | None:
    """Return what the steps allow for a cut that left this; None: no step had begun.

    A step's own time in the log is from its start to its end, that of its promise from its end to the next step's
    start. Where a state fits several of these, each must hold: nobody knows at which moment the power went.
    """
    found = [(span.step.name, may_run) for span, may_run in _moments(state, spans)]
    if not found:
        return None
    (_, first), *others = found
    may_run = tuple(release for release in first if all(release in other for _, other in others))
    return Promise(step=found[-1][0], may_run=may_run)


def _moments(state: DiskState, spans: Sequence[StepSpan]) -> Iterator[tuple[StepSpan, tuple[str, ...]]]:
    for span, following in zip(spans, (*spans[1:], None), strict=True):
        if state.first_cut <= span.end and span.begin <= state.last_cut:
            yield span, span.step.may_run_during
        promise_end = state.last_cut if following is None else following.begin
        if state.first_cut <= promise_end and span.end <= state.last_cut:
            yield span, span.step.may_run_after
