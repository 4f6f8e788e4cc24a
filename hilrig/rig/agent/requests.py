"""What a client asks of a run's keeper: a file for each wish, looked for ten times a second."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from hilrig.core.errors import HilrigError, RecordError
from hilrig.rig.agent.arguments import run_of, text_of
from hilrig.rig.agent.disk import read_json, write_json
from hilrig.rig.agent.keeper_file import keeper_lives
from hilrig.rig.agent.layout import RunFolder
from hilrig.rig.agent.seconds import seconds_of

WORDS_MAX: Final = 500
GRACE_S: Final = 5.0
"""What a cancelled run has to end in order, when nobody says otherwise: too short to judge, enough to clean up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody asked for.

    Args:
        by: who.
        reason: why.
        grace_s: for how long a cancelled run may go on.
    """

    by: str = ""
    reason: str = ""
    grace_s: float = GRACE_S


def stop(arguments: Mapping[str, Any], stream: BinaryIO) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - a verb's form
    """Ask a run to end in order.

    Raises:
        RigLostError: there is no such run.
        RecordError: nobody keeps it any more.
    """
    run = _kept(run_of(arguments))
    write_json(run.stop, {"by": _words(arguments, "by"), "reason": _words(arguments, "reason")})
    yield {"asked": True}


def revoke(arguments: Mapping[str, Any], stream: BinaryIO) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - a verb's form
    """Tell a run that the rig is not its any more.

    Raises:
        RigLostError: there is no such run.
        RecordError: nobody keeps it any more.
    """
    ask_to_revoke(_kept(run_of(arguments)), _words(arguments, "reason"))
    yield {"asked": True}


def ask_to_revoke(run: RunFolder, reason: str) -> None:
    """Leave word for the keeper that the rig is not the run's any more.

    Raises:
        PreconditionError: the disk is full or read-only.
    """
    write_json(run.revoke, {"reason": reason})


def ask_to_cancel(run: RunFolder, *, grace_s: float) -> None:
    """Leave word for the keeper that every process of the run is to go.

    Raises:
        PreconditionError: the disk is full or read-only.
    """
    write_json(run.cancel, {"grace_s": grace_s})


def read_wish(path: Path) -> Wish | None:
    """Return the request in a file, None when there is none: then this costs one `lstat`.

    A file that cannot be read is a request all the same: its writer wanted the run to end.
    """
    if not os.path.lexists(path):
        return None
    try:
        found = read_json(path) or {}
        grace_s = seconds_of(found, "grace_s") if "grace_s" in found else GRACE_S
    except HilrigError:
        return Wish(reason=f"{path.name} cannot be read")
    return Wish(by=str(found.get("by", "")), reason=str(found.get("reason", "")), grace_s=grace_s)


def _kept(run: RunFolder) -> RunFolder:
    if not keeper_lives(run):
        raise RecordError(
            f"the keeper of run {run.run_id} is gone: nobody would see the request",
            hint="`hilrig watch` takes the run up: it recovers or fetches what is there",
        )
    return run


def _words(arguments: Mapping[str, Any], name: str) -> str:
    text = text_of(arguments, name)
    return "".join(letter if letter.isprintable() else " " for letter in text)[:WORDS_MAX].strip()
