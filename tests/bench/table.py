"""The table: as text, as Markdown between two marks of a page, as the JSON that both are made from."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.row import Figure

TABLE_BEGIN = "<!-- bench: begin -->"
TABLE_END = "<!-- bench: end -->"
HEADINGS = ("", "hilrig", "peer", "unit", "ratio", "goal", "stretch", "")


def to_json(figure: Figure, *, date: str, machine: str) -> dict[str, Any]:
    """Return a figure as one object of results.json; what was not measured, or has no end, is null."""
    row = figure.row
    return {
        "name": row.name,
        "against": row.against,
        "ours": _finite(figure.ours),
        "peer": _finite(figure.peer),
        "unit": row.unit,
        "ratio": _finite(figure.ratio),
        "sense": row.sense.value,
        "reach": row.reach,
        "stretch": row.stretch,
        "grade": figure.grade,
        "rounds": figure.n_rounds,
        "date": date,
        "machine": machine,
    }


def merge(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]], order: Sequence[str]) -> list[Any]:
    """Return the objects of all rows that still exist, in `order`; a new one takes the place of an old one."""
    by_name = {item["name"]: item for item in [*old, *new]}
    return [by_name[name] for name in order if name in by_name]


def read_results(path: Path) -> list[dict[str, Any]]:
    """Return what the last run left; nothing when there was none."""
    return json.loads(path.read_text()) if path.exists() else []


def write_results(path: Path, items: Sequence[Mapping[str, Any]]) -> None:
    """Write results.json: one object a row, one line each, so that a change is one line of a diff."""
    lines = ",\n".join(json.dumps(item, ensure_ascii=False) for item in items)
    path.write_text(f"[\n{lines}\n]\n")


def as_text(items: Sequence[Mapping[str, Any]]) -> str:
    """Return the table for a terminal."""
    lines = [HEADINGS, *map(_cells, items)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def as_markdown(items: Sequence[Mapping[str, Any]]) -> str:
    """Return the table for a page, under a line that says where and when."""
    lines = [HEADINGS, ["---", *["---:"] * (len(HEADINGS) - 2), "---"], *map(_cells, items)]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    where = sorted({f"{item['machine']}, {item['date'][:10]}" for item in items})
    return "\n".join([*where, "", table])


def put_table(page: Path, markdown: str) -> None:
    """Replace what stands between the marks of a page.

    Raises:
        ValueError: the page lost its marks.
    """
    before, begin, rest = page.read_text().partition(TABLE_BEGIN)
    _, end, after = rest.partition(TABLE_END)
    if not begin or not end:
        raise ValueError(f"{page} has no {TABLE_BEGIN} ... {TABLE_END}")
    page.write_text(f"{before}{begin}\n{markdown}\n{end}{after}")


def _cells(item: Mapping[str, Any]) -> tuple[str, ...]:
    sense, symbol = item["sense"].split()
    suffix = "x" if sense == "ratio" else f" {item['unit']}"
    goal, stretch = (
        "" if item[name] is None else f"{symbol} {item[name]:g}{suffix}" for name in ("reach", "stretch")
    )
    return (
        f"{item['name']}, against {item['against']}" if item["against"] else item["name"],
        _number(item["ours"]),
        _number(item["peer"]),
        item["unit"],
        "" if item["ratio"] is None else f"{item['ratio']:.3g}x",
        goal,
        stretch,
        item["grade"],
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
