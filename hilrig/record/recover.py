"""Recovery of a run directory whose run did not end by itself.

Nothing is thrown away: what cannot be trusted is copied to `lost+found` before the journals are cut back to their
last whole batch. The loss is written down before the cut, so a recovery that is itself killed starts again where
it was. A second recovery changes nothing and tells the same.
"""

import os
import shutil
import stat
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import Final

from hilrig.core import files
from hilrig.core.clock import Clock
from hilrig.core.errors import RecordError
from hilrig.core.run import RunEvent
from hilrig.record.events import EventLog, event_line, read_events
from hilrig.record.finish import write_table
from hilrig.record.heartbeat import boot_id, read_status
from hilrig.record.journal_check import CheckedJournal, check_journal
from hilrig.record.loss import Loss
from hilrig.record.recovery import RECOVERED, Recovery, recoveries
from hilrig.record.run_directory import create_file, reserve_for_full_disk, sync_folder, write_atomic
from hilrig.record.run_lock import lock_run
from hilrig.record.streams import FRAMES, STREAMS, TELEMETRY
from hilrig.record.untrusted_file import open_untrusted
from hilrig.record.utc import utc_text

LOST_AND_FOUND: Final = "lost+found"


def recover(folder: Path, *, clock: Clock) -> Recovery:
    """Cut a run's journals back to what can be trusted, write its Parquet files; return what was lost.

    Raises:
        RecordError: the run is finished or still being written, a file is not hilrig's, the disk is full.
    """
    if os.path.lexists(folder / files.RESULT):
        hint = f"hilrig verify {folder}"
        raise RecordError(f"{folder} is finished ({files.RESULT} is there): nothing to recover", hint=hint)
    lock_fd = lock_run(folder)
    try:
        with reserve_for_full_disk(folder):
            return _recover(folder, clock)
    except OSError as error:
        hint = f"free some disk space, then: hilrig recover {folder}"
        raise RecordError(f"{folder} cannot be recovered yet: {error}", hint=hint) from error
    finally:
        os.close(lock_fd)


def _recover(folder: Path, clock: Clock) -> Recovery:
    frames = check_journal(folder, FRAMES.journal)
    telemetry = check_journal(folder, TELEMETRY.journal)
    log = read_events(folder)
    earlier = recoveries(log.events)
    if earlier and _is_told(earlier[-1], frames.loss, telemetry.loss, log.loss):
        recovery = earlier[-1]
    else:
        recovery = _found(folder, frames.loss, telemetry.loss, log.loss)
        _set_aside_remains(folder, (frames, telemetry), log)
        _tell(folder, log, recovery, clock)
    for checked in (frames, telemetry):
        _cut(folder / checked.spec.data_name, checked.n_data_bytes)
        _cut(folder / checked.spec.journal_name, checked.n_journal_bytes)
    _write_missing_tables(folder)
    return recovery


def _is_told(earlier: Recovery, frames: Loss, telemetry: Loss, events: Loss) -> bool:
    """Return whether an earlier recovery has set aside and written down all that is damaged now."""
    return (
        events.is_none
        and _is_rest_of(found=frames, told=earlier.frames)
        and _is_rest_of(found=telemetry, told=earlier.telemetry)
    )


def _is_rest_of(*, found: Loss, told: Loss) -> bool:
    """Return whether `found` is what is left of `told` when some, all or none of its files have been cut."""
    return not found.n_bytes_dropped or (
        found.n_rows_kept == told.n_rows_kept
        and found.n_data_bytes_dropped in (0, told.n_data_bytes_dropped)
        and found.n_line_bytes_dropped in (0, told.n_line_bytes_dropped)
    )


def _found(folder: Path, frames: Loss, telemetry: Loss, events: Loss) -> Recovery:
    counts, problem = _status_counts(folder)
    return Recovery(
        frames=frames,
        telemetry=telemetry,
        events=events,
        status_counts=counts,
        status_problem=problem,
        boot_id=boot_id(),
    )


def _status_counts(folder: Path) -> tuple[dict[str, int], str]:
    try:
        status = read_status(folder)
    except RecordError as error:  # status.json is never flushed: a power cut may well empty it
        return {}, error.message
    if status is None:
        return {}, f"{files.STATUS} is missing"
    counts = {key: value for key, value in status.items() if key.startswith("n_") and type(value) is int}
    return counts, "" if "n_offered" in counts else f"{files.STATUS} does not count the frames"


def _set_aside_remains(folder: Path, journals: Sequence[CheckedJournal], log: EventLog) -> None:
    _set_aside(folder, files.EVENTS, len(log.data))
    for checked, stream in zip(journals, STREAMS, strict=True):
        _set_aside(folder, checked.spec.data_name, checked.n_data_bytes)
        _set_aside(folder, checked.spec.journal_name, checked.n_journal_bytes)
        if not checked.loss.is_none:  # a table made before the damage may hold more than the journal does now
            _set_aside(folder, stream.table_name, 0)
            (folder / stream.table_name).unlink(missing_ok=True)


def _set_aside(folder: Path, name: str, first_byte: int) -> None:
    """Copy a file from `first_byte` on to `lost+found/<name>.tail`, or `.tail.2` and so on if that is taken."""
    source = open_untrusted(folder / name)
    if source is None:
        return
    with source:
        if source.seek(0, os.SEEK_END) <= first_byte:
            return
        source.seek(first_byte)
        with os.fdopen(_new_tail(folder, name), "wb") as target:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
    sync_folder(folder / LOST_AND_FOUND)


def _new_tail(folder: Path, name: str) -> int:
    lost = folder / LOST_AND_FOUND
    lost.mkdir(mode=0o755, exist_ok=True)
    if not stat.S_ISDIR(lost.lstat().st_mode):
        raise RecordError(f"{lost} should be a folder, found something else")
    names = chain([f"{name}.tail"], (f"{name}.tail.{number}" for number in count(2)))
    return create_file(next(path for path in map(lost.joinpath, names) if not os.path.lexists(path)))


def _tell(folder: Path, log: EventLog, recovery: Recovery, clock: Clock) -> None:
    """Replace events.jsonl in one step by its whole lines with the `recovered` event behind them."""
    now = clock.triple()
    event = RunEvent(
        seq=len(log.events),
        t_ns=now.monotonic_ns,
        at_utc=utc_text(now.realtime_ns),
        kind=RECOVERED,
        detail=recovery.detail(),
    )
    write_atomic(folder / files.EVENTS, log.data + event_line(event))


def _cut(path: Path, n_bytes: int) -> None:
    if not path.exists() or path.stat().st_size == n_bytes:
        return
    fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.ftruncate(fd, n_bytes)
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_missing_tables(folder: Path) -> None:
    for stream in STREAMS:
        if not (folder / stream.table_name).exists():
            write_table(folder, stream)
