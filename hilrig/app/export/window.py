"""Which part of a run an export holds: all of it, a stretch, or the surroundings of the worst frames."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hilrig.app.export.run_tables import start_ns
from hilrig.core.errors import UsageError
from hilrig.core.run import RunRecord
from hilrig.core.units import NS_PER_S
from hilrig.verdict.window import INTENDED, cut

AROUND_S: Final = 1.0
"""Before and after each of the worst frames: some thirty frames at 30 fps show what led to it."""

N_WORST_MAX: Final = 1000
HINT: Final = "worst:20 for the surroundings of the 20 worst frames, 01:10..01:20 for a stretch (hours:minutes)"

_WORST: Final = re.compile(r"worst:(\d{1,6})")
_CLOCK: Final = re.compile(r"(\d{1,4}):([0-5]\d)(?::([0-5]\d(?:\.\d{1,9})?))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of the measured part, in seconds after its start."""

    begin_s: float
    end_s: float


EVERYTHING: Final = Span(begin_s=float("-inf"), end_s=float("inf"))
"""With the warm-up, and what was read and happened before and after the frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """The surroundings of the `n` worst frames."""

    n: int


def parse_window(text: str) -> Span | Worst:
    """Return what `worst:20` or `01:10..01:20` means; times are hours:minutes[:seconds] into the measured part.

    Raises:
        UsageError: it is neither.
    """
    worst = _WORST.fullmatch(text)
    if worst and 1 <= int(worst[1]) <= N_WORST_MAX:
        return Worst(n=int(worst[1]))
    begin, dots, end = text.partition("..")
    moments = (_CLOCK.fullmatch(begin), _CLOCK.fullmatch(end)) if dots else (None, None)
    if moments[0] is None or moments[1] is None:
        raise UsageError(f"'{text}' is no window", hint=HINT)
    span = Span(begin_s=_seconds(moments[0]), end_s=_seconds(moments[1]))
    if span.end_s <= span.begin_s:
        raise UsageError(f"the window '{text}' ends before it begins", hint=HINT)
    return span


def spans_of(record: RunRecord, window: Span | Worst) -> tuple[Span, ...]:
    """Return the stretches of a window, apart from each other and ascending; none when no frame was measured."""
    if isinstance(window, Span):
        return (window,)
    return merged(_around(record, due_s) for due_s in _worst(record, window.n))


def measured_part(record: RunRecord) -> Span:
    """Return the measured part as it was planned."""
    return Span(begin_s=0.0, end_s=record.plan.n_measured_frames * record.plan.period_ns / NS_PER_S)


def n_frames_in(record: RunRecord, spans: Iterable[Span]) -> int:
    """Return how many frames were due in some stretches."""
    due_s = (record.frames["t_intended_ns"] - start_ns(record)) / NS_PER_S
    edges_s = [(span.begin_s, span.end_s) for span in spans]
    return sum(int(np.diff(np.searchsorted(due_s, edge_s))[0]) for edge_s in edges_s)


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the spans with those that touch as one."""
    apart: list[Span] = []
    for span in sorted(spans, key=lambda one: one.begin_s):
        if apart and span.begin_s <= apart[-1].end_s:
            apart[-1] = Span(begin_s=apart[-1].begin_s, end_s=max(apart[-1].end_s, span.end_s))
        else:
            apart.append(span)
    return tuple(apart)


def _seconds(moment: re.Match[str]) -> float:
    hours, minutes, seconds = moment.groups(default="0")
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def _worst(record: RunRecord, n: int) -> Sequence[float]:
    """Return when the worst frames were due: undecided ones, at most half of all, then the slowest."""
    window = cut(record)
    is_decided = window.measured.is_decided
    undecided = np.flatnonzero(~is_decided)[: max(1, n // 2)]
    decided = np.flatnonzero(is_decided)
    slowest = decided[np.argsort(-window.latency_ns[decided], kind="stable")[: n - undecided.size]]
    due_ns = window.measured.stamps_ns[INTENDED][np.concatenate((undecided, slowest))]
    due_s: list[float] = ((due_ns - window.start_ns) / NS_PER_S).tolist()
    return due_s


def _around(record: RunRecord, due_s: float) -> Span:
    """Return the surroundings of a moment, but nothing of the warm-up or of after the run."""
    whole = measured_part(record)
    return Span(begin_s=max(whole.begin_s, due_s - AROUND_S), end_s=min(whole.end_s, due_s + AROUND_S))
