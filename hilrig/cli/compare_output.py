"""Finished runs beside each other on a terminal: what differs first, then the numbers."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from hilrig.cli.output import say, word

if TYPE_CHECKING:
    from hilrig.core.side_by_side import Cell, ComparedRun, Row, SideBySide

GAP: Final = "  "
CELL_MAX: Final = 34
"""A longer text is cut: reasons stand in full on the page and in the JSON."""

LEGEND: Final = (
    "beyond: the 99 % bounds of the two runs do not meet; within: they do. A difference without a word has no",
    "bounds: one run of each says nothing about chance. All differences are to A.",
)


def show_side_by_side(found: "SideBySide") -> None:
    """Print a comparison: runs and their signatures, warnings, what differs, the numbers."""
    for run in found.runs:
        _show_run(run)
    say()
    for warning in found.warnings:
        _say(f"WARNING  {warning}")
    labels = [run.label for run in found.runs]
    if found.differences:
        rows = [(one.what, *one.texts) for one in found.differences]
        _show_table(("what differs", *labels), rows)
    else:
        say("nothing that is recorded differs between them but the time")
    say()
    heads = ("", labels[0], *(text for label in labels[1:] for text in (label, f"{label} - {labels[0]}")))
    _show_table(heads, [row for row in map(_texts, found.rows) if row is not None])
    say()
    for line in LEGEND:
        say(line)


def _show_run(run: "ComparedRun") -> None:
    where = f"{run.conditions.profile_name} on {run.conditions.rig} ({run.conditions.device_class})"
    say(f"{run.label}  {word(run.status.value)}")
    _say(f"   {where}, {run.started_at_utc[:19]} UTC")
    _say(f"   {run.path}")
    checked = "signed by" if run.is_key_known else "signature NOT CHECKED: it is by an unknown key,"
    _say(f"   {checked} {run.key_fingerprint}")


def _texts(row: "Row") -> tuple[str, ...] | None:
    """Return a row's texts; None where no run has the number and none was asked for it."""
    if all(cell.value is None and cell.status is None and cell.text != "infinite" for cell in row.cells):
        return None
    title = {"limits": row.metric, "latency": f"latency {row.title}"}.get(row.group, row.title)
    return f"{title} {_shared_limit(row)}".rstrip(), *_cells(row)


def _shared_limit(row: "Row") -> str:
    """Return the limit of a row where all runs that have one have the same; else each stands in its cell."""
    limits = {cell.limit_text for cell in row.cells if cell.limit_text}
    return limits.pop() if len(limits) == 1 else ""


def _cells(row: "Row") -> Iterator[str]:
    for index, cell in enumerate(row.cells):
        yield _cut(_shown(cell, row))
        if index:
            yield _difference(cell)


def _shown(cell: "Cell", row: "Row") -> str:
    """Return a number with its bounds; a limit that does not hold says so."""
    text = cell.text
    if row.group == "limits" and (cell.lower is not None or cell.upper is not None):
        low = "" if cell.lower is None else f"{cell.lower:.4g}"
        high = "" if cell.upper is None else f"{cell.upper:.4g}"
        text += f" ({low}..{high})"
    if cell.limit_text and not _shared_limit(row):
        text += f" {cell.limit_text}"
    if cell.status is not None and cell.status.value != "PASS":
        text = f"{cell.status.value.replace('_', ' ')} {text}"
    return text


def _difference(cell: "Cell") -> str:
    from hilrig.core.side_by_side import Finding

    said = {Finding.BEYOND: " beyond", Finding.WITHIN: " within"}.get(cell.finding, "") if cell.delta else ""
    return f"{cell.delta_text}{said}"


def _cut(text: str) -> str:
    return text if len(text) <= CELL_MAX else f"{text[: CELL_MAX - 3]}..."


def _say(text: str) -> None:
    """Print a line in which strangers may have a word: nothing in it moves the cursor or turns the direction."""
    say("".join(sign if sign.isprintable() else "?" for sign in text))


def _show_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(line[column]) for line in (heads, *rows)) for column in range(len(heads))]
    for line in (heads, *rows):
        _say("  " + GAP.join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())
