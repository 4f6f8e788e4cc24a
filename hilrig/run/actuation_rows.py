"""From the writes that the PLC's stand-in receives to the rows that are kept of them."""

import numpy as np

from hilrig.core.actuation_table import ACTUATION_DTYPE, ActuationTable
from hilrig.core.plc import WORD_MAX, PlcWrite
from hilrig.core.units import NS_PER_S

_Row = tuple[int, int, int, int, int, int, int, int, int]
_N_SKIPPED_MAX = int(np.iinfo(np.uint32).max)


class ActuationRows:
    """Keeps a write where its sequence, decision or reason is another one, and one a second where nothing is."""

    def __init__(self) -> None:
        self._rows: list[_Row] = []
        self._kept: PlcWrite | None = None
        self._kept_ns = self._last_ns = 0
        self._heartbeat: int | None = None
        self._silence_ns = self._lag_ns = self._n_skipped = 0

    def connected(self) -> None:
        """Take note of a new connection: its heartbeat may begin anywhere."""
        self._heartbeat = None

    def lagged(self, lag_ns: int) -> None:
        """Take note that the listener itself did not look for so long."""
        self._lag_ns = max(self._lag_ns, lag_ns)

    def received(self, write: PlcWrite, t_ns: int) -> None:
        """Take in a write that was received at `t_ns`, CLOCK_MONOTONIC."""
        if self._last_ns:
            self._silence_ns = max(self._silence_ns, t_ns - self._last_ns)
        if self._heartbeat is not None:
            self._n_skipped += (write.heartbeat - self._heartbeat - 1) & WORD_MAX
        self._heartbeat, self._last_ns = write.heartbeat, t_ns
        if self._says_more(write) or t_ns - self._kept_ns >= NS_PER_S:
            self._keep(write, t_ns)

    def take(self) -> ActuationTable:
        """Return the rows since the last call."""
        rows, self._rows = self._rows, []
        return np.array(rows, ACTUATION_DTYPE)

    def _says_more(self, write: PlcWrite) -> bool:
        kept = self._kept
        return kept is None or (write.sequence, write.decision, write.reason) != (
            kept.sequence,
            kept.decision,
            kept.reason,
        )

    def _keep(self, write: PlcWrite, t_ns: int) -> None:
        n_skipped = min(self._n_skipped, _N_SKIPPED_MAX)
        of_registers = (write.heartbeat, write.age_ms, write.decision, write.reason)
        self._rows.append((t_ns, self._silence_ns, self._lag_ns, write.sequence, n_skipped, *of_registers))
        self._kept, self._kept_ns = write, t_ns
        self._silence_ns = self._lag_ns = self._n_skipped = 0
