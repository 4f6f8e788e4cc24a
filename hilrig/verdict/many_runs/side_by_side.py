"""The numbers of several finished runs in one table, each held against the first run's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from hilrig.core import channels
from hilrig.core.conditions import Difference
from hilrig.core.metrics import METRICS
from hilrig.core.side_by_side import SIDE_BY_SIDE_SCHEMA, Cell, ComparedRun, Curves, Finding, Row, SideBySide
from hilrig.core.verdict import Check, Judgement, Measurement
from hilrig.verdict.many_runs.conditions import differences
from hilrig.verdict.throttling.throttled_time import throttled_s
from hilrig.verdict.wording import quantity

LIMITS: Final = "limits"
NUMBERS: Final[Mapping[str, Mapping[str, str]]] = {
    "latency": {
        "latency_p50_ms": "p50",
        "latency_p95_ms": "p95",
        "latency_p99_ms": "p99",
        "latency_p99_9_ms": "p99.9",
        "latency_max_ms": "maximum",
        "latency_p99_incl_drops_ms": "p99, undecided frames infinite",
    },
    "frames": {
        "frames_offered": "offered",
        "frames_dropped": "dropped",
        "frames_failed": "failed",
    },
    "hardware": {
        "power_mean_w": "mean power",
        "host_memory_peak_mib": "host memory peak",
        "gpu_memory_peak_mib": "GPU memory peak",
    },
}
"""Measurements that stand in the table whatever is limited, by the part of it."""

THROTTLED: Final = "throttled_s"
THERMAL: Final = "thermal_throttle_events"
TEMPERATURE_UNIT: Final = "°C"
NOT_STATED: Final = "this result does not have it"
REASON_CHARS_MAX: Final = 120
"""A reason may name every missing channel; the run's own report has it in full."""


def side_by_side(runs: Sequence[ComparedRun], judgements: Sequence[Judgement]) -> SideBySide:
    """Return runs beside each other.

    Args:
        runs: two or more; the first one is what the others are held against.
        judgements: of each.
    """
    found = differences([run.conditions for run in runs])
    return SideBySide(
        schema=SIDE_BY_SIDE_SCHEMA,
        runs=tuple(runs),
        warnings=tuple(_warning(one) for one in found if one.is_obstacle),
        differences=found,
        rows=tuple(_rows(judgements)),
        curves=tuple(_curves(judgement) for judgement in judgements),
    )


def do_bounds_meet(first: Cell, other: Cell) -> bool | None:
    """Return whether two intervals of 99 % bounds have a point in common; None when one has no bound at all.

    A side without its bound reaches as far as there are numbers.
    """
    if any(cell.lower is None and cell.upper is None for cell in (first, other)):
        return None
    return not (_is_below(first, other) or _is_below(other, first))


def delta_text(delta: float, unit: str) -> str:
    """Return `+1.2 ms` for more than the first run has, `-1.2 ms` for less: never in per cent of it."""
    if not delta:
        return "the same"
    return f"{'-' if delta < 0 else '+'}{quantity(abs(delta), unit, beside=0.0)}"


def _is_below(low: Cell, high: Cell) -> bool:
    return low.upper is not None and high.lower is not None and low.upper < high.lower


def _warning(difference: Difference) -> str:
    texts = ", ".join(difference.texts)
    return (
        f"These runs do not have the same {difference.what} ({texts}): "
        "their numbers answer different questions and are only shown beside each other."
    )


def _rows(judgements: Sequence[Judgement]) -> Iterator[Row]:
    yield from _limit_rows(judgements)
    for group, titles in NUMBERS.items():
        for metric, title in titles.items():
            numbers = [_measured(metric, judgement) for judgement in judgements]
            yield _row(group, metric, title, _unit(metric, judgements), numbers)
        if group == "frames":
            yield _row("hardware", THROTTLED, "time throttled", "s", [_throttled(one) for one in judgements])
            yield from _temperature_rows(judgements)


def _limit_rows(judgements: Sequence[Judgement]) -> Iterator[Row]:
    """Yield a row for each limit that any of the runs was held against."""
    by_id = [{check.check_id: check for check in judgement.checks} for judgement in judgements]
    for check_id in dict.fromkeys(check_id for checks in by_id for check_id in checks):
        known = next(checks[check_id] for checks in by_id if check_id in checks)
        title = METRICS[known.metric].title if known.metric in METRICS else known.metric
        numbers = [_checked(checks.get(check_id)) for checks in by_id]
        yield _row(LIMITS, check_id, title, known.unit, numbers)


def _checked(check: Check | None) -> Cell:
    if check is None:
        return Cell(value=None, text="no such limit")
    return Cell(
        value=check.observed,
        text=check.observed_text or "not measured",
        lower=check.lower,
        upper=check.upper,
        status=check.status,
        limit_text=f"{check.comparator} {quantity(check.limit, check.unit)}",
    )


def _measured(metric: str, judgement: Judgement) -> Cell:
    """Return a measurement, with the bounds of the limit on it where there is one."""
    found = next((one for one in judgement.measurements if one.metric == metric), None)
    if found is None or found.value is None:
        return Cell(value=None, text=_why_missing("" if found is None else found.reason))
    check = next((one for one in judgement.checks if one.metric == metric and one.observed == found.value), None)
    return Cell(
        value=found.value,
        text=quantity(found.value, found.unit),
        lower=check.lower if check else None,
        upper=check.upper if check else None,
    )


def _why_missing(reason: str) -> str:
    if reason.startswith("infinite"):
        return "infinite"
    cut = reason if len(reason) <= REASON_CHARS_MAX else reason[:REASON_CHARS_MAX] + "..."
    return f"not measured: {cut or NOT_STATED}"


def _unit(metric: str, judgements: Sequence[Judgement]) -> str:
    return next((one.unit for run in judgements for one in run.measurements if one.metric == metric), "")


def _throttled(judgement: Judgement) -> Cell:
    known = next((one for one in judgement.measurements if one.metric == THERMAL), _NO_THERMAL)
    stretches = [(one.begin_s, one.end_s) for one in judgement.throttle_windows]
    value, reason = throttled_s(stretches, n_events=known.value, reason=known.reason)
    return Cell(value=value, text=_why_missing(reason) if value is None else quantity(value, "s"))


_NO_THERMAL: Final = Measurement(metric=THERMAL, unit="events", value=None, n=0)


def _temperature_rows(judgements: Sequence[Judgement]) -> Iterator[Row]:
    """Yield the highest reading of every sensor that one of the runs has read."""
    maxima = [
        {
            channel.key: channel.maximum
            for channel in judgement.channels
            if channel.key.partition("{")[0] == channels.TEMPERATURE and channel.maximum is not None
        }
        for judgement in judgements
    ]
    for key in sorted({key for found in maxima for key in found}):
        sensor = key.partition("{hw.id=")[2].removesuffix("}") or "the only sensor"
        numbers = [_temperature(found.get(key)) for found in maxima]
        yield _row("hardware", key, f"highest temperature, {sensor}", TEMPERATURE_UNIT, numbers)


def _temperature(value: float | None) -> Cell:
    text = "not measured: this run has no such sensor" if value is None else quantity(value, TEMPERATURE_UNIT)
    return Cell(value=value, text=text)


def _row(group: str, metric: str, title: str, unit: str, cells: Sequence[Cell]) -> Row:
    first, *others = cells
    held = (_held_against(first, cell, unit) for cell in others)
    return Row(group=group, metric=metric, title=title, unit=unit, cells=(first, *held))


def _held_against(first: Cell, cell: Cell, unit: str) -> Cell:
    if cell.value is None or first.value is None:
        return replace(cell, finding=Finding.NOT_COMPARED)
    delta = cell.value - first.value
    text = "" if unit == "bool" else delta_text(delta, unit)
    return replace(cell, delta=delta, delta_text=text, finding=_FINDINGS[do_bounds_meet(first, cell)])


_FINDINGS: Final = {True: Finding.WITHIN, False: Finding.BEYOND, None: Finding.NO_BOUNDS}


def _curves(judgement: Judgement) -> Curves:
    drawn = judgement.distribution
    return Curves(
        percentiles=drawn.percentiles if drawn else (),
        latency_ms=drawn.latency_ms if drawn else (),
        t_s=tuple(point.t_s for point in judgement.latency_series),
        p99_ms=tuple(point.p99_ms for point in judgement.latency_series),
        throttled=tuple(
            (one.begin_s, one.end_s, f"{one.cause}, {one.hw_id or 'CPU'}") for one in judgement.throttle_windows
        ),
    )
