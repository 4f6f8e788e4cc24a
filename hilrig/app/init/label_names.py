"""Names for a model's labels: from a file, from the model itself, or numbered."""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.core.errors import PreconditionError, UsageError

METADATA_KEYS: Final = ("names", "labels", "classes", "class_names")
"""Where exporters put them: Ultralytics writes `names`; the others are common."""

_LENGTH_MAX: Final = 64
_NOT_IN_A_NAME: Final = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelNames:
    """A model's labels in the order of its scores. `origin` and `n_changed` are for a person."""

    names: tuple[str, ...]
    origin: str
    n_changed: int = 0


def label_names(n_labels: int, file: Path | None, metadata: Mapping[str, str]) -> LabelNames:
    """Return `n_labels` names, each one that a profile takes, no two alike.

    Raises:
        PreconditionError: the file cannot be read.
        UsageError: it has another number of names.
    """
    if file is not None:
        return _fitted(_read(file, n_labels), f"from {file}")
    for key in METADATA_KEYS:
        found = _listed(metadata.get(key, ""))
        if len(found) == n_labels:
            return _fitted(found, f"from the model's own metadata ('{key}')")
    return LabelNames(
        names=tuple(f"label-{index}" for index in range(n_labels)),
        origin="numbered: the model does not name them (--labels FILE gives names, one per line)",
    )


def _read(file: Path, n_labels: int) -> list[str]:
    try:
        text = file.expanduser().read_text(encoding="utf-8-sig")
    except OSError as error:
        raise PreconditionError(
            f"the file of labels {file} cannot be read: {error.strerror or error}",
            hint="give a text file with one name per line, in the order of the model's scores",
        ) from error
    except UnicodeDecodeError as error:
        raise PreconditionError(f"the file of labels {file} is not UTF-8", hint="save it as UTF-8") from error
    names = [line.strip() for line in text.splitlines() if line.strip()]
    if len(names) != n_labels:
        raise UsageError(
            f"{file} has {len(names)} names, the model gives {n_labels} scores",
            hint="one name per line, in the order of the scores; some lists have one more line for 'background'",
        )
    return names


def _listed(text: str) -> list[str]:
    """Return the names in a metadata value: JSON, Python's own form, or parted by commas."""
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(value, dict):
            return [str(name) for _, name in sorted(value.items(), key=lambda item: _place(item[0]))]
        if isinstance(value, list | tuple):
            return [str(name) for name in value]
    return [part.strip() for part in text.split(",") if part.strip()]


def _place(key: object) -> int:
    return int(str(key)) if str(key).isdecimal() else 0


def _fitted(given: Sequence[str], origin: str) -> LabelNames:
    """Return names as a profile takes them: cut at the first comma, short, each different from those before it."""
    names: dict[str, None] = {}  # a set that keeps its order
    for index, text in enumerate(given):
        name = _NOT_IN_A_NAME.sub(" ", re.split("[;,]", text, maxsplit=1)[0]).strip()[:_LENGTH_MAX].strip()
        if not name or name in names:
            name = f"{name[: _LENGTH_MAX - 8].strip() or 'label'} #{index}"
        names[name] = None
    n_changed = sum(name != text for name, text in zip(names, given, strict=False))
    return LabelNames(names=tuple(names), origin=origin, n_changed=n_changed)
