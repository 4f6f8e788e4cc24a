"""Finished runs beside each other: what `hilrig compare` shows. No verdict comes of it."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from hilrig.core.conditions import Conditions, Difference
from hilrig.core.verdict import CheckStatus, RunStatus

SIDE_BY_SIDE_SCHEMA: Final = "hilrig.side_by_side/1"


class Finding(str, Enum):
    """What a number says when it is held against the first run's."""

    FIRST = "first"  # it is the first run's
    BEYOND = "beyond"  # the 99 % bounds of the two do not meet
    WITHIN = "within"  # they do
    NO_BOUNDS = "no_bounds"  # one of the two has none: the difference may be chance
    NOT_COMPARED = "not_compared"  # one of the two is not a number


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRun:
    """One of the runs.

    Args:
        label: `A` for the first, `B` for the second, ...
        path: the run directory, as it was given.
        ended: how the run ended (`hilrig.core.run.Ended`).
        result_sha256: of its result.json.
        key_fingerprint: of the key that the signature names.
        is_key_known: whether the signature was checked with that key; False means that nobody checked it.
        report: where its page lies as seen from the page of this comparison; empty for none.
    """

    label: str
    path: str
    run_id: str
    started_at_utc: str
    status: RunStatus
    sentence: str
    ended: str
    result_sha256: str
    key_fingerprint: str
    is_key_known: bool
    conditions: Conditions
    report: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One number of one run.

    Args:
        value: None when it was not measured, or is infinite.
        text: as it is shown: `25.9 ms`, `infinite`, `not measured: <why>`.
        lower: one-sided 99 % lower bound; None when there is none. `upper` alike.
        status: of the limit on it; None where the run's profile has no such limit.
        limit_text: that limit, `<= 45 ms`, or empty.
        delta: value less the first run's, in the row's unit.
        delta_text: `+1.2 ms`, `the same`; empty where there is nothing to subtract.
        finding: what the difference is worth.
    """

    value: float | None
    text: str
    lower: float | None = None
    upper: float | None = None
    status: CheckStatus | None = None
    limit_text: str = ""
    delta: float | None = None
    delta_text: str = ""
    finding: Finding = Finding.FIRST


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One number of all runs; `group` is the part of the table that it stands in."""

    group: str
    metric: str
    title: str
    unit: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """What the charts of one run are drawn from.

    Args:
        percentiles: in per cent, ascending; empty for a run that was judged before hilrig kept them.
        latency_ms: at each of them; None is infinite.
        t_s: begin of each bucket of the measured part. `p99_ms` is for looking; None without a decided frame.
        throttled: the stretches in which a device throttled, as begin and end in seconds and a text.
    """

    percentiles: tuple[float, ...]
    latency_ms: tuple[float | None, ...]
    t_s: tuple[float, ...]
    p99_ms: tuple[float | None, ...]
    throttled: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """Runs beside each other, the first one being what the others are held against.

    Args:
        warnings: why the numbers should not be held against each other, in words; empty when they may.
        differences: what is not the same in all runs.
        curves: in the order of the runs.
    """

    schema: str
    runs: tuple[ComparedRun, ...]
    warnings: tuple[str, ...]
    differences: tuple[Difference, ...]
    rows: tuple[Row, ...]
    curves: tuple[Curves, ...]
