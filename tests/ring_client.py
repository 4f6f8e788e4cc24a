"""A client of the shared-memory ring in Python, with nothing of hilrig's: `docs/ring.md` is all that it knows.

Run as a program it misbehaves as its arguments say: `ring_client.py MODE`. It answers every label with the frame's
first pixel divided by 255.
"""

import mmap
import os
import signal
import struct
import sys
import time

HEADER = struct.Struct("<8sIIIIIIQIIIIIIIII")
WRITTEN, ENDED, TAKEN, ANSWERED, READY = 128, 192, 320, 384, 448


class Ring:
    """The ring as the environment names it."""

    def __init__(self):
        ring_fd, frames_fd, offset, self.request_fd, self.answer_fd = (
            int(os.environ[f"HILRIG_{name}"])
            for name in ("RING_FD", "FRAMES_FD", "FRAMES_OFFSET", "REQUEST_FD", "ANSWER_FD")
        )
        (
            magic,
            version,
            size,
            self.n_slots,
            self.height,
            self.width,
            _,
            self.slot_bytes,
            self.n_labels,
            *places,
        ) = HEADER.unpack(os.pread(ring_fd, HEADER.size, 0))
        assert (magic, version) == (b"HILRIG\0\1", 1)
        _, self.in_flight, *self.requests = places[:5]
        self.answers = places[5:]
        self.block = mmap.mmap(ring_fd, size)
        self.words = memoryview(self.block).cast("Q")
        self.frames = mmap.mmap(
            frames_fd, self.n_slots * self.slot_bytes, mmap.MAP_SHARED, mmap.PROT_READ, offset=offset
        )

    def ready(self):
        self.words[READY // 8] = 1
        os.eventfd_write(self.answer_fd, 1)

    def next(self):
        """Return frame id and pixels, None at the end."""
        os.eventfd_read(self.request_fd)
        if self.words[ENDED // 8]:
            return None
        taken, (n, offset, size) = self.words[TAKEN // 8], self.requests
        _, frame_id, slot, _, _ = struct.unpack_from("<QIIqq", self.block, offset + taken % n * size)
        self.words[TAKEN // 8] = taken + 1
        start = slot * self.slot_bytes
        return frame_id, memoryview(self.frames)[start : start + self.height * self.width * 3]

    def answer(self, frame_id, score, *, status=0, stamps=(0, 0), n_scores=None):
        """Answer with one score for all labels."""
        written, (n, offset, size) = self.words[ANSWERED // 8], self.answers
        n_scores = self.n_labels if n_scores is None else n_scores
        struct.pack_into(
            f"<IIqqII{self.n_labels}f",
            self.block,
            offset + written % n * size,
            *(frame_id, status, *stamps, n_scores, 0, *[score] * self.n_labels),
        )
        self.words[ANSWERED // 8] = (written + 1) % 2**64
        os.eventfd_write(self.answer_fd, 1)


def main(mode: str) -> None:
    """Answer frames, badly where the mode says so: the others go wrong at frames 5, 15, 25, ..."""
    if mode == "exit-while-loading":
        sys.stdout.write("cannot open weights.bin\n")
        sys.exit(7)
    if mode == "never-ready":
        sys.stderr.write("loading, layer 1 of 90\n")
        time.sleep(100)
    ring = Ring()
    ring.ready()
    held = []
    while (frame := ring.next()) is not None:
        frame_id, pixels = frame
        score = pixels[0] / 255
        if frame_id % 10 == 5 and MODES[mode](ring, frame_id, score):
            continue
        if mode == "reversed":
            held.append((frame_id, score))
            if len(held) < ring.in_flight:
                continue
            for held_id, held_score in reversed(held):
                ring.answer(held_id, held_score)
            held.clear()
            continue
        ring.answer(frame_id, score)


def _die(*_):
    os.kill(os.getpid(), signal.SIGSEGV)


def _answer_and_die(ring, frame_id, score):
    ring.answer(frame_id, score)
    os._exit(3)


def _twice(ring, frame_id, score):
    ring.answer(frame_id, score)
    ring.answer(frame_id, 1 - score)
    return True


def _late(ring, frame_id, score):
    time.sleep(0.3)


def _unknown(ring, frame_id, score):
    for wrong in (frame_id + 1, 2**32 - 1, 123_456):
        ring.answer(wrong, score)


def _jump(ring, frame_id, score):
    jumps = [2**40, 2**64 - 1, 0, 2**63]
    ring.words[ANSWERED // 8] = jumps[frame_id // 10 % 4]
    os.eventfd_write(ring.answer_fd, 2**40)
    return True


def _fill(ring, *_):
    ring.words[TAKEN // 8] = 2**63
    return True


def _block_requests(ring, *_):
    os.eventfd_write(ring.request_fd, 2**64 - 10)
    time.sleep(100)


def _shrink(ring, frame_id, score):
    for fd in (int(os.environ["HILRIG_RING_FD"]), int(os.environ["HILRIG_FRAMES_FD"])):
        try:
            os.ftruncate(fd, 0)
        except OSError:
            continue
        os.kill(os.getpid(), signal.SIGABRT)


def _say(score=None, **claims):
    def misbehave(ring, frame_id, true_score):
        ring.answer(frame_id, true_score if score is None else score, **claims)
        return True

    return misbehave


MODES = {
    "good": lambda *_: False,
    "reversed": lambda *_: False,
    "die": _die,
    "answer-and-die": _answer_and_die,
    "hang": lambda *_: time.sleep(100),
    "never": lambda *_: True,
    "late": _late,
    "twice": _twice,
    "unknown": _unknown,
    "jump": _jump,
    "taken": _fill,
    "block-requests": _block_requests,
    "shrink": _shrink,
    "nan": _say(score=float("nan")),
    "failed": _say(status=1),
    "odd-status": _say(status=2**32 - 1),
    "few-scores": _say(n_scores=1),
    "many-scores": _say(n_scores=2**32 - 1),
    "future-stamps": _say(stamps=(1, 2**62)),
}


if __name__ == "__main__":
    main(sys.argv[1])
