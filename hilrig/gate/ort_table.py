"""The tables of what releases of ONNX Runtime take, with their sources.

They also say which libraries a release is built with.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from importlib.resources import files
from itertools import zip_longest
from typing import Final

from hilrig.config.noun_json import from_json

NEAREST_SHOWN: Final = 3
DATA: Final = "hilrig.gate"

Parts = tuple[int, ...]


class How(str, Enum):
    """How a row is known."""

    MEASURED = "measured"  # models were loaded in the released wheel, or its own metadata was read
    DOC = "doc"  # its makers write it
    RECALLED = "recalled"  # general knowledge: no page that could be cited was read


@dataclass(frozen=True, slots=True, kw_only=True)
class OrtRow:
    """What one release of ONNX Runtime takes.

    Args:
        ort: a release, `1.17.3`, or a line of releases, `1.17`, where the source speaks of all of it.
        opset_max: newest operator set by domain; the domain of ONNX itself is the empty text.
        ir_max: newest IR version.
        note: what else a reader should know.
    """

    ort: str
    opset_max: Mapping[str, int]
    ir_max: int
    source: str
    checked_on: str
    how: How
    note: str = ""

    @property
    def words(self) -> str:
        """Return the row in a few words."""
        return f"{self.ort} (opset {self.opset_max['']}, IR {self.ir_max})"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRow:
    """Libraries that belong together: what a JetPack brings, or what releases of ONNX Runtime are built with.

    Args:
        jetpack: of a Jetson; empty in a row about ONNX Runtime.
        ort: first and last release of ONNX Runtime, `1.17` for all of that line; empty in a row about a JetPack.
        cuda: its version; empty: the row does not say. `tensorrt`, `cudnn` and `l4t` alike.
    """

    jetpack: str = ""
    ort: tuple[str, ...] = ()
    cuda: str = ""
    tensorrt: str = ""
    cudnn: str = ""
    l4t: str = ""
    source: str
    checked_on: str
    how: How

    def stated(self, component: str) -> str:
        """Return the version of a library in this row; empty when the row does not say."""
        return str(getattr(self, component, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Both tables."""

    onnxruntime: tuple[OrtRow, ...]
    stacks: tuple[StackRow, ...]


@lru_cache(maxsize=1)
def shipped_tables() -> Tables:
    """Return the tables that come with hilrig."""
    return Tables(
        onnxruntime=from_json(tuple[OrtRow, ...], _data("onnxruntime.json"), what="onnxruntime.json"),
        stacks=from_json(tuple[StackRow, ...], _data("stacks.json"), what="stacks.json"),
    )


def ort_row(rows: Iterable[OrtRow], release: str) -> OrtRow | None:
    """Return the row of a release: its own, else that of its line; None when nobody has looked at it."""
    by_name = {row.ort: row for row in rows}
    return by_name.get(release) or by_name.get(release.rpartition(".")[0])


def nearest_rows(rows: Iterable[OrtRow], release: str) -> Sequence[OrtRow]:
    """Return the rows nearest to a release that has none, oldest first."""
    wanted = parts(release)
    near = sorted(rows, key=lambda row: (_distance(parts(row.ort), wanted), row.ort))[:NEAREST_SHOWN]
    return sorted(near, key=lambda row: parts(row.ort))


def stack_rows_of(rows: Iterable[StackRow], release: str) -> Sequence[StackRow]:
    """Return the rows that speak of a release of ONNX Runtime."""
    return [row for row in rows if row.ort and _is_within(release, row.ort[0], row.ort[-1])]


def parts(version: str) -> Parts:
    """Return a version as numbers, `1.17.3` as (1, 17, 3); what follows the numbers is left out."""
    numbers = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != part:
            break
    return tuple(numbers)


def starts_with(version: str, stated: str) -> bool:
    """Return whether a version is the stated one as far as that goes: `12.2.140` is `12.2`, `12.20` is not."""
    wanted = parts(stated)
    return bool(wanted) and parts(version)[: len(wanted)] == wanted


def _is_within(release: str, first: str, last: str) -> bool:
    found = parts(release)
    return parts(first) <= found and found[: len(parts(last))] <= parts(last)


def _distance(one: Parts, other: Parts) -> Parts:
    return tuple(abs(a - b) for a, b in zip_longest(one, other, fillvalue=0))


def _data(name: str) -> bytes:
    return (files(DATA) / "data" / name).read_bytes()
