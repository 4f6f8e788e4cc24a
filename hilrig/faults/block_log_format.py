"""The log of what reached a disk: dm-log-writes' format, as QEMU's `blklogwrites` writes it.

Source: `drivers/md/dm-log-writes.c` of Linux and `block/blklogwrites.c` of QEMU. All numbers are little-endian.
"""

import struct
from dataclasses import dataclass
from typing import Final

from hilrig.core.errors import RecordError

MAGIC: Final = 0x6A736677736872
VERSION: Final = 1
SUPER: Final = struct.Struct("<QQQI")  # magic, version, number of entries, sector size
ENTRY: Final = struct.Struct("<QQQQ")  # sector, number of sectors, flags, length of a mark's text

FLUSH: Final = 1
FUA: Final = 2
DISCARD: Final = 4
MARK: Final = 8

SECTOR_SIZES: Final = (512, 1024, 2048, 4096)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One request that the disk has finished.

    Args:
        offset: on the disk, in bytes.
        data: what was written there; empty for a flush.
        is_flush: everything that had finished before it is on the disk for good.
        end: the log's length in bytes once it holds this entry.
    """

    offset: int
    data: bytes
    is_flush: bool
    end: int


def read_log(log: bytes) -> tuple[LogEntry, ...]:
    """Every entry of a log whose writer has ended in order.

    Raises:
        RecordError: it is damaged, cut off, or has requests that a test here never makes.
    """
    sector_size, n_entries = _super_block(log)
    entries: list[LogEntry] = []
    at = sector_size
    while len(entries) < n_entries:
        entry = _entry(log, at, sector_size)
        entries.append(entry)
        at = entry.end
    if log[at:].strip(b"\0"):
        message = f"the block log says {n_entries} entries and goes on after them"
        raise RecordError(message, hint="its writer was killed: record again")
    return tuple(entries)


def _super_block(log: bytes) -> tuple[int, int]:
    if len(log) < SUPER.size:
        raise RecordError(f"the block log has {len(log)} bytes: no super block", hint="record again")
    magic, version, n_entries, sector_size = SUPER.unpack_from(log)
    if (magic, version) != (MAGIC, VERSION) or sector_size not in SECTOR_SIZES:
        message = f"the block log is none: magic {magic:x}, version {version}, sectors of {sector_size} bytes"
        raise RecordError(message, hint="record again")
    return sector_size, n_entries


def _entry(log: bytes, at: int, sector_size: int) -> LogEntry:
    begin = at + sector_size
    if begin > len(log):
        raise RecordError(f"the block log ends at byte {len(log)}, in an entry's head", hint="record again")
    sector, n_sectors, flags, _ = ENTRY.unpack_from(log, at)
    if flags & ~FLUSH:
        message = f"the block log has an entry with flags {flags} at byte {at}: only writes and flushes are known"
        raise RecordError(message, hint="mount without `discard`; QEMU's FUSE export makes no others")
    end = begin + n_sectors * sector_size
    if end > len(log):
        raise RecordError(f"the block log ends at byte {len(log)}, in an entry's data", hint="record again")
    if flags & FLUSH and n_sectors:
        raise RecordError(f"the block log has a flush with data at byte {at}", hint="record again")
    return LogEntry(offset=sector * sector_size, data=log[begin:end], is_flush=bool(flags & FLUSH), end=end)
