"""The parser of the block log's format."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.errors import RecordError
from hilrig.faults.block_log_format import DISCARD, FLUSH, FUA, MAGIC, MARK, read_log

SECTOR = 512
Request = tuple[int, bytes] | None  # sector and data of a write; None: a flush


def log_of(requests: list[Request], *, n_entries: int | None = None) -> bytes:
    """Return a log as QEMU writes it."""
    count = len(requests) if n_entries is None else n_entries
    parts = [struct.pack("<QQQI", MAGIC, 1, count, SECTOR).ljust(SECTOR, b"\0")]
    for request in requests:
        sector, data = request or (0, b"")
        head = struct.pack("<QQQQ", sector, len(data) // SECTOR, 0 if request else FLUSH, 0)
        parts += [head.ljust(SECTOR, b"\0"), data]
    return b"".join(parts)


requests = st.lists(
    st.none() | st.tuples(st.integers(0, 2**40), st.integers(1, 3).map(lambda n: bytes([n]) * SECTOR * n)),
    max_size=8,
)


@given(requests)
def test_every_request_is_read_back_in_order(made: list[Request]):
    """What was logged is what is read: offsets in bytes, data, flushes, and where each entry ends."""
    entries = read_log(log_of(made))
    assert [(e.offset // SECTOR, e.data) if not e.is_flush else None for e in entries] == made
    ends = [len(log_of(made[: index + 1])) for index in range(len(made))]
    assert [entry.end for entry in entries] == ends


@given(requests.filter(bool), st.data())
def test_a_log_that_is_cut_off_is_refused(made: list[Request], data: st.DataObject):
    """No prefix of a log passes for the whole."""
    log = log_of(made)
    with pytest.raises(RecordError):
        read_log(log[: data.draw(st.integers(0, len(log) - 1))])


@given(st.binary(max_size=2048))
def test_garbage_is_refused_in_words(noise: bytes):
    """Nothing but a log is read as one."""
    with pytest.raises(RecordError, match="block log"):
        read_log(noise)


def test_a_writer_that_was_killed_is_seen():
    """QEMU counts its entries late: more of them than the head says means that it did not end in order."""
    log = log_of([(1, b"x" * SECTOR), None, (2, b"y" * SECTOR)], n_entries=2)
    with pytest.raises(RecordError, match="goes on after them"):
        read_log(log)


@pytest.mark.parametrize("flags", [FUA, DISCARD, MARK, FLUSH | FUA])
def test_requests_that_are_not_modelled_are_refused(flags: int):
    """A request of another kind would be applied wrongly: it is no evidence."""
    log = bytearray(log_of([(1, b"x" * SECTOR)]))
    struct.pack_into("<Q", log, SECTOR + 16, flags)
    with pytest.raises(RecordError, match=r"flags|flush with data"):
        read_log(bytes(log))
