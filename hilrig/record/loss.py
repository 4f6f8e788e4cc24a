"""What a file of a run directory no longer holds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What reading one stream of a run could not keep. Everything before `where` is whole.

    Args:
        stream: `frames`, `telemetry` or `events`.
        n_batches_kept: whole batches; events count as one batch each.
        n_rows_kept: rows in them.
        n_rows_untrusted: rows that the dropped journal lines speak of: counted, not trusted.
        n_lines_dropped: lines from the first mismatch on, a torn one included.
        n_line_bytes_dropped: their bytes.
        n_data_bytes_dropped: bytes of the data file after the last whole batch.
        where: file and line of the first mismatch; empty when nothing is lost.
        why: what was expected there and what was found; empty when nothing is lost.
    """

    stream: str
    n_batches_kept: int
    n_rows_kept: int
    n_rows_untrusted: int = 0
    n_lines_dropped: int = 0
    n_line_bytes_dropped: int = 0
    n_data_bytes_dropped: int = 0
    where: str = ""
    why: str = ""

    @property
    def is_none(self) -> bool:
        """Return whether everything was kept."""
        return not self.why

    @property
    def n_bytes_dropped(self) -> int:
        """Return the bytes of both files that are still there, but are not trusted."""
        return self.n_line_bytes_dropped + self.n_data_bytes_dropped

    @property
    def sentence(self) -> str:
        """Return what was kept and lost, for a person."""
        kept = f"{self.stream}: {self.n_rows_kept} rows kept"
        if self.is_none:
            return f"{kept}, nothing lost"
        lost = (
            f"lost {self.n_data_bytes_dropped} data bytes and {self.n_lines_dropped} lines "
            f"that speak of {self.n_rows_untrusted} more rows"
        )
        return f"{kept}; {lost}, from {self.where} on: {self.why}"
