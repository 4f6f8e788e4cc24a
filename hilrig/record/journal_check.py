"""Reading a journal as far as it can be trusted.

Bare Arrow IPC reads a file cut at a batch border as complete, a tail of zeros as a clean end, flipped bytes as
data: all three without an error. So nothing is taken from the data file but what the journal vouches for.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import pyarrow as pa

from hilrig.core.errors import RecordError
from hilrig.core.units import BYTES_PER_MIB
from hilrig.record.journal_entry import (
    LINE_MAX_BYTES,
    PAYLOAD_MAX_BYTES,
    Entry,
    EntryKind,
    JournalSpec,
    crc32,
    parse_line,
)
from hilrig.record.loss import Loss
from hilrig.record.untrusted_file import open_untrusted, read_untrusted

JOURNAL_MAX_BYTES: Final = 256 * BYTES_PER_MIB
ROWS_AT_ONCE: Final = 65_536  # decoding 300 rows costs as much as decoding some thousands


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedJournal:
    """The part of a journal that can be trusted: every whole batch before the first mismatch.

    Args:
        schema: None when not even the first message is whole.
        entries: of the whole messages, the schema's first.
        is_closed: whether the end line is there, so that nothing can be missing behind the last batch.
        n_data_bytes: length of the trusted part of the data file.
        n_journal_bytes: length of the trusted part of the journal.
        loss: all the rest.
    """

    folder: Path
    spec: JournalSpec
    schema: pa.Schema | None
    entries: tuple[Entry, ...]
    is_closed: bool
    n_data_bytes: int
    n_journal_bytes: int
    loss: Loss

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the whole batches in order, joined to batches of at least ROWS_AT_ONCE but the last.

        Raises:
            RecordError: a batch is no longer what it was when the journal was checked.
        """
        gathered: list[pa.RecordBatch] = []
        n_rows = 0
        for batch in self._batches_as_written():
            gathered.append(batch)
            n_rows += batch.num_rows
            if n_rows >= ROWS_AT_ONCE:
                yield from _joined(gathered)
                gathered, n_rows = [], 0
        yield from _joined(gathered)

    def _batches_as_written(self) -> Iterator[pa.RecordBatch]:
        file = open_untrusted(self.folder / self.spec.data_name) or io.BytesIO()
        with file:
            for entry in self.entries:
                payload = _payload(file, entry)
                if crc32(payload) != entry.crc32:
                    raise RecordError(f"{self.folder / self.spec.data_name} changed while it was read")
                if self.schema is not None and entry.kind == EntryKind.BATCH:
                    yield pa.ipc.read_record_batch(pa.py_buffer(payload), self.schema)


def check_journal(folder: Path, spec: JournalSpec) -> CheckedJournal:
    """Walk a journal to its first mismatch; return what stands before it, and the loss.

    Raises:
        RecordError: a file is a link, is no regular file, is too large for a journal, or cannot be read.
    """
    journal = read_untrusted(folder / spec.journal_name, max_bytes=JOURNAL_MAX_BYTES)
    # Opened after the journal was read: a live writer's data is ahead of its journal, never behind.
    data = open_untrusted(folder / spec.data_name)
    with data or io.BytesIO() as file:
        walk = _Walk(spec, file, io.BytesIO(journal or b""))
        problem = _missing(spec, journal, data) or walk.to_first_mismatch()
        return CheckedJournal(
            folder=folder,
            spec=spec,
            schema=walk.schema if walk.entries else None,
            entries=tuple(walk.entries),
            is_closed=walk.is_closed,
            n_data_bytes=walk.n_data_bytes,
            n_journal_bytes=walk.n_journal_bytes,
            loss=walk.loss(problem),
        )


def _missing(spec: JournalSpec, journal: bytes | None, data: BinaryIO | None) -> str:
    if journal is None:
        return f"{spec.journal_name} is missing"
    return f"{spec.data_name} is missing" if data is None else ""


class _Walk:
    """The walk along a journal's lines, with what it has found whole so far."""

    def __init__(self, spec: JournalSpec, data: BinaryIO, journal: BinaryIO) -> None:
        self.schema: pa.Schema | None = None
        self.entries: list[Entry] = []
        self.is_closed = False
        self.n_data_bytes = self.n_journal_bytes = 0
        self._spec = spec
        self._data = data
        self._journal = journal
        self._n_file_bytes = data.seek(0, io.SEEK_END)
        self._n_rows = 0
        self._chain = ""

    def to_first_mismatch(self) -> str:
        """Return what is wrong, empty when all lines and all bytes are whole."""
        while line := self._journal.readline(LINE_MAX_BYTES):
            problem = self._step(line)
            if problem:
                return problem
        if not self.entries:
            return f"{self._spec.journal_name} is empty"
        if self._n_file_bytes > self.n_data_bytes:
            return f"{self._n_file_bytes - self.n_data_bytes} bytes of {self._spec.data_name} have no journal line"
        return ""

    def _step(self, line: bytes) -> str:
        entry = parse_line(line)
        if entry is None:
            return "not a whole journal line"
        payload = b"" if self._disorder(entry) else _payload(self._data, entry)
        problem = self._disorder(entry) or self._damage(entry, payload) or self._misfit(entry, payload)
        if not problem:
            self._keep(entry, len(line))
        return problem

    def _disorder(self, entry: Entry) -> str:
        if self.is_closed:
            return "a line after the end line"
        if (entry.seq, entry.offset) != (len(self.entries), self.n_data_bytes):
            expected = f"seq {len(self.entries)} at byte {self.n_data_bytes}"
            return f"expected {expected}, found seq {entry.seq} at byte {entry.offset}"
        if (entry.kind == EntryKind.SCHEMA) != (entry.seq == 0):
            return f"expected the schema first and only there, found a {entry.kind} line"
        if entry.kind == EntryKind.END and entry.length:
            return f"expected no bytes behind the last batch, found an end line with {entry.length}"
        if entry.length > PAYLOAD_MAX_BYTES:
            return f"expected at most {PAYLOAD_MAX_BYTES} bytes in a message, found {entry.length}"
        return ""

    def _damage(self, entry: Entry, payload: bytes) -> str:
        if len(payload) < entry.length:
            return f"expected {entry.length} bytes in {self._spec.data_name}, found {len(payload)}"
        if crc32(payload) != entry.crc32:
            return f"bytes of {self._spec.data_name} from {entry.offset} on are not those that were written"
        if entry.chain_after(self._chain, payload) != entry.chain:
            return "the checksum chain does not hold"
        return ""

    def _misfit(self, entry: Entry, payload: bytes) -> str:
        """Return how a message that is as it was written is none that a journal may have here."""
        try:
            found = self._read_message(entry, payload)
        except (pa.ArrowException, ValueError, OSError, EOFError, LookupError) as error:
            return f"not an Arrow {entry.kind} message: {error}"
        expected = (entry.rows, entry.first_id, entry.last_id)
        return "" if found == expected else f"expected rows and ids {expected}, found {found}"

    def _read_message(self, entry: Entry, payload: bytes) -> tuple[int, int | None, int | None]:
        buffer = pa.py_buffer(payload)
        if entry.kind == EntryKind.SCHEMA:
            self.schema = _schema(buffer)
        if entry.kind != EntryKind.BATCH or self.schema is None:
            return (0, None, None)
        batch = pa.ipc.read_record_batch(buffer, self.schema)
        batch.validate(full=True)
        return (batch.num_rows, *self._spec.ids(batch, self._n_rows))

    def _keep(self, entry: Entry, n_line_bytes: int) -> None:
        self.entries.append(entry)
        self.is_closed = entry.kind == EntryKind.END
        self.n_data_bytes += entry.length
        self.n_journal_bytes += n_line_bytes
        self._n_rows += entry.rows
        self._chain = entry.chain

    def loss(self, problem: str) -> Loss:
        """Return what stands behind the trusted part."""
        n_line_bytes = self._journal.seek(0, io.SEEK_END) - self.n_journal_bytes
        n_lines, n_rows = self._rest_of_journal()
        return Loss(
            stream=self._spec.stream,
            n_batches_kept=sum(entry.kind == EntryKind.BATCH for entry in self.entries),
            n_rows_kept=self._n_rows,
            n_rows_untrusted=n_rows,
            n_lines_dropped=n_lines,
            n_line_bytes_dropped=n_line_bytes,
            n_data_bytes_dropped=self._n_file_bytes - self.n_data_bytes,
            where=f"{self._spec.journal_name}:{len(self.entries) + 1}" if problem else "",
            why=problem,
        )

    def _rest_of_journal(self) -> tuple[int, int]:
        self._journal.seek(self.n_journal_bytes)
        n_lines = n_rows = 0
        while line := self._journal.readline():
            entry = parse_line(line)
            n_lines += 1
            n_rows += entry.rows if entry else 0
        return n_lines, n_rows


def _schema(buffer: pa.Buffer) -> pa.Schema:
    schema = pa.ipc.read_schema(buffer)
    if len(set(schema.names)) < len(schema):  # reading the names also refuses those that are no UTF-8
        raise LookupError("two columns have the same name")
    return schema


def _joined(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    return pa.Table.from_batches(batches).combine_chunks().to_batches() if batches else []


def _payload(file: BinaryIO, entry: Entry) -> bytes:
    file.seek(entry.offset)
    return file.read(entry.length)
