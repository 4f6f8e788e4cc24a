"""A decision on its way to the PLC: what the service hands over, in 26 bytes that are written at once."""

import math
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from hilrig.core.plc import SEQUENCE_MAX, FailSafeReason, PlcDecision

_FORM: Final = struct.Struct("<QqqBB")
N_BYTES: Final = _FORM.size
"""Far below PIPE_BUF: the kernel takes such a write as a whole or not at all."""


class Decision(NamedTuple):
    """What the service decided of one frame.

    Args:
        sequence: of the frame, within 32 bits.
        decision: never GOOD when anything is wrong.
        reason: of a fail-safe.
        decided_ns: when, CLOCK_MONOTONIC.
        deadline_ns: by when it should have been decided; a later one is never written as good.
    """

    sequence: int
    decision: PlcDecision
    reason: FailSafeReason
    decided_ns: int
    deadline_ns: int

    def fail_safe(self, reason: FailSafeReason) -> "Decision":
        """Return it as the fail-safe output."""
        return self._replace(decision=PlcDecision.FAIL_SAFE, reason=reason)


def decided(*, sequence: int, is_defective: bool, score: float, decided_ns: int, deadline_ns: int) -> Decision:
    """Return the decision of a model; a score that is not finite, or one that came late, fails safe."""
    word = PlcDecision.DEFECTIVE if is_defective else PlcDecision.GOOD
    made = Decision(sequence & SEQUENCE_MAX, word, FailSafeReason.NONE, decided_ns, deadline_ns)
    if not math.isfinite(score):
        return made.fail_safe(FailSafeReason.NON_FINITE)
    return made if decided_ns <= deadline_ns else made.fail_safe(FailSafeReason.LATE)


def undecided(*, sequence: int, now_ns: int, reason: FailSafeReason = FailSafeReason.SERVICE_ERROR) -> Decision:
    """Return what the PLC is told of a frame that got no decision."""
    return Decision(sequence & SEQUENCE_MAX, PlcDecision.FAIL_SAFE, reason, now_ns, now_ns)


def pack(decision: Decision) -> bytes:
    """Return a decision as bytes for the pipe to the write loop."""
    return _FORM.pack(
        decision.sequence, decision.decided_ns, decision.deadline_ns, decision.decision, decision.reason
    )


def unpack(data: bytes) -> Iterator[Decision]:
    """Yield the decisions in `data`, a whole number of packed ones."""
    for sequence, decided_ns, deadline_ns, word, reason in _FORM.iter_unpack(data):
        yield Decision(sequence, PlcDecision(word), FailSafeReason(reason), decided_ns, deadline_ns)
