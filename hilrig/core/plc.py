"""What a PLC reads: six holding registers, written in one request, so that it never sees half a decision."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

N_REGISTERS: Final = 6
WORD_BITS: Final = 16
WORD_MAX: Final = (1 << WORD_BITS) - 1
SEQUENCE_MAX: Final = (1 << 2 * WORD_BITS) - 1


class PlcDecision(IntEnum):
    """What the PLC is told of a part. Only GOOD lets it pass."""

    NONE = 0  # none yet
    GOOD = 1
    DEFECTIVE = 2
    FAIL_SAFE = 3


class FailSafeReason(IntEnum):
    """Why the fail-safe output stands."""

    NONE = 0
    LATE = 1
    ABSENT = 2
    NON_FINITE = 3
    QUEUE_FULL = 4
    SERVICE_ERROR = 5


class PlcWrite(NamedTuple):
    """The registers in words: heartbeat and age as they are written, within 16 bits; the sequence within 32."""

    heartbeat: int
    decision: PlcDecision
    sequence: int
    age_ms: int
    reason: FailSafeReason


def encode(write: PlcWrite) -> list[int]:
    """Return the six registers, the first for the base address."""
    return [
        write.heartbeat & WORD_MAX,
        write.decision,
        (write.sequence >> WORD_BITS) & WORD_MAX,
        write.sequence & WORD_MAX,
        min(max(write.age_ms, 0), WORD_MAX),
        write.reason,
    ]


def decode(registers: Sequence[int]) -> PlcWrite:
    """Return what six registers say.

    Raises:
        ValueError: they are not six words of 16 bits, or name a decision or reason that there is not.
    """
    if len(registers) != N_REGISTERS or not all(0 <= word <= WORD_MAX for word in registers):
        raise ValueError(f"expected {N_REGISTERS} registers of {WORD_BITS} bits, found {list(registers)}")
    heartbeat, decision, high, low, age_ms, reason = registers
    return PlcWrite(
        heartbeat=heartbeat,
        decision=PlcDecision(decision),
        sequence=high << WORD_BITS | low,
        age_ms=age_ms,
        reason=FailSafeReason(reason),
    )
