"""The keys that a block may hold, to say where a key that is unknown there belongs."""

from collections.abc import Iterator
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from hilrig.config.document import Path, dotted

ITEM: Final = "[]"
"""Behind the name of a list of blocks: any item of it."""

ANY: Final = "*"
"""Below a block whose keys the user names: any of them."""


def blocks(model: type[BaseModel], path: Path = ()) -> Iterator[tuple[Path, type[BaseModel]]]:
    """Yield each block of keys below `model` with its path, the model itself first.

    `name[]` is an item of a list, `name.*` one of a map.
    """
    yield path, model
    for name, field in model.model_fields.items():
        inner, item, value = (find(field.annotation) for find in (_block_class, _item_class, _value_class))
        if inner:
            yield from blocks(inner, (*path, name))
        if item:
            yield from blocks(item, (*path, f"{name}{ITEM}"))
        if value:
            yield from blocks(value, (*path, name, ANY))


def unknown_key_hint(model: type[BaseModel], path: Path) -> str:
    """Return what the unknown key at the end of `path` was probably meant to be."""
    tree = dict(blocks(model))
    parent = next((block for where, block in tree.items() if _covers(where, _of_any_item(path[:-1]))), None)
    name = str(path[-1])
    homes = [where for where, block in tree.items() if name in block.model_fields and not _is_repeated(where)]
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


def _of_any_item(path: Path) -> Path:
    """Return the path of a key in an item of a list as that of the key in any item."""
    joined: list[str | int] = []
    for part in path:
        if isinstance(part, int) and joined:
            joined[-1] = f"{joined[-1]}{ITEM}"
        else:
            joined.append(part)
    return tuple(joined)


def _covers(where: Path, path: Path) -> bool:
    return len(where) == len(path) and all(part in (ANY, given) for part, given in zip(where, path, strict=True))


def _is_repeated(path: Path) -> bool:
    return any(str(part).endswith((ITEM, ANY)) for part in path)


def _item_class(annotation: Any) -> type[BaseModel] | None:
    """Return the class of the blocks that a list holds, None for anything else."""
    if get_origin(annotation) is Annotated:
        return _item_class(get_args(annotation)[0])
    return _block_class(get_args(annotation)[0]) if get_origin(annotation) is tuple else None


def _value_class(annotation: Any) -> type[BaseModel] | None:
    """Return the class of the blocks that a map holds, None for anything else."""
    if get_origin(annotation) is Annotated:
        return _value_class(get_args(annotation)[0])
    return _block_class(get_args(annotation)[1]) if get_origin(annotation) is dict else None


def _block_class(annotation: Any) -> type[BaseModel] | None:
    if get_origin(annotation) is Annotated:
        return _block_class(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return next(filter(None, map(_block_class, get_args(annotation))), None)
    is_block = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_block else None
