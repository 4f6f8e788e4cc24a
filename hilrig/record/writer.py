"""The run directory as the supervisor's RecordWriter."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from hilrig.core.clock import Clock
from hilrig.core.errors import RecordError
from hilrig.core.frame import FrameTable
from hilrig.core.telemetry import Capability, ReadingTable
from hilrig.record.columns import Records
from hilrig.record.events import EventWriter
from hilrig.record.frames import FRAME_SCHEMA, encode_frames
from hilrig.record.heartbeat import write_status
from hilrig.record.journal import JournalWriter
from hilrig.record.journal_entry import FRAMES_JOURNAL, TELEMETRY_JOURNAL
from hilrig.record.run_directory import reserve_for_full_disk
from hilrig.record.run_lock import lock_run
from hilrig.record.telemetry import encode_readings, reading_schema
from hilrig.record.utc import utc_text

FRAMES_PER_BATCH: Final = 300
READINGS_PER_BATCH: Final = 2000


class RunWriter:
    """Writes frames, readings, events and status of one run into its folder; implements `RecordWriter`.

    Rows gather in memory and go to the disk as one batch when enough have come, at `flush`, at `close`. A full
    disk releases the run's reserve and comes out as OSError (ENOSPC): nothing that was handed over is lost then,
    `flush` or `close` tries again with the room so gained. Used by one thread.

    Raises:
        RecordError: another process writes this folder.
        OSError: the folder has the files of a run already, or cannot be written.
    """

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._telemetry: _Gathering | None = None
        with ExitStack() as opened:
            opened.callback(os.close, lock_run(folder))
            self._events = EventWriter(folder)
            opened.callback(self._events.close)
            self._frames = _Gathering(
                JournalWriter(folder, FRAMES_JOURNAL, FRAME_SCHEMA), encode_frames, FRAMES_PER_BATCH
            )
            opened.callback(self._frames.close)
            self._opened = opened.pop_all()

    def channels(self, capabilities: Sequence[Capability]) -> None:
        """Name the channels that readings refer to; called once, before the first reading.

        Raises:
            OSError: the disk is full, or the channels are named already.
        """
        schema = reading_schema(capabilities)

        def encode(table: ReadingTable) -> pa.RecordBatch:
            return encode_readings(table, schema)

        with reserve_for_full_disk(self._folder):
            journal = JournalWriter(self._folder, TELEMETRY_JOURNAL, schema)
        self._telemetry = _Gathering(journal, encode, READINGS_PER_BATCH)
        self._opened.callback(self._telemetry.close)

    def frames(self, table: FrameTable) -> None:
        """Append frame records; the table may be overwritten afterwards.

        Raises:
            OSError: the disk is full or broken; the rows are kept in memory and must not be handed over again.
        """
        with reserve_for_full_disk(self._folder):
            self._frames.add(table)

    def readings(self, table: ReadingTable) -> None:
        """Append readings; the table may be overwritten afterwards.

        Raises:
            RecordError: the channels have not been named.
            OSError: as for `frames`.
        """
        if self._telemetry is None:
            raise RecordError("readings need the channels that they count in: call channels first")
        with reserve_for_full_disk(self._folder):
            self._telemetry.add(table)

    def event(self, kind: str, detail: Mapping[str, Any], t_ns: int) -> None:
        """Append an event that happened at `t_ns` on CLOCK_MONOTONIC.

        Raises:
            RecordError: `detail` is not JSON.
            OSError: the disk is full or broken; the event is not written.
        """
        at_utc = utc_text(self._clock.triple().realtime_ns)
        with reserve_for_full_disk(self._folder):
            self._events.append(kind, detail, t_ns=t_ns, at_utc=at_utc)

    @property
    def events_sha256(self) -> str:
        """Return the digest of the events so far: what lies in the folder should have it."""
        return self._events.sha256

    @property
    def journal_chains(self) -> dict[str, str]:
        """Return the chain that the last line of each journal should have, by the journal's name."""
        gathering = {FRAMES_JOURNAL: self._frames, TELEMETRY_JOURNAL: self._telemetry}
        return {spec.journal_name: rows.chain for spec, rows in gathering.items() if rows is not None}

    def status(self, status: Mapping[str, Any]) -> None:
        """Replace status.json; adds `heartbeat_ns`, `at_utc`, `pid`, `began_ticks` and `boot_id`.

        Raises:
            RecordError: `status` is not JSON.
            OSError: the disk is full or broken; the old status stands.
        """
        with reserve_for_full_disk(self._folder):
            write_status(self._folder, status, clock=self._clock)

    def flush(self) -> None:
        """Put everything appended so far where a power cut cannot take it.

        Raises:
            OSError: the disk is full or broken; the rows are kept in memory.
        """
        with reserve_for_full_disk(self._folder):
            self._frames.flush()
            if self._telemetry is not None:
                self._telemetry.flush()

    def close(self) -> None:
        """Flush, end the journals, release the lock. A second call does nothing.

        Raises:
            OSError: the disk is full or broken; everything is closed all the same.
        """
        with suppress(OSError):  # on a full disk this gives the reserve back, and closing tries once more
            self.flush()
        self._opened.close()


class _Gathering:
    """Rows on their way into a journal: at most one batch and one table of them in memory."""

    def __init__(
        self, journal: JournalWriter, encode: Callable[[Records], pa.RecordBatch], n_rows_max: int
    ) -> None:
        self._journal = journal
        self._encode = encode
        self._n_rows_max = n_rows_max
        self._tables: list[Records] = []

    @property
    def chain(self) -> str:
        return self._journal.chain

    def add(self, table: Records) -> None:
        self._tables.append(table.copy())  # the caller's may be a view of shared memory
        if sum(map(len, self._tables)) >= self._n_rows_max:
            self.flush()

    def flush(self) -> None:
        if not self._tables:
            return
        rows = np.concatenate(self._tables)
        if len(rows):
            self._journal.append(self._encode(rows))
        self._tables.clear()

    def close(self) -> None:
        try:
            self.flush()
        except OSError:
            self._journal.abandon()
            raise
        self._journal.close()
