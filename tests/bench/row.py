"""A row of the table: what is measured on both sides, which goal it is held against."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from statistics import median

Measure = Callable[[float], Mapping[str, float]]
"""One side of a row: takes the scale (1 for full length, less for a quick look), returns values by their key."""


class Sense(str, Enum):
    """What a goal refers to, and on which side of it is good."""

    RATIO_AT_MOST = "ratio <="
    RATIO_AT_LEAST = "ratio >="
    OURS_AT_MOST = "ours <="  # in the row's unit: a time that a person waits has no peer


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Args:
        name: what is compared.
        against: the peer, in words.
        key: which of the measured values.
        unit: of both sides.
        sense: what `reach` and `stretch` are held against.
        reach: the goal.
        stretch: what nobody asked for yet; None where there is none.
    """

    name: str
    against: str
    key: str
    unit: str
    reach: float
    stretch: float | None
    sense: Sense = Sense.RATIO_AT_MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Rows that are measured together.

    Args:
        name: for `--only`.
        ours: measures hilrig.
        peer: measures the other one in the same minute; None where a goal stands alone.
        n_rounds: both sides in turn, so often.
    """

    name: str
    rows: tuple[Row, ...]
    ours: Measure
    peer: Measure | None
    n_rounds: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What came out of a row: medians over its rounds, or the reason why there is nothing."""

    row: Row
    ours: float | None
    peer: float | None
    ratio: float | None
    n_rounds: int
    missing: str = ""

    @property
    def grade(self) -> str:
        """Return `stretch`, `reached`, `missed`, or that nothing was measured and why."""
        judged = self.ours if self.row.sense is Sense.OURS_AT_MOST else self.ratio
        if judged is None:
            return f"not measured: {self.missing}"
        if self.row.stretch is not None and _holds(self.row.sense, judged, self.row.stretch):
            return "stretch"
        return "reached" if _holds(self.row.sense, judged, self.row.reach) else "missed"


def figure(row: Row, rounds: list[tuple[Mapping[str, float], Mapping[str, float]]]) -> Figure:
    """Return a row's figure: the ratio is the median of the rounds' own ratios.

    Both sides of a round share the same minute; so a busy neighbour cancels out of each ratio, not of the medians.
    """
    ours = [mine[row.key] for mine, _ in rounds]
    peers = [other[row.key] for _, other in rounds if row.key in other]
    ratios = [mine / other for mine, other in zip(ours, peers, strict=False) if other]
    return Figure(
        row=row,
        ours=median(ours),
        peer=median(peers) if peers else None,
        ratio=median(ratios) if len(ratios) == len(rounds) else None,
        n_rounds=len(rounds),
        missing="" if len(ratios) == len(rounds) else "the peer measured nothing",
    )


def no_figure(row: Row, reason: str) -> Figure:
    """Return the figure of a row that could not be measured here."""
    return Figure(row=row, ours=None, peer=None, ratio=None, n_rounds=0, missing=reason)


def _holds(sense: Sense, value: float, goal: float) -> bool:
    return value >= goal if sense is Sense.RATIO_AT_LEAST else value <= goal
