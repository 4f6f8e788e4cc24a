"""Plug-ins: what installed packages bring under a name, held against the port that it is for."""

import sys
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from hilrig.core.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, SelectableGroups

GROUP: Final = "hilrig."
"""What the name of every entry-point group of hilrig's begins with: `hilrig.feeds`."""

GUIDE: Final = "CONTRIBUTING.md shows a whole one"


def installed(kind: str, *, built_in: Collection[str]) -> "dict[str, EntryPoint]":
    """Return the plug-ins of a kind by their names.

    Raises:
        UsageError: a package takes a name that is built in, or another package's.
    """
    points: dict[str, EntryPoint] = {}
    for point in _found_along(tuple(sys.path)).select(group=f"{GROUP}{kind}"):
        owner = "hilrig itself" if point.name in built_in else package(points.get(point.name, point))
        if owner != package(point):
            raise UsageError(
                f"the package {package(point)} takes the {kind[:-1]} name '{point.name}', which {owner} has",
                hint=f"give it another name in its group {GROUP}{kind}, or pip uninstall {_name(point)}",
            )
        points[point.name] = point
    return points


@lru_cache(maxsize=2)  # a look at every installed package takes 30 ms, and each kind is asked for
def _found_along(path: tuple[str, ...]) -> "SelectableGroups":  # noqa: ARG001 - the key: another path, other packages
    from importlib.metadata import entry_points  # a tenth of what a run's process imports: most ask for built-ins

    return entry_points()


def load_point(kind: str, point: "EntryPoint", port: type) -> Any:
    """Return a plug-in's class.

    Raises:
        ModuleNotFoundError: a module is missing.
        UsageError: it can't be loaded for another reason, is no class, or lacks a method of its port.
    """
    try:
        loaded = point.load()
    except ModuleNotFoundError:
        raise
    except Exception as error:  # a foreign module may raise anything while it is imported
        raise UsageError(
            f"{described(kind, point)} can't be loaded from {point.value}: {type(error).__name__}: {error}",
            hint=f"mend the package, or pip uninstall {_name(point)}",
        ) from error
    if not isinstance(loaded, type):
        raise UsageError(f"{described(kind, point)} is no class: {point.value}", hint=GUIDE)
    missing = ", ".join(lacking(loaded, port))
    if missing:
        raise UsageError(f"{described(kind, point)} lacks {missing} ({point.value})", hint=GUIDE)
    return loaded


def described(kind: str, point: "EntryPoint") -> str:
    """Return what a plug-in is called in a message: its kind, its name, who brings it."""
    return f"{kind[:-1]} '{point.name}' of the package {package(point)}"


def package(point: "EntryPoint") -> str:
    """Return the name of the package that brings a plug-in, with its version."""
    return f"{_name(point)} {point.dist.version}" if point.dist else _name(point)


def _name(point: "EntryPoint") -> str:
    return point.dist.name if point.dist else point.value.partition(".")[0]


def lacking(loaded: type, port: type) -> Iterator[str]:
    """Yield what a class should have and has not: a port's own method is a description, nothing that works."""
    for name in sorted({*vars(port), *vars(port).get("__annotations__", ())}):
        if not name.startswith("_") and getattr(loaded, name, None) in (None, vars(port).get(name)):
            yield name
    yield from sorted(getattr(loaded, "__abstractmethods__", ()))
