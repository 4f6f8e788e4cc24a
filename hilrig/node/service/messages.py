"""The messages of the service's inference process, one datagram each.

They pass in both directions; tensors pass in shared memory.
"""

from dataclasses import asdict, dataclass
from enum import IntEnum
from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MESSAGE_BYTES_MAX: Final = 1 << 16


class Kind(IntEnum):
    """What lies in the slot."""

    TENSOR = 0  # the model's input as it is
    FRAME = 1  # a camera frame, to be preprocessed as the release declares


class Status(IntEnum):
    """What became of an input."""

    DECIDED = 0
    BAD_INPUT = 1  # not finite, or outside of the range that preprocess can make
    NON_FINITE = 2  # the model gave a score that is no number
    ERROR = 3  # the runtime raised


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the inference process is told on its command line."""

    release_sha256: str
    folder: str
    parent_pid: int
    socket_fd: int
    memory_fd: int
    slot_bytes: int
    n_slots: int
    niceness: int

    def as_json(self) -> dict[str, Any]:
        """Return this as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the inference process says of one ticket.

    Args:
        ticket: which request it belongs to.
        infer_ns: what the model took.
        defects: mask of the labels found.
        score: the highest one.
        scores: one per label.
    """

    ticket: int
    status: Status
    infer_ns: int
    defects: int
    score: float
    scores: NDArray[np.float32]


_ASK: Final = Struct("<QIB")
_ANSWER: Final = Struct("<QBqQf")
_NO_SCORES: Final = np.empty(0, np.float32)


def pack_ask(ticket: int, slot: int, kind: Kind) -> bytes:
    """Return the datagram that asks for one input."""
    return _ASK.pack(ticket, slot, kind)


def unpack_ask(data: bytes) -> tuple[int, int, Kind]:
    """Return ticket, slot and kind."""
    ticket, slot, kind = _ASK.unpack(data)
    return ticket, slot, Kind(kind)


def pack_answer(answer: Answer) -> bytes:
    """Return the datagram of an answer."""
    head = _ANSWER.pack(answer.ticket, answer.status, answer.infer_ns, answer.defects, answer.score)
    return head + answer.scores.tobytes()


def unpack_answer(data: bytes) -> Answer:
    """Return the answer in a datagram."""
    ticket, status, infer_ns, defects, score = _ANSWER.unpack_from(data)
    return Answer(
        ticket=ticket,
        status=Status(status),
        infer_ns=infer_ns,
        defects=defects,
        score=score,
        scores=np.frombuffer(data, np.float32, offset=_ANSWER.size),
    )


def undecided(ticket: int, status: Status, *, infer_ns: int = 0) -> Answer:
    """Return the answer to an input without a decision."""
    return Answer(ticket=ticket, status=status, infer_ns=infer_ns, defects=0, score=0.0, scores=_NO_SCORES)
