"""What stands for a value in every command's help: PATH, not Python's name of a type."""

from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any, Final, get_args, get_origin

import typer
from typer.models import ParameterInfo

_WORDS: Final = {Path: "PATH", str: "TEXT", int: "N", float: "N"}


def name_values(app: typer.Typer) -> None:
    """Give every value of `app`'s commands a word: an argument its own name, an option that of its type."""
    for info in app.registered_commands:
        for name, annotation in getattr(info.callback, "__annotations__", {}).items():
            for parameter in _of_typer(annotation):
                _name(parameter, name, annotation)
    for group in app.registered_groups:
        if group.typer_instance:
            name_values(group.typer_instance)


def _of_typer(annotation: Any) -> Iterator[ParameterInfo]:
    for part in getattr(annotation, "__metadata__", ()):
        if isinstance(part, ParameterInfo) and part.metavar is None:
            yield part


def _name(parameter: ParameterInfo, name: str, annotation: Any) -> None:
    if isinstance(parameter, typer.models.ArgumentInfo):
        parameter.metavar = name.upper()
    else:
        parameter.metavar = next((_WORDS[found] for found in _types(annotation) if found in _WORDS), None)


def _types(annotation: Any) -> Iterator[Any]:
    """Return the types in an annotation, whatever they are wrapped in: `list[Path] | None` is Path."""
    if get_origin(annotation) is None:
        yield annotation
        return
    for inner in get_args(annotation):
        if inner is not NoneType and not isinstance(inner, ParameterInfo):
            yield from _types(inner)
