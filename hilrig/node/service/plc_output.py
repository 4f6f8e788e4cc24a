"""Every decision, or the want of one, on its way to the PLC."""

from time import monotonic_ns
from typing import Final

from hilrig.core.plc import SEQUENCE_MAX, FailSafeReason
from hilrig.node.plc.adapter import PlcAdapter
from hilrig.node.service.config import ServiceConfig
from hilrig.node.service.tensor_request import Decided

_REASONS: Final = {
    "HR-203": FailSafeReason.LATE,
    "HR-205": FailSafeReason.NON_FINITE,
    "HR-206": FailSafeReason.QUEUE_FULL,
}
_NS_PER_MS: Final = 1_000_000


class PlcOutput:
    """Hands decisions to the adapter. A correlation id that is a number is the sequence; others are counted."""

    def __init__(self, adapter: PlcAdapter, config: ServiceConfig) -> None:
        self._adapter = adapter
        self._ceiling_ms = config.ceiling_ms
        self._n_seen = 0

    def decided(self, decided: Decided) -> None:
        """Hand over a decision, with the end of its ceiling."""
        now_ns = monotonic_ns()
        self._adapter.submit(
            sequence=self._sequence(decided.filled.correlation_id),
            is_defective=decided.is_defective,
            score=decided.score,
            decided_ns=now_ns,
            deadline_ns=now_ns + round((self._ceiling_ms - decided.total_ms) * _NS_PER_MS),
        )

    def failed(self, *, error_code: str, correlation_id: str | None) -> None:
        """Hand over that a frame got no decision."""
        reason = _REASONS.get(error_code, FailSafeReason.SERVICE_ERROR)
        self._adapter.submit_error(sequence=self._sequence(correlation_id), reason=reason)

    def _sequence(self, correlation_id: str | None) -> int:
        self._n_seen += 1
        stated = correlation_id or ""
        is_number = stated.isascii() and stated.isdigit()
        return (int(stated) if is_number else self._n_seen) & SEQUENCE_MAX
