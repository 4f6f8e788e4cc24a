"""Who holds a rig, as far as it can be seen: on one elsewhere by its lease record, on this machine by its lock."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hilrig.app.foreign_text import one_line
from hilrig.core.clock import Clock
from hilrig.core.errors import RigLostError
from hilrig.record.utc import utc_text
from hilrig.rig.lease import LOCK_FILE

KERNEL_LOCKS: Final = Path("/proc/locks")
_TEXT_MAX: Final = 200
_RECORD_MAX_BYTES: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """That a rig is held. Texts come from the rig or from other users: one line each, shortened.

    Args:
        holder: who, as they said.
        run_id: the run that it is held for; empty for a reservation by hand.
        note: why, in the holder's words.
        since_utc: ISO 8601, the rig's wall clock.
        until_utc: ISO 8601, by this machine's wall clock, if nobody renews it; None: as long as the run goes on.
    """

    holder: str
    run_id: str
    note: str
    since_utc: str
    until_utc: str | None


def held_there(facts: Mapping[str, Any], *, clock: Clock) -> Held | None:
    """Return who holds a rig that answered with these facts; a lease of another boot or past its time is none.

    Raises:
        RigLostError: its record of the lease is none.
    """
    lease = facts.get("lease")
    if lease is None:
        return None
    try:
        left_ns = int(lease["expires_boottime_ns"]) - int(facts["boottime_ns"])
        if lease["boot_id"] != facts["boot_id"] or left_ns <= 0:
            return None
        texts = {name: _short(lease[name]) for name in ("holder", "run_id", "note", "since_utc")}
        return Held(**texts, until_utc=utc_text(clock.triple().realtime_ns + left_ns))
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise RigLostError(
            "the rig's record of its lease cannot be read", hint="hilrig rigs release NAME --force writes it anew"
        ) from error


def held_here(folder: Path, *, locks: Path = KERNEL_LOCKS) -> Held | None:
    """Return who holds this machine for a run in place.

    The lock is looked at, never taken: a run that began at that moment would be refused.

    Args:
        folder: where the lock file lies.
        locks: the kernel's list of locks.
    """
    try:
        inode = (folder / LOCK_FILE).stat().st_ino
        held = any(_is_lock_of(line.split(), inode) for line in locks.read_text().splitlines())
        record = (folder / LOCK_FILE).read_bytes()[:_RECORD_MAX_BYTES] if held else None
    except OSError:  # nobody has ever locked it, or not for us to see
        return None
    return None if record is None else _of_record(record)


def _is_lock_of(words: list[str], inode: int) -> bool:
    """Tell whether a line `1: FLOCK ADVISORY WRITE pid major:minor:inode 0 EOF` is about this file."""
    return len(words) > 5 and words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(inode)  # noqa: PLR2004 - see above


def _of_record(record: bytes) -> Held:
    try:
        said = dict(json.loads(record))
    except (ValueError, TypeError):  # taken a moment ago, or written by hand
        said = {}
    return Held(
        holder=_short(said.get("user", "somebody")),
        run_id=_short(said.get("run_id", "")),
        note="",
        since_utc=_short(said.get("since_utc", "")),
        until_utc=None,
    )


def _short(value: Any) -> str:
    return one_line(str(value))[:_TEXT_MAX]
