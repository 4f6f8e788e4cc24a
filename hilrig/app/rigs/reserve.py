"""A rig held by hand, let go of, tidied up."""

from collections.abc import Mapping
from typing import Any, Final

from hilrig.app.foreign_text import NOTE_MAX, given_text
from hilrig.app.rigs.files import holder
from hilrig.app.rigs.line import line_to
from hilrig.core.errors import PreconditionError, RigLostError, UsageError
from hilrig.core.rig import RigSpec

RESERVE_MIN_S: Final = 60.0
RESERVE_MAX_S: Final = 7 * 86_400.0
"""A week: who needs a rig for longer takes it out of service in its file, where everybody reads why."""

KEEP_RUNS_S: Final = 14 * 86_400.0
"""A run that nobody fetched for two weeks is not going to be."""

KEEP_BLOBS_MIB: Final = 4096
"""Models that were sent before; a board with 64 GB keeps the last few and room for the rest."""

HELD_IN_PLACE: Final = "it is held only while a run goes on; hilrig watch shows it"

TIDY_S: Final = 120.0
"""Tidying removes gigabytes from a slow card without a word."""


def reserve(rig: RigSpec, *, for_s: float, note: str) -> Mapping[str, Any]:
    """Hold a rig for a person; return the lease. Runs of the same holder are let in.

    Raises:
        RigBusyError: another one holds it; the message names who, since when, for how long yet.
        UsageError: the time is out of range, the note too long, or the rig is this machine itself.
        PreconditionError: the rig is out of service.
    """
    if not RESERVE_MIN_S <= for_s <= RESERVE_MAX_S:
        raise UsageError(
            f"a reservation is for 1 minute to 7 days, found {for_s:g} s",
            hint="for longer, take the rig out of service: enabled: false in its file",
        )
    if rig.disabled:
        raise PreconditionError(f"rig {rig.name} is out of service: {rig.disabled}", hint="hilrig rigs list")
    arguments = {"holder": holder(), "run_id": "", "note": given_text(note, what="note", at_most=NOTE_MAX)}
    with line_to(rig, in_place_hint=HELD_IN_PLACE) as link:
        return _mapping(link.call("lease", {**arguments, "ttl_s": for_s}), "lease")


def release(rig: RigSpec, *, force: bool) -> Mapping[str, Any] | None:
    """Let go of a rig; return the lease that was released, None when it was free.

    With `force` also what another one holds, or a run: that run ends with its lease lost.

    Raises:
        RigBusyError: another one holds it, and `force` is false.
        UsageError: the rig is this machine itself.
    """
    with line_to(rig, in_place_hint=HELD_IN_PLACE) as link:
        answer = link.call("release", {"holder": holder(), "force": force})
    return None if answer.get("released") is None else _mapping(answer, "released")


def tidy(rig: RigSpec) -> Mapping[str, Any]:
    """Remove what dead runs left on a rig: leases, half uploads, old runs, blobs that nobody used; return what.

    Raises:
        UsageError: the rig is this machine itself.
    """
    with line_to(rig, in_place_hint=HELD_IN_PLACE) as link:
        arguments = {"keep_runs_s": KEEP_RUNS_S, "keep_blobs_mib": KEEP_BLOBS_MIB}
        return link.call("tidy", arguments, deadline_s=TIDY_S)


def _mapping(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return one object of an answer.

    Raises:
        RigLostError: it is none: what answered is no rig.
    """
    value = answer.get(name)
    if not isinstance(value, Mapping):
        raise RigLostError(f"the rig answered without '{name}'", hint="is something else listening there?")
    return value
