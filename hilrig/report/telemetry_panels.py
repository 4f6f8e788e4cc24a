"""Telemetry under the latency chart, as data: a small panel for each quantity, on the time axis of the frames."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hilrig.core import channels
from hilrig.core.units import BYTES_PER_MIB
from hilrig.core.verdict import ChannelSummary, Check, Judgement, TelemetrySeries
from hilrig.report.channel_words import attributes_of, name_of, short_label
from hilrig.report.values import number, one_line, unit_word
from hilrig.report.wording import limit_text

Value = float | None

LINES_MAX: Final = 6
"""As many as six colours can tell apart."""

LEVELS_MAX: Final = 3
"""Of the temperatures at which devices slow down, the lowest ones."""

_HEADROOM: Final = 0.08
"""Share of the span that is left free above the highest value, and below the lowest on a scale without a base."""

_SPAN_MIN: Final = 0.02
"""That much of the highest value is left free at least, so that noise does not look like a climb."""

_DIGITS: Final = 5
"""Significant digits of what is drawn: a panel is a hundred pixels high."""

_TO: Final = "\u2013"  # an en dash


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What stands on one panel.

    Args:
        per_unit: how many of the channels' unit are one of `unit`.
        names: channels that it shows.
        where: an attribute that they need besides the name.
        base: the lowest value of the scale; None: just below the lowest reading.
        top: a value that the scale reaches at least.
        metric: limits on it are drawn.
    """

    title: str
    unit: str
    per_unit: float
    names: tuple[str, ...]
    where: tuple[str, str] | None = None
    base: float | None = 0.0
    top: float = 0.0
    metric: str = ""

    def holds(self, key: str) -> bool:
        """Return whether a channel belongs on the panel."""
        has_attribute = self.where is None or self.where in attributes_of(key).items()
        return name_of(key) in self.names and has_attribute


KINDS: Final = (
    Kind(title="Temperature", unit="Cel", per_unit=1.0, names=(channels.TEMPERATURE,), base=None),
    Kind(
        title="GPU clock",
        unit="MHz",
        per_unit=1e6,
        names=(channels.GPU_CLOCK,),
        where=("domain", "graphics"),
        metric="gpu_clock_lowest_mhz",
    ),
    Kind(
        title="GPU memory clock",
        unit="MHz",
        per_unit=1e6,
        names=(channels.GPU_CLOCK,),
        where=("domain", "memory"),
    ),
    Kind(title="CPU clock", unit="MHz", per_unit=1e6, names=(channels.CPU_FREQUENCY,)),
    Kind(title="Power", unit="W", per_unit=1.0, names=(channels.POWER,)),
    Kind(
        title="GPU utilisation",
        unit="%",
        per_unit=0.01,
        names=(channels.GPU_UTILIZATION,),
        top=100.0,
        metric="gpu_util_sustained_pct",
    ),
    Kind(
        title="GPU memory",
        unit="MiB",
        per_unit=BYTES_PER_MIB,
        names=(channels.GPU_MEMORY, channels.PROCESS_GPU_MEMORY),
        metric="gpu_memory_peak_mib",
    ),
    Kind(
        title="Host memory of the target",
        unit="MiB",
        per_unit=BYTES_PER_MIB,
        names=("process.memory.usage",),
        base=None,
    ),
    Kind(
        title="Memory of the whole host",
        unit="MiB",
        per_unit=BYTES_PER_MIB,
        names=("system.memory.usage",),
        base=None,
    ),
    Kind(title="Frames waiting", unit="frames", per_unit=1.0, names=("queue.depth",)),
)
"""The panels from top to bottom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A series in the panel's unit; the values of a bucket are all None where there is no reading."""

    label: str
    minimum: tuple[Value, ...]
    mean: tuple[Value, ...]
    maximum: tuple[Value, ...]

    @property
    def lowest(self) -> float:
        """Return the lowest reading."""
        return min(value for value in self.minimum if value is not None)

    @property
    def highest(self) -> float:
        """Return the highest reading."""
        return max(value for value in self.maximum if value is not None)

    @property
    def span_text(self) -> str:
        """Return the lowest and the highest reading: `41-71`, or one number where both are the same."""
        low, high = rounded(self.lowest), rounded(self.highest)
        return low if low == high else f"{low}{_TO}{high}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A limit, drawn as a horizontal line."""

    label: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """What one panel shows; `note` says what it leaves out. `t_s` is where each bucket of its lines begins."""

    title: str
    unit: str
    t_s: tuple[float, ...]
    lines: tuple[Line, ...]
    levels: tuple[Level, ...]
    bottom: float
    top: float
    note: str = ""

    @property
    def description(self) -> str:
        """Return what a screen reader says."""
        lines = "; ".join(f"{line.label} {line.span_text}" for line in self.lines)
        levels = "".join(f"; {one.label}" for one in self.levels)
        return one_line(f"{self.title} over time, lowest to highest reading in {self.unit}: {lines}{levels}.")


def telemetry_panels(judgement: Judgement) -> tuple[Panel, ...]:
    """Return a panel for each quantity that has a series, from top to bottom."""
    return tuple(_panels(judgement))


def rounded(value: float) -> str:
    """Return a value for a label: whole from a hundred on, one decimal below."""
    return number(round(value) if abs(value) >= 100 else round(value, 1))  # noqa: PLR2004 - three digits are enough


def _panels(judgement: Judgement) -> Iterator[Panel]:
    drawable = [series for series in judgement.telemetry_series if any(x is not None for x in series.mean)]
    for kind in KINDS:
        chosen = [series for series in drawable if kind.holds(series.key)]
        for t_s in dict.fromkeys(series.t_s for series in chosen):  # one grid, as `TelemetrySeries` says
            yield _panel(kind, [series for series in chosen if series.t_s == t_s], judgement)


def _panel(kind: Kind, series: Sequence[TelemetrySeries], judgement: Judgement) -> Panel:
    ranked = sorted(series, key=lambda one: -max(value for value in one.maximum if value is not None))
    shown = {one.key for one in ranked[:LINES_MAX]}
    lines = tuple(_line(kind, one) for one in series if one.key in shown)
    levels = _levels(kind, shown, judgement)
    bottom, top = _range(kind, [*(line.lowest for line in lines), *(line.highest for line in lines)], levels)
    return Panel(
        title=kind.title,
        unit=unit_word(kind.unit),
        t_s=series[0].t_s,
        lines=lines,
        levels=levels,
        bottom=bottom,
        top=top,
        note=_note(kind, shown, judgement.channels),
    )


def _line(kind: Kind, series: TelemetrySeries) -> Line:
    return Line(
        label=short_label(series.key),
        minimum=_scaled(series.minimum, kind),
        mean=_scaled(series.mean, kind),
        maximum=_scaled(series.maximum, kind),
    )


def _scaled(values: Sequence[Value], kind: Kind) -> tuple[Value, ...]:
    return tuple(None if value is None else float(f"{value / kind.per_unit:.{_DIGITS}g}") for value in values)


def _range(kind: Kind, values: Sequence[float], levels: Sequence[Level]) -> tuple[float, float]:
    reached = [*values, *(level.value for level in levels)]
    lowest = min(reached) if kind.base is None else min(kind.base, *reached)
    highest = max(kind.top, *reached)
    spare = max(_HEADROOM * (highest - lowest), _SPAN_MIN * abs(highest)) or 1.0
    return (lowest - spare if lowest != kind.base else lowest), highest + spare


def _levels(kind: Kind, shown: set[str], judgement: Judgement) -> tuple[Level, ...]:
    """Return the limits of the profile on what is shown, and where the hardware begins to slow down."""
    limits = [_limit(check) for check in judgement.checks if kind.metric and check.metric == kind.metric]
    return (*limits, *_trip_points(shown, judgement.channels))


def _limit(check: Check) -> Level:
    return Level(label=one_line(f"limit {limit_text(check)}"), value=check.limit)


def _trip_points(shown: set[str], rows: Sequence[ChannelSummary]) -> list[Level]:
    """Return the temperature limits of the sensors that are shown, equal ones as one line."""
    sensors = {attributes_of(key).get(channels.HW_ID) for key in shown if name_of(key) == channels.TEMPERATURE}
    owners: dict[float, list[str]] = {}
    for row in rows:
        hw_id = attributes_of(row.key).get(channels.HW_ID)
        if name_of(row.key) == channels.TEMPERATURE_LIMIT and row.maximum is not None and hw_id in sensors:
            owners.setdefault(row.maximum, []).append(short_label(row.key))
    return [
        Level(label=f"slowdown {rounded(celsius)} °C, {_few(owners[celsius])}", value=celsius)
        for celsius in sorted(owners)[:LEVELS_MAX]
    ]


def _few(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} sensors"


def _note(kind: Kind, shown: set[str], rows: Sequence[ChannelSummary]) -> str:
    """Return how many channels with a value are in the table only; a series of all CPUs leaves none out."""
    if any(attributes_of(key).get("cpu.logical_number") == "*" for key in shown):
        return ""
    n_more = sum(kind.holds(row.key) and row.maximum is not None and row.key not in shown for row in rows)
    return f"and {n_more} more in the table" if n_more else ""
