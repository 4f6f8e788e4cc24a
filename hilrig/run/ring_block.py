"""The memory that the relay shares with an external process: requests one way, answers the other.

This is version 1 of the layout in `docs/ring.md`; `hilrig/target/ring/hilrig_ring.h` is its other side. Frames are
not in it: the process maps the slots of the run's own block, read-only.

Each ring has one writer, which stores the data first, then its counter, then adds one to the eventfd. The relay
never looks at more answers than the eventfd counted, so that the order holds on ARM as well (the note in
`hilrig.run.shared_block`). Nothing that the process can write is believed: of its counters only the distance to
ours is used, and that is held against the ring's size.
"""

import fcntl
import mmap
import os
import select
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilrig.run.shared_block import Layout

MAGIC: Final = b"HILRIG\0\1"
VERSION: Final = 1
N_REQUESTS: Final = 256
"""Requests that may wait: those of a process that hangs pile up until they fill the ring, at most 64 a timeout."""
N_ANSWERS: Final = 256

HEADER: Final = struct.Struct("<8sIIIIIIQIIIIIIIII")
REQUEST: Final = struct.Struct("<QIIqq")  # seq, frame_id, slot, t_intended_ns, t_release_ns
ANSWER: Final = struct.Struct("<IIqqII")  # frame_id, status, t_preprocessed_ns, t_inferred_ns, n_scores, 0; scores
LABELS_OFFSET: Final = 512
LINE_BYTES: Final = 64


class RingWord(IntEnum):
    """Unsigned 64-bit words by their offset in bytes, each on a cache line of its own; its one writer is named."""

    REQUESTS_WRITTEN = 128  # relay
    ENDED = 192  # relay: there will be no further request
    ANSWERS_READ = 256  # relay
    REQUESTS_TAKEN = 320  # process
    ANSWERS_WRITTEN = 384  # process
    READY = 448  # process: it has loaded what it needs


class AnswerStatus(IntEnum):
    """What the process says of a frame."""

    OK = 0
    FAILED = 1


class Answer(NamedTuple):
    """One answer as it stood in the ring: claims, not facts. `n_scores` is what the process says it wrote."""

    frame_id: int
    status: int
    t_preprocessed_ns: int
    t_inferred_ns: int
    n_scores: int
    scores: NDArray[np.float32]


class RingBlock:
    """The relay's side.

    Args:
        frames: the layout of the run's block, whose slots the process maps.
        labels: one score for each is expected, in this order.
        max_in_flight: for the process to know.

    Attributes:
        fd: the block, a memfd that nobody can resize any more.
        request_fd: eventfd, semaphore: one count for each request, one more at the end.
        answer_fd: eventfd: one count for each answer, one before them for "ready".
        n_broken_counts: how often the process's counter was impossible; such answers are not looked at.
    """

    def __init__(self, *, frames: Layout, labels: Sequence[str], max_in_flight: int) -> None:
        self._n_labels = len(labels)
        names = b"".join(label.encode() + b"\0" for label in labels)
        self._requests_offset = _to_line(LABELS_OFFSET + len(names))
        self._answers_offset = self._requests_offset + N_REQUESTS * REQUEST.size
        self._answer_bytes = _to_line(ANSWER.size + 4 * self._n_labels)
        n_bytes = self._answers_offset + N_ANSWERS * self._answer_bytes
        self.fd = _sealed_memory(n_bytes)
        self.request_fd = os.eventfd(0, os.EFD_SEMAPHORE | os.EFD_CLOEXEC)
        self.answer_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)  # a count that the process took away
        self._map = mmap.mmap(self.fd, n_bytes)
        self._words = memoryview(self._map)[:LABELS_OFFSET].cast("Q")
        self._written = self._read = self._signalled = 0
        self.n_broken_counts = 0
        self._room = select.poll()
        self._room.register(self.request_fd, select.POLLOUT)
        self._map[LABELS_OFFSET : LABELS_OFFSET + len(names)] = names
        HEADER.pack_into(
            self._map,
            0,
            *(MAGIC, VERSION, n_bytes),
            *(frames.n_slots, frames.height_px, frames.width_px, 3, frames.slot_bytes),
            *(self._n_labels, LABELS_OFFSET, max_in_flight),
            *(N_REQUESTS, self._requests_offset, REQUEST.size),
            *(N_ANSWERS, self._answers_offset, self._answer_bytes),
        )

    def is_ready(self) -> bool:
        """Take a signal that came; return whether it says that the process has loaded what it needs."""
        try:
            os.eventfd_read(self.answer_fd)
        except BlockingIOError:
            return False
        return self._word(RingWord.READY) == 1

    def request(self, *, frame_id: int, slot: int, t_intended_ns: int, t_release_ns: int) -> bool:
        """Hand a frame over; return False when the process leaves no room for another request."""
        waiting = self._written - self._word(RingWord.REQUESTS_TAKEN)
        if not 0 <= waiting < N_REQUESTS or not self._room.poll(0):
            return False
        offset = self._requests_offset + self._written % N_REQUESTS * REQUEST.size
        REQUEST.pack_into(self._map, offset, self._written, frame_id, slot, t_intended_ns, t_release_ns)
        self._written += 1
        self._set(RingWord.REQUESTS_WRITTEN, self._written)
        os.eventfd_write(self.request_fd, 1)
        return True

    def answers(self) -> list[Answer]:
        """Return copies of the answers that were signalled and not yet returned, at most a ring of them."""
        try:
            self._signalled += os.eventfd_read(self.answer_fd)
        except BlockingIOError:
            return []
        written = self._word(RingWord.ANSWERS_WRITTEN)
        if not 0 <= written - self._read <= N_ANSWERS:
            self.n_broken_counts += 1
            self._read = self._signalled = written  # nothing before this is known to be an answer
        stop = min(written, self._signalled)
        taken = [self._answer(index) for index in range(self._read, stop)]
        self._read = stop
        self._set(RingWord.ANSWERS_READ, self._read)
        return taken

    def end(self) -> None:
        """Tell the process that there will be no further request."""
        self._set(RingWord.ENDED, 1)
        if self._room.poll(0):
            os.eventfd_write(self.request_fd, 1)

    def close(self) -> None:
        """Release the memory and the descriptors."""
        self._words.release()
        self._map.close()
        for fd in (self.fd, self.request_fd, self.answer_fd):
            os.close(fd)

    def _answer(self, index: int) -> Answer:
        offset = self._answers_offset + index % N_ANSWERS * self._answer_bytes
        held = self._map[offset : offset + self._answer_bytes]  # a copy: it cannot change while it is judged
        frame_id, status, t_pre_ns, t_inf_ns, n_scores, _ = ANSWER.unpack_from(held)
        return Answer(
            frame_id, status, t_pre_ns, t_inf_ns, n_scores, np.frombuffer(held, "<f4", self._n_labels, ANSWER.size)
        )

    def _word(self, word: RingWord) -> int:
        return self._words[word // 8]

    def _set(self, word: RingWord, value: int) -> None:
        self._words[word // 8] = value


def _sealed_memory(n_bytes: int) -> int:
    """Return a memfd that keeps its size: a process that cut it would end the relay with a bus error."""
    fd = os.memfd_create("hilrig-ring", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, n_bytes)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return fd


def _to_line(n_bytes: int) -> int:
    return -(-n_bytes // LINE_BYTES) * LINE_BYTES
