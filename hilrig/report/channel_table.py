"""The telemetry channels as tables: by family, long lists of equals folded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hilrig.core.telemetry import ChannelKind
from hilrig.core.verdict import ChannelSummary
from hilrig.report.channel_words import attributes_of, detail_of, in_words, name_of
from hilrig.report.values import missing, one_line

FOLD_FROM: Final = 13
"""Channels of one name that nobody reads as a list: the sensors of a machine with many cores."""

FOLD_CPUS_FROM: Final = 3
"""The same for one channel a CPU, of which one is like the other."""

_FAMILIES: Final = (
    ("Temperature", ("hw.temperature", "hw.fan")),
    ("Throttling", ("hilrig.hw.throttle",)),
    ("GPU", ("hw.gpu", "hilrig.hw.gpu", "hilrig.process.gpu", "hw.errors")),
    ("Power", ("hw.power", "hw.energy", "hilrig.hw.rail")),
    (
        "CPU",
        ("system.cpu", "process.cpu", "hilrig.process.cpu", "process.context_switches", "hilrig.process.stopped"),
    ),
    ("Memory", ("process.memory", "hilrig.process.memory", "system.memory", "system.linux", "process.paging")),
    ("Memory", ("hilrig.hw.memory", "hilrig.system.oom")),
    ("The instrument", ("hilrig.telemetry", "hilrig.process.gc", "hilrig.host.stall")),
)
"""By the beginning of a channel's name; the first that fits. What fits none is the last family."""

_OTHERS: Final = "Host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One channel in words; `reason` is empty where there are values, and the cells are where it is not."""

    title: str
    detail: str
    kind: str
    cells: tuple[str, ...]
    reason: str
    n: int
    evidence: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Channels of one name; `summary` is what is read while they are folded."""

    summary: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Channels that belong together: the open ones as one table, then the folded lists."""

    title: str
    rows: tuple[Row, ...]
    folded: tuple[Group, ...]


def families(channels: Sequence[ChannelSummary]) -> list[Family]:
    """Return the channels by family, in the order in which a technician looks at them."""
    titles = dict.fromkeys([*(title for title, _ in _FAMILIES), _OTHERS])
    members = {title: [row for row in channels if _family(row.key) == title] for title in titles}
    return [_arranged(title, rows) for title, rows in members.items() if rows]


def _family(key: str) -> str:
    fitting = (title for title, starts in _FAMILIES if name_of(key).startswith(starts))
    return next(fitting, _OTHERS)


def _arranged(title: str, channels: Sequence[ChannelSummary]) -> Family:
    by_name: dict[str, list[ChannelSummary]] = {}
    for channel in channels:
        by_name.setdefault(name_of(channel.key), []).append(channel)
    return Family(
        title=title,
        rows=tuple(_row(row) for rows in by_name.values() if not _is_long(rows) for row in rows),
        folded=tuple(
            Group(summary=_summary(name, rows), rows=tuple(map(_row, rows)))
            for name, rows in by_name.items()
            if _is_long(rows)
        ),
    )


def _is_long(channels: Sequence[ChannelSummary]) -> bool:
    is_one_a_cpu = all("cpu.logical_number" in attributes_of(row.key) for row in channels)
    return len(channels) >= (FOLD_CPUS_FROM if is_one_a_cpu else FOLD_FROM)


def _row(channel: ChannelSummary) -> Row:
    values = (channel.minimum, channel.mean, channel.maximum, channel.delta)
    is_empty = all(value is None for value in values)
    return Row(
        title=one_line(name_of(channel.key)),
        detail=detail_of(channel.key),
        kind=one_line(channel.kind),
        cells=() if is_empty else tuple(_cell(channel, value) for value in values),
        reason=missing(channel.reason) if is_empty else "",
        n=channel.n,
        evidence=one_line(channel.evidence),
        source=one_line(channel.source),
    )


def _cell(channel: ChannelSummary, value: float | None) -> str:
    if value is None:
        return "— not known" if channel.kind == ChannelKind.COUNTER.value else f"— a {one_line(channel.kind)}"
    return in_words(channel.key, channel.unit, value, channel.reason)


def _summary(name: str, channels: Sequence[ChannelSummary]) -> str:
    """Return how many channels a folded list holds, from the lowest to the highest of their values."""
    known = [row for row in channels if row.minimum is not None and row.maximum is not None]
    parts = [f"{one_line(name)}: {len(channels)} channels"]
    if known:
        low = min(known, key=lambda row: row.minimum or 0.0)
        high = max(known, key=lambda row: row.maximum or 0.0)
        parts.append(
            f"{in_words(low.key, low.unit, low.minimum)} to {in_words(high.key, high.unit, high.maximum)}"
        )
    if len(known) < len(channels):
        parts.append(f"{len(channels) - len(known)} not measured")
    return ", ".join(parts)
