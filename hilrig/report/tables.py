"""Rows of the page's tables, arranged from a result."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hilrig.core.metrics import METRICS
from hilrig.core.verdict import Measurement
from hilrig.report.throttling import METRICS as THROTTLE_METRICS
from hilrig.report.values import number, one_line

_STATISTICS: Final = ("p50", "p95", "p99", "p99_9", "max")
_STAGE_ORDER: Final = (
    "latency",
    "feeder_lateness",
    "queue",
    "preprocess",
    "infer",
    "decide",
    "service",
    "actuation",
)
_STAGE_TITLES: Final = {
    "latency": "latency, intended time to decision",
    "latency_incl_drops": "latency, undecided frames counted as infinite",
    "feeder_lateness": "feeder lateness (the instrument's own)",
    "queue": "waiting in the queue",
    "preprocess": "preprocess",
    "infer": "infer",
    "decide": "decide",
    "service": "service: preprocess, infer, decide",
    "actuation": "actuation, intended time to the PLC's registers",
    "actuation_silence": "between two writes to the PLC",
    "other": "what no stamp divides",
}
_STAGE_METRIC: Final = re.compile(
    rf"(?!(?:stall|telemetry)_)(?P<stage>.+?)_(?P<statistic>{'|'.join(reversed(_STATISTICS))})(?P<suffix>_incl_drops)?_(?P<unit>ms|us)"
)
_INSTRUMENT_METRIC: Final = re.compile(r"(feeder|sampler|stall|telemetry|hilrig)_.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    """One stage: its measurements by statistic; None where a statistic was not computed."""

    title: str
    cells: tuple[Measurement | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTable:
    """Percentiles by stage. `statistics` are the columns, as `p50`, `p99.9`, `max`."""

    statistics: tuple[str, ...]
    rows: tuple[StageRow, ...]


def stage_table(measurements: Sequence[Measurement]) -> StageTable:
    """Return every measurement that is a percentile or maximum of a stage, one row a stage."""
    stages: dict[tuple[str, str], dict[str, Measurement]] = {}  # by name and unit
    for measurement in measurements:
        matched = _STAGE_METRIC.fullmatch(measurement.metric)
        if matched:
            stage = matched["stage"] + (matched["suffix"] or "")
            stages.setdefault((stage, matched["unit"]), {})[matched["statistic"]] = measurement
    columns = [name for name in _STATISTICS if any(name in cells for cells in stages.values())]
    rows = [
        StageRow(title=stage_title(stage), cells=tuple(cells.get(name) for name in columns))
        for (stage, _), cells in sorted(stages.items(), key=lambda item: (_stage_rank(item[0][0]), item[0]))
    ]
    return StageTable(statistics=tuple(name.replace("_", ".") for name in columns), rows=tuple(rows))


def stage_title(stage: str) -> str:
    """Return what a person calls a stage: `waiting in the queue`."""
    return _STAGE_TITLES.get(stage, one_line(stage.replace("_", " ")))


def instrument_rows(measurements: Sequence[Measurement]) -> list[tuple[str, Measurement]]:
    """Return title and value of the numbers that describe hilrig's own part in the run."""
    chosen = [row for row in measurements if _is_single(row) and _INSTRUMENT_METRIC.fullmatch(row.metric)]
    return [(metric_title(measurement), measurement) for measurement in chosen]


def other_rows(measurements: Sequence[Measurement]) -> list[tuple[str, Measurement]]:
    """Return title and value of every measurement that no other table shows."""
    chosen = [row for row in measurements if _is_single(row) and not _has_its_own_table(row)]
    return [(metric_title(measurement), measurement) for measurement in chosen]


def metric_title(measurement: Measurement) -> str:
    """Return what a person calls a measurement: its title, or its name without the unit."""
    known = METRICS.get(measurement.metric)
    if known:
        return known.title
    unit_suffix = {"%": "_pct", "MiB/h": "_mib_per_h"}.get(measurement.unit, f"_{measurement.unit.lower()}")
    return measurement.metric.removesuffix(unit_suffix).replace("_", " ")


def facts(tree: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the leaves of a JSON tree as name and text, sorted by name: `("cpu model", "...")`."""
    return list(_leaves(tree, ()))


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name in sorted(value, key=str):
            yield from _leaves(value[name], path if name == "facts" else (*path, str(name)))
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for index, item in enumerate(value, start=1):
            yield from _leaves(item, (*path, str(index)))
    else:
        yield one_line(" ".join(path).replace("_", " ")), _leaf_text(value)


def _leaf_text(value: Any) -> str:
    if value is None:
        return "— not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list | tuple):
        return ", ".join(_leaf_text(item) for item in value) or "— none"
    return one_line(str(value)) or "— empty"


def _is_single(measurement: Measurement) -> bool:
    return _STAGE_METRIC.fullmatch(measurement.metric) is None


def _has_its_own_table(measurement: Measurement) -> bool:
    return measurement.metric in THROTTLE_METRICS or bool(_INSTRUMENT_METRIC.fullmatch(measurement.metric))


def _stage_rank(stage: str) -> tuple[int, str]:
    base = stage.removesuffix("_incl_drops")
    return (_STAGE_ORDER.index(base) if base in _STAGE_ORDER else len(_STAGE_ORDER)), stage
