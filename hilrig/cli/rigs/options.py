"""Options that say on which rigs a profile is run."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hilrig.cli import options
from hilrig.core.errors import UsageError

if TYPE_CHECKING:
    from hilrig.core.rig import RigSpec

MAX_PARALLEL: Final = 8
"""Runs at a time unless told otherwise: each is a process here that waits and copies, about 60 MiB."""

RigNames = Annotated[
    list[str] | None,
    typer.Option(
        "--rig",
        metavar="NAME|FILE",
        help="A rig by its name or its file; given again, one more. [default: this machine]",
        show_default=False,
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        metavar="KEY=VALUE",
        help="The first free rig with this label; given again, all of them must match.",
        show_default=False,
    ),
]
Every = Annotated[bool, typer.Option("--all", help="Every rig that the labels match, not the first free one.")]
RigsFolder = Annotated[
    Path | None,
    typer.Option(
        "--rigs",
        metavar="DIR",
        help="The folder of rig files; HILRIG_RIGS names it as well. [default: rigs]",
        show_default=False,
    ),
]
Wait = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="How long to wait for a rig that is busy: 30m. [default: not at all]",
        show_default=False,
    ),
]
MaxParallel = Annotated[
    int | None,
    typer.Option(
        min=1, help=f"Of several rigs, run on so many at a time. [default: {MAX_PARALLEL}]", show_default=False
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RigChoice:
    """The rigs that were asked for, each with its file.

    Args:
        rigs: in the order in which they are asked; empty for this machine without a rig file.
        on_all: whether the profile is run on each of them; else on the first that is free.
    """

    rigs: tuple[tuple["RigSpec", Path], ...]
    on_all: bool


def choose_rigs(
    names: list[str] | None, labels: list[str] | None, *, every: bool, folder: Path | None
) -> RigChoice:
    """Return the rigs that the options mean.

    Raises:
        UsageError: the options contradict each other, a rig is unknown or named twice.
        ConfigError: a rig file has mistakes.
    """
    if names and labels:
        raise UsageError("--rig names rigs, --label looks for them: give one of the two")
    if every and not labels:
        raise UsageError("--all needs labels", hint="hilrig run PROFILE --label board=orin --all")
    if not names and not labels:
        return RigChoice(rigs=(), on_all=False)
    from hilrig.app.rigs.files import find_by_labels, find_rig, rigs_folder

    if labels:
        found = find_by_labels(_parse_labels(labels), rigs_folder(folder))
        return RigChoice(rigs=_absolute(found), on_all=every)
    rigs = _absolute(find_rig(name, rigs_folder(folder)) for name in names or ())
    _refuse_twice([rig.name for rig, _ in rigs])
    return RigChoice(rigs=rigs, on_all=len(rigs) > 1)


def _absolute(found: Iterable[tuple["RigSpec", Path]]) -> tuple[tuple["RigSpec", Path], ...]:
    return tuple((rig, options.absolute(path)) for rig, path in found)


def _parse_labels(texts: list[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not key or not sign:
            raise typer.BadParameter(f"'{text}' is no label; write it as key=value: board=orin")
        if labels.setdefault(key, value) != value:
            raise UsageError(f"no rig can have both {key}={labels[key]} and {text}")
    return labels


def _refuse_twice(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"rig {twice[0]} is named twice", hint="name each rig once")
