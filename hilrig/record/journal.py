"""Writing a journal: append-only Arrow IPC batches that survive a kill at any moment.

A message's bytes go out first and are flushed to the disk, then its journal line. So a line without its message
cannot come from a kill, and a message without its line is the one batch that a kill may cost. The data file alone
is a plain Arrow IPC stream that any Arrow library opens.
"""

import os
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from hilrig.core.errors import RecordError
from hilrig.record.journal_entry import PAYLOAD_MAX_BYTES, Entry, EntryKind, JournalSpec, crc32
from hilrig.record.run_directory import create_file, sync_folder, write_all


class JournalWriter:
    """One data file with its journal, both new. Used by one thread.

    Args:
        folder: the run directory.
        spec: which pair of files.
        schema: of every batch; its metadata is covered by the chain.

    Raises:
        OSError: one of the files exists or cannot be written.
    """

    def __init__(self, folder: Path, spec: JournalSpec, schema: pa.Schema) -> None:
        self.n_rows = 0
        self._spec = spec
        self._n_entries = self._n_data_bytes = self._n_journal_bytes = 0
        self._chain = ""
        with ExitStack() as opened:
            self._data_fd = _created(folder / spec.data_name, opened)
            self._journal_fd = _created(folder / spec.journal_name, opened)
            self._append(EntryKind.SCHEMA, schema.serialize(), rows=0, ids=(None, None))
            sync_folder(folder)
            self._files = opened.pop_all()

    @property
    def chain(self) -> str:
        """Return the checksum chain up to the last line: it proves every byte of both files."""
        return self._chain

    def append(self, batch: pa.RecordBatch) -> None:
        """Append a batch of at least one row; when it returns, a power cut cannot take the batch any more.

        Raises:
            RecordError: the batch is too large for one message.
            OSError: the disk is full or broken. Neither file keeps a part of the batch; it may be tried again.
        """
        payload = batch.serialize()
        if payload.size > PAYLOAD_MAX_BYTES:
            raise RecordError(f"a batch should have at most {PAYLOAD_MAX_BYTES} bytes, found {payload.size}")
        self._append(EntryKind.BATCH, payload, rows=batch.num_rows, ids=self._spec.ids(batch, self.n_rows))
        self.n_rows += batch.num_rows

    def close(self) -> None:
        """Write the end line, without which a journal cut at a batch border could not be told from a whole one.

        Raises:
            OSError: the disk is full or broken; the files are closed all the same.
        """
        with self._files:
            self._append(EntryKind.END, pa.py_buffer(b""), rows=0, ids=(None, None))

    def abandon(self) -> None:
        """Close the files without an end line: there was more to write."""
        self._files.close()

    def _append(
        self, kind: EntryKind, buffer: pa.Buffer, *, rows: int, ids: tuple[int, int] | tuple[None, None]
    ) -> None:
        payload = memoryview(buffer)
        entry = self._sealed(kind, payload, rows, ids)
        line = entry.line()
        try:
            _put(self._data_fd, payload, self._n_data_bytes)
            _put(self._journal_fd, line, self._n_journal_bytes)
        except OSError:
            self._cut_back()
            raise
        self._n_entries += 1
        self._n_data_bytes += len(payload)
        self._n_journal_bytes += len(line)
        self._chain = entry.chain

    def _sealed(
        self, kind: EntryKind, payload: memoryview, rows: int, ids: tuple[int, int] | tuple[None, None]
    ) -> Entry:
        entry = Entry(
            seq=self._n_entries,
            kind=kind.value,
            offset=self._n_data_bytes,
            length=len(payload),
            rows=rows,
            first_id=ids[0],
            last_id=ids[1],
            crc32=crc32(payload),
        )
        return replace(entry, chain=entry.chain_after(self._chain, payload))

    def _cut_back(self) -> None:
        for fd, n_bytes in ((self._data_fd, self._n_data_bytes), (self._journal_fd, self._n_journal_bytes)):
            with suppress(OSError):  # what stays behind the last line is what recovery counts and sets aside
                os.ftruncate(fd, n_bytes)


def _created(path: Path, opened: ExitStack) -> int:
    fd = create_file(path)
    opened.callback(os.close, fd)
    return fd


def _put(fd: int, data: bytes | memoryview, offset: int) -> None:
    write_all(fd, data, offset)
    os.fdatasync(fd)
