"""Latencies for the live state: a histogram of fixed size for the whole run, every frame of the last minute."""

from collections import deque
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.units import NS_PER_MS, NS_PER_S

NEVER: Final = (1 << 63) - 1
"""The latency of a frame without a decision: after every other."""

PERMILLE: Final = {"p50_ms": 500, "p95_ms": 950, "p99_ms": 990, "p99_9_ms": 999}
"""The percentiles of the live state; a rank among n is ceil(q * n), as in the verdict."""

BUCKETS_PER_OCTAVE: Final = 128
"""A bucket's middle is at most 1/256 beside any latency in it: 0.4 %."""

N_BUCKETS: Final = 64 * BUCKETS_PER_OCTAVE
RECENT_NS: Final = 60 * NS_PER_S
RECENT_FRAMES_MAX: Final = 1 << 17
"""A minute at 2,000 fps, 2 MiB: of a faster camera only the newest frames are kept."""


class LatencyHistogram:
    """Latencies counted in buckets that grow with the latency: 64 KiB, however long the run is.

    The largest latency is kept as it is. An undecided frame counts as infinitely late.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(N_BUCKETS, np.int64)
        self._largest_ns = 0
        self.n = self.n_undecided = 0

    def update(self, latency_ns: NDArray[np.int64]) -> None:
        """Take in latencies, NEVER for a frame without a decision."""
        decided_ns = latency_ns[latency_ns != NEVER]
        self.n += latency_ns.size
        self.n_undecided += latency_ns.size - decided_ns.size
        if decided_ns.size:
            self._counts += np.bincount(_bucket(decided_ns), minlength=N_BUCKETS)
            self._largest_ns = max(self._largest_ns, int(decided_ns.max()))

    def percentiles_ms(self) -> Mapping[str, float | None]:
        """Return the percentiles by name; None when there are no frames yet, or when it is infinite."""
        below = np.cumsum(self._counts)
        return {name: self._at(_rank(self.n, permille), below) for name, permille in PERMILLE.items()}

    def largest_ms(self) -> float | None:
        """Return the largest latency of a decided frame; None before the first."""
        return _ms(self._largest_ns) if self.n > self.n_undecided else None

    def _at(self, rank: int, below: NDArray[np.int64]) -> float | None:
        if not 0 < rank <= self.n - self.n_undecided:
            return None
        middle_ns = _middle_ns(int(np.searchsorted(below, rank)))
        return _ms(min(middle_ns, self._largest_ns))


class LastMinute:
    """The latencies of the frames that were due in the last minute, each of them."""

    def __init__(self) -> None:
        self._batches: deque[tuple[NDArray[np.int64], NDArray[np.int64]]] = deque()
        self._n = 0

    def update(self, due_ns: NDArray[np.int64], latency_ns: NDArray[np.int64]) -> None:
        """Take in the next frames: when each was due, its latency or NEVER."""
        if not due_ns.size:
            return
        self._batches.append((due_ns[-RECENT_FRAMES_MAX:].copy(), latency_ns[-RECENT_FRAMES_MAX:].copy()))
        self._n += self._batches[-1][0].size
        while self._n > RECENT_FRAMES_MAX or self._batches[0][0][-1] <= due_ns[-1] - RECENT_NS:
            self._n -= self._batches.popleft()[0].size

    def percentiles_ms(self, *, now_ns: int) -> Mapping[str, float | int | None]:
        """Return the percentiles by name, with `n` frames of which `n_undecided`; None as in the histogram."""
        latency_ns = self._latency_ns(now_ns)
        ranks = {name: _rank(latency_ns.size, permille) for name, permille in PERMILLE.items()}
        if latency_ns.size:
            latency_ns = np.partition(latency_ns, [rank - 1 for rank in ranks.values()])
        found = {name: int(latency_ns[rank - 1]) if rank else NEVER for name, rank in ranks.items()}
        return {
            "n": latency_ns.size,
            "n_undecided": int(np.count_nonzero(latency_ns == NEVER)),
            **{name: None if value_ns == NEVER else _ms(value_ns) for name, value_ns in found.items()},
        }

    def _latency_ns(self, now_ns: int) -> NDArray[np.int64]:
        if not self._batches:
            return np.zeros(0, np.int64)
        due_ns, latency_ns = (np.concatenate(part) for part in zip(*self._batches, strict=True))
        return latency_ns[due_ns > now_ns - RECENT_NS]


def _rank(n: int, permille: int) -> int:
    return -(-n * permille // 1000)


def _bucket(latency_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return each latency's bucket from the binary form of the number: the same on every machine."""
    fraction, octave = np.frexp(latency_ns.astype(np.float64))  # fraction is in [0.5, 1)
    inside = ((fraction - 0.5) * (2 * BUCKETS_PER_OCTAVE)).astype(np.int64)
    return np.clip(octave * BUCKETS_PER_OCTAVE + inside, 0, N_BUCKETS - 1)


def _middle_ns(bucket: int) -> int:
    octave, inside = divmod(bucket, BUCKETS_PER_OCTAVE)
    return int((0.5 + (inside + 0.5) / (2 * BUCKETS_PER_OCTAVE)) * (1 << octave))


def _ms(value_ns: int) -> float:
    return round(value_ns / NS_PER_MS, 3)
