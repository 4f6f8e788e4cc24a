"""One line of a journal: where a message of the data file lies, with the checksum chain over both files."""

import hashlib
import json
import zlib
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import pyarrow as pa

from hilrig.core import files
from hilrig.core.canonical import canonical_json
from hilrig.core.units import BYTES_PER_MIB

LINE_MAX_BYTES: Final = 1024
PAYLOAD_MAX_BYTES: Final = 256 * BYTES_PER_MIB

_ID_KEYS: Final = frozenset({"first_id", "last_id"})


class EntryKind(str, Enum):
    """What a line speaks of: the schema first, then batches; the end only when the writer closed the journal."""

    SCHEMA = "schema"
    BATCH = "batch"
    END = "end"


_KINDS: Final = frozenset(kind.value for kind in EntryKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSpec:
    """A pair of files: an Arrow IPC stream, and a journal with one line for each message in it.

    `id_column` numbers the rows in the journal's lines; without one, rows are numbered as they were written.
    """

    stream: str
    data_name: str
    journal_name: str
    id_column: str | None

    def ids(self, batch: pa.RecordBatch, n_rows_before: int) -> tuple[int, int]:
        """Return the id of the first and of the last row of a batch that is not empty."""
        if self.id_column is None:
            return n_rows_before, n_rows_before + batch.num_rows - 1
        column = batch.column(self.id_column)
        return column[0].as_py(), column[-1].as_py()


FRAMES_JOURNAL: Final = JournalSpec(
    stream="frames", data_name=files.FRAMES, journal_name=files.FRAMES_JOURNAL, id_column="frame_id"
)
TELEMETRY_JOURNAL: Final = JournalSpec(
    stream="telemetry", data_name=files.TELEMETRY, journal_name=files.TELEMETRY_JOURNAL, id_column=None
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A journal line.

    Args:
        seq: number of the line, from 0.
        kind: one of EntryKind.
        offset: first byte of the message in the data file.
        length: bytes of the message.
        rows: rows in the batch; 0 for other kinds.
        first_id: id of the first row, None for other kinds than batches.
        last_id: id of the last row, None for other kinds than batches.
        crc32: over the message alone, for a quick second look at one batch.
        chain: sha256 over the chain before it, this line without `chain`, the message.
    """

    seq: int
    kind: str
    offset: int
    length: int
    rows: int
    first_id: int | None
    last_id: int | None
    crc32: int
    chain: str = ""

    def line(self) -> bytes:
        """Return the line as it stands in the file."""
        return canonical_json(self._document()) + b"\n"

    def chain_after(self, previous: str, payload: bytes | memoryview) -> str:
        """Return what `chain` must be, given the chain of the line before (empty for the first)."""
        body = self._document()
        del body["chain"]
        digest = hashlib.sha256(previous.encode())
        digest.update(canonical_json(body))
        digest.update(payload)
        return digest.hexdigest()

    def _document(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}  # `asdict` copies deeply: ten times slower


def crc32(payload: bytes | memoryview) -> int:
    """Return the CRC-32 of a message (polynomial of IEEE 802.3)."""
    return zlib.crc32(payload)


def parse_line(line: bytes) -> Entry | None:
    """Return the entry that `line` is the exact form of, None for anything else.

    Only the bytes that `Entry.line` gives are accepted, so no key is doubled, missing, spare or spelt otherwise.
    """
    if len(line) > LINE_MAX_BYTES:
        return None
    try:
        document = json.loads(line)
        entry = Entry(**document)
        well_formed = _types_hold(document) and entry.line() == line
    except (ValueError, TypeError, RecursionError):
        return None
    return entry if well_formed else None


def _types_hold(document: dict[str, Any]) -> bool:
    return all(_type_holds(key, value) for key, value in document.items())


def _type_holds(key: str, value: object) -> bool:
    if key == "kind":
        return value in _KINDS
    if key == "chain":
        return isinstance(value, str)
    if key in _ID_KEYS and value is None:
        return True
    return type(value) is int and value >= 0
