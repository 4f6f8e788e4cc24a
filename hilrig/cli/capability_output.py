"""The capability table as text: channels that differ only in attributes share a line, no line is too wide."""

import errno
import os
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from hilrig.app.machine.capability_table import Row, Section
from hilrig.app.machine.gap_fixes import NOTHING_TO_DO
from hilrig.app.soak.limits_here import LimitHere
from hilrig.cli.output import word
from hilrig.core.telemetry import Channel, Reason

_STATUS_WIDTH: Final = 14  # NO_PERMISSION and a space
_NAME_WIDTH: Final = 38  # hilrig.process.gpu.memory.usage x10 and a space
_KIND_WIDTH: Final = 8
_TIER_WIDTH: Final = 5
_INDENT: Final = 2 + _STATUS_WIDTH
_NO_FILE: Final = os.strerror(errno.ENOENT)


def table_lines(sections: Sequence[Section], *, width: int) -> Iterator[str]:
    """Yield the table; questions that nothing answers for the same reason share a paragraph at its end."""
    for section in sections:
        if section.rows:
            yield f"{section.question.value} ({section.n_answered} of {len(section.rows)} channels)"
            yield from _row_lines(section.rows, width=width)
    unanswered = [section for section in sections if not section.rows]
    for missing, group in groupby(unanswered, key=lambda section: section.missing):
        yield ", ".join(section.question.value for section in group)
        yield from _wrapped(missing, lead=f"  {word('ABSENT', width=_STATUS_WIDTH)}", width=width)


def limit_lines(limits: Sequence[LimitHere], *, width: int) -> Iterator[str]:
    """Yield which limits can be held here, and why the others cannot."""
    held = [limit.key for limit in limits if not limit.obstacle]
    yield f"limits that this machine can hold ({len(held)} of {len(limits)})"
    yield from _wrapped(", ".join(held), lead="  ", indent=2, width=width)
    for limit in limits:
        if limit.condition:
            yield from _wrapped(f"{limit.key}: {limit.condition}", lead="  but ", indent=6, width=width)
    for limit in limits:
        if limit.obstacle:
            yield from _wrapped(f"{limit.key}: {limit.obstacle}", lead="  not ", indent=6, width=width)


def _row_lines(rows: Sequence[Row], *, width: int) -> Iterator[str]:
    """Yield what answered, then the gaps; those that one step mends stand above it."""
    for fix, mended in groupby(sorted(rows, key=_likeness), key=lambda row: (row.reason, row.fix)):
        for _, alike in groupby(mended, key=_likeness):
            yield from _folded_lines(list(alike), width=width)
        yield from _fix_lines(fix[1], width=width)


def _likeness(row: Row) -> tuple[str, ...]:
    """Return what rows must have in common to stand on one line; sorts what answered before the gaps."""
    channel = row.channel
    attributes = (name for name, _ in channel.attributes)
    return (row.reason, row.fix, channel.name, channel.source, channel.kind.value, channel.tier.value, *attributes)


def _folded_lines(rows: Sequence[Row], *, width: int) -> Iterator[str]:
    first, channel = rows[0], rows[0].channel
    name, values = _named([row.channel for row in rows])
    room = width - _INDENT - _NAME_WIDTH - _KIND_WIDTH - _TIER_WIDTH
    yield (
        f"  {word(first.reason or 'ok', width=_STATUS_WIDTH)}{name:<{_NAME_WIDTH}}"
        f"{channel.kind.value:<{_KIND_WIDTH}}{channel.tier.value:<{_TIER_WIDTH}}{_cut(channel.source, room)}"
    )
    if values:
        yield " " * _INDENT + _cut(values, width - _INDENT)
    # That a file is missing is what ABSENT means.
    if first.detail and not (first.reason == Reason.ABSENT.name and first.detail.endswith(_NO_FILE)):
        yield from _wrapped(first.detail, lead=" " * _INDENT, width=width)


def _named(alike: Sequence[Channel]) -> tuple[str, str]:
    """Return what stands in the column of names, and the attributes that did not fit there."""
    name, single = alike[0].name, len(alike) == 1
    common = set.intersection(*(set(channel.attributes) for channel in alike))
    values = [
        ", ".join(value for key, value in channel.attributes if single or (key, value) not in common)
        for channel in alike
    ]
    if not single:
        return f"{name} x{len(alike)}", "; ".join(values)
    whole = f"{name} {values[0]}".rstrip()
    return (whole, "") if len(whole) < _NAME_WIDTH else (name, values[0])


def _fix_lines(fix: str, *, width: int) -> Iterator[str]:
    label = "" if fix.startswith(NOTHING_TO_DO) else "next: "
    yield from _wrapped(fix, lead=f"{'':{_INDENT}}{label}", width=width, indent=_INDENT + len(label))


def _wrapped(text: str, *, lead: str, width: int, indent: int = _INDENT) -> Iterator[str]:
    """Yield `text` behind `lead`, which is `indent` wide. No word is broken: it may be part of a command."""
    lines = textwrap.wrap(text, width - indent, break_long_words=False, break_on_hyphens=False)
    yield from (f"{' ' * indent if index else lead}{line}" for index, line in enumerate(lines))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(0, width - 3)]}..."
