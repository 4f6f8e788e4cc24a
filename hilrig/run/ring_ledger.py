"""Which frames an external process holds, until when.

Answers that were not as they should be are counted here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class Asked(NamedTuple):
    """A frame that the process holds; `place` is its place in the order of release.

    Without an answer by `deadline_ns` it has failed.
    """

    place: int
    dequeue_ns: int
    deadline_ns: int


class _Known(IntEnum):
    """What is known of a frame that the process does not hold; one byte for each frame of the run."""

    NOTHING = 0
    ANSWERED = 1
    GIVEN_UP = 2


@dataclass(slots=True, kw_only=True)
class AnswerCounts:
    """Answers that were not as they should be.

    Args:
        missing: frames without an answer in time.
        late: answers to frames that had been given up.
        twice: answers to frames that had one.
        unknown: answers to frames that the process was never given.
        out_of_order: answers given while an older frame had none; they count as decisions.
    """

    missing: int = 0
    late: int = 0
    twice: int = 0
    unknown: int = 0
    out_of_order: int = 0


class RingLedger:
    """The frames under way, in the order of the queue and so of their deadlines.

    Args:
        n_frames: frame ids are below this number.

    Attributes:
        counts: answers that were not as they should be.
        is_silent: a frame was given up, and no answer to any frame came since.
    """

    def __init__(self, n_frames: int) -> None:
        self.counts = AnswerCounts()
        self.is_silent = False
        self._asked: dict[int, Asked] = {}
        self._known = bytearray(n_frames)

    def __len__(self) -> int:
        return len(self._asked)

    def oldest(self) -> Asked | None:
        """Return the frame that is under way for the longest time."""
        return next(iter(self._asked.values()), None)

    def ask(self, frame_id: int, asked: Asked) -> None:
        """Note that the process now holds a frame."""
        self._asked[frame_id] = asked

    def settle(self, frame_id: int) -> Asked | None:
        """Take an answer in; return the frame that it settles, None (and count it) when it settles none."""
        asked = self._asked.get(frame_id)
        if asked is None:
            self._count_unasked(frame_id)
            return None
        self.counts.out_of_order += frame_id != next(iter(self._asked))
        self.is_silent = False
        self._known[frame_id] = _Known.ANSWERED
        return self._asked.pop(frame_id)

    def overdue(self, now_ns: int) -> Iterator[Asked]:
        """Give up the frames whose deadline has passed; return each."""
        while self._asked:
            frame_id, asked = next(iter(self._asked.items()))
            if asked.deadline_ns > now_ns:
                return
            del self._asked[frame_id]
            self.give_up(frame_id)
            yield asked

    def give_up(self, frame_id: int) -> None:
        """Note that a frame has no answer in time."""
        self.counts.missing += 1
        self.is_silent = True
        self._known[frame_id] = _Known.GIVEN_UP

    def abandon(self) -> list[Asked]:
        """Return all frames under way; no answer is waited for."""
        abandoned = list(self._asked.values())
        self._asked.clear()
        return abandoned

    def _count_unasked(self, frame_id: int) -> None:
        known = self._known[frame_id] if frame_id < len(self._known) else _Known.NOTHING
        self.counts.late += known == _Known.GIVEN_UP
        self.counts.twice += known == _Known.ANSWERED
        self.counts.unknown += known == _Known.NOTHING
        if known == _Known.GIVEN_UP:
            self.is_silent = False
            self._known[frame_id] = _Known.ANSWERED  # the next one would be its second
