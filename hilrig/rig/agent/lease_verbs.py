"""The verbs of a rig's lease.

They take the rig and let go of it.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any, BinaryIO, Final

from hilrig.core.errors import RecordError, RigBusyError, UsageError
from hilrig.core.rig import RigLeaseRecord
from hilrig.rig.agent.arguments import text_of, work_folder_of
from hilrig.rig.agent.disk import disk_error
from hilrig.rig.agent.keeper_file import boot_id, keeper_lives
from hilrig.rig.agent.layout import PRIVATE, RunFolder, WorkFolder, safe_run_id
from hilrig.rig.agent.lease_record import (
    forget_below,
    lay_below,
    left_s,
    locked,
    read_lease,
    standing_lease,
    write_lease,
)
from hilrig.rig.agent.requests import ask_to_revoke
from hilrig.rig.agent.seconds import boottime_ns, seconds_of, to_ns, utc_now
from hilrig.rig.agent.start_keeper import start_keeper

WORDS_MAX: Final = 200
S_PER_MIN: Final = 60


def lease(arguments: Mapping[str, Any], stream: BinaryIO) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - a verb's form
    """Take the rig; for a run, start its keeper, which holds it.

    Asked again with the same run id it answers the same: the first answer may have been lost on the way.

    Raises:
        RigBusyError: somebody else holds it.
        UsageError: an argument cannot be meant.
        PreconditionError: the work folder cannot be written, or the keeper does not start.
    """
    work, ttl_s = work_folder_of(arguments), seconds_of(arguments, "ttl_s")
    asked = _asked(arguments, ttl_s=ttl_s)
    with locked(work):
        standing = standing_lease(work)
        if standing is not None and standing.run_id and standing.run_id == asked.run_id:
            yield {"lease": asdict(standing)}
            return
        if standing is not None and (standing.run_id or standing.holder != asked.holder):
            raise _busy(standing)
        if asked.run_id:
            _take_for_run(work, asked, below=standing, ttl_s=ttl_s)
        else:
            write_lease(work.lease, asked)
    yield {"lease": asdict(asked)}


def release(arguments: Mapping[str, Any], stream: BinaryIO) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - a verb's form
    """Let go of the rig; by force also of what is another's, or a run's: then that run ends with its lease lost.

    Raises:
        RigBusyError: it is another's or a run's, and there is no force.
    """
    work, holder = work_folder_of(arguments), _one_line(text_of(arguments, "holder"))
    with locked(work):
        if arguments.get("force") is True:
            yield {"released": _take_away(work, holder)}
            return
        standing = standing_lease(work)
        if standing is not None and (standing.run_id or standing.holder != holder):
            raise _busy(standing)
        work.lease.unlink(missing_ok=True)
    yield {"released": None if standing is None else asdict(standing)}


def _asked(arguments: Mapping[str, Any], *, ttl_s: float) -> RigLeaseRecord:
    holder, run_id = _one_line(text_of(arguments, "holder")), text_of(arguments, "run_id")
    if not holder:
        raise UsageError("who holds the rig? `holder` is empty", hint="USER@HOST")
    if not ttl_s:
        raise UsageError("a lease of 0 s holds nothing", hint="ttl_s is at least a few seconds")
    return RigLeaseRecord(
        holder=holder,
        run_id=safe_run_id(run_id) if run_id else "",
        note=_one_line(text_of(arguments, "note")),
        boot_id=boot_id(),
        since_utc=utc_now(),
        expires_boottime_ns=boottime_ns() + to_ns(ttl_s),
    )


def _take_for_run(work: WorkFolder, asked: RigLeaseRecord, *, below: RigLeaseRecord | None, ttl_s: float) -> None:
    run = work.run(asked.run_id)
    _make_run_folder(work, run)
    try:
        if below is not None:
            lay_below(run, below)
        write_lease(work.lease, asked)
        start_keeper(work, run, ttl_s=ttl_s)
    except Exception:
        if below is None:
            work.lease.unlink(missing_ok=True)
        else:
            write_lease(work.lease, below)
        shutil.rmtree(run.path, ignore_errors=True)
        raise


def _make_run_folder(work: WorkFolder, run: RunFolder) -> None:
    try:
        work.runs.mkdir(mode=PRIVATE, exist_ok=True)
        run.path.mkdir(mode=PRIVATE)
    except FileExistsError as error:
        raise UsageError(f"run {run.run_id} was on this rig already", hint="start the run again") from error
    except OSError as error:
        raise disk_error(work.path, error, needed_bytes=0) from error


def _take_away(work: WorkFolder, holder: str) -> dict[str, Any] | None:
    """Remove the lease whatever it is; end the run that it was for, and the reservation below that."""
    taken = None
    with suppress(RecordError):  # a damaged one goes too
        taken = read_lease(work.lease)
    if taken is not None and taken.run_id:
        run = work.run(taken.run_id)
        forget_below(run)
        if keeper_lives(run):
            ask_to_revoke(run, f"{holder} released the rig by force")
    work.lease.unlink(missing_ok=True)
    return None if taken is None else asdict(taken)


def _busy(lease: RigLeaseRecord) -> RigBusyError:
    note = f" ({_one_line(lease.note)})" if lease.note else ""
    if lease.run_id:
        return RigBusyError(
            f"the rig is held by {_one_line(lease.holder)} for run {lease.run_id} since {lease.since_utc}{note}",
            hint="wait for the run's end, or have its holder stop it; `hilrig rigs release NAME --force` ends it",
        )
    return RigBusyError(
        f"the rig is reserved by {_one_line(lease.holder)} since {lease.since_utc}, for another "
        f"{_minutes(left_s(lease))}{note}",
        hint="wait, or ask them; `hilrig rigs release NAME --force` takes it from them",
    )


def _minutes(length_s: float) -> str:
    return f"{length_s:.0f} s" if length_s < 2 * S_PER_MIN else f"{length_s / S_PER_MIN:.0f} min"


def _one_line(text: str) -> str:
    """Return foreign words as one harmless line."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:WORDS_MAX].strip()
