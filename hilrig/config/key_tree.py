"""The keys that a block may hold, and where else a key belongs."""

from collections.abc import Iterator
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from hilrig.config.document import Path, dotted


def blocks(model: type[BaseModel], path: Path = ()) -> Iterator[tuple[Path, type[BaseModel]]]:
    """Yield each block of keys below `model` with its path, the model itself first."""
    yield path, model
    for name, field in model.model_fields.items():
        inner = _block_class(field.annotation)
        if inner:
            yield from blocks(inner, (*path, name))


def unknown_key_hint(model: type[BaseModel], path: Path) -> str:
    """Return what the unknown key at the end of `path` was probably meant to be."""
    tree = dict(blocks(model))
    parent = tree.get(path[:-1])
    name = str(path[-1])
    homes = [where for where, block in tree.items() if name in block.model_fields]
    if len(homes) == 1:
        return f"it belongs under '{dotted(homes[0])}'" if homes[0] else "it belongs at the left margin"
    return nearest(name, list(parent.model_fields) if parent else [])


def nearest(name: str, known: list[str]) -> str:
    """Return "did you mean" the name most like `name`, or all the known ones when none is like it."""
    return did_you_mean(name, known) or (f"known: {', '.join(known)}" if known else "")


def did_you_mean(name: str, known: list[str]) -> str:
    """Return "did you mean" the name most like `name`, or nothing when none is like it."""
    close = get_close_matches(name[:80], known, n=1)
    return f"did you mean '{close[0]}'?" if close else ""


def _block_class(annotation: Any) -> type[BaseModel] | None:
    if get_origin(annotation) is Annotated:
        return _block_class(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return next(filter(None, map(_block_class, get_args(annotation))), None)
    is_block = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_block else None
