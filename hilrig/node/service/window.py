"""What guardrails are held against: how the model that serves now has done since it began to."""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from math import ceil
from time import monotonic
from typing import Any, Final

N_KEPT: Final = 16_384
"""Percentiles are those of the newest answers: nine minutes at 30 fps, and memory is bounded."""


class Failure(str, Enum):
    """Why the node did not decide an input that a client brought in good order."""

    TIMEOUT = "timeout"
    NON_FINITE = "non_finite"
    ERROR = "error"
    QUEUE_FULL = "queue_full"
    LOST = "lost"


def percentile_ms(values_ms: list[float], per_cent: int) -> float | None:
    """Return the nearest-rank percentile; None of nothing."""
    if not values_ms:
        return None
    return round(sorted(values_ms)[ceil(len(values_ms) * per_cent / 100) - 1], 3)


@dataclass(slots=True)
class Window:
    """Counts of one release since it began to serve; `n` holds the failed ones, neither holds refused inputs."""

    release_sha256: str
    n: int = 0
    failures: dict[Failure, int] = field(default_factory=lambda: dict.fromkeys(Failure, 0))
    _since_s: float = field(default_factory=monotonic)
    _kept_ms: "deque[float]" = field(default_factory=lambda: deque(maxlen=N_KEPT))

    def decided(self, total_ms: float) -> None:
        """Count an answer."""
        self.n += 1
        self._kept_ms.append(total_ms)

    def failed(self, failure: Failure) -> None:
        """Count an input that was not decided."""
        self.n += 1
        self.failures[failure] += 1

    def as_json(self) -> dict[str, Any]:
        """Return what `GET /node/window` gives, without the shadow."""
        kept_ms = list(self._kept_ms)
        return {
            "release_sha256": self.release_sha256,
            "since_s": round(monotonic() - self._since_s, 3),
            "n": self.n,
            "n_failed": sum(self.failures.values()),
            "n_timeout": self.failures[Failure.TIMEOUT],
            "n_non_finite": self.failures[Failure.NON_FINITE],
            **{f"p{per_cent}_ms": percentile_ms(kept_ms, per_cent) for per_cent in (50, 95, 99)},
        }


@dataclass(slots=True)
class ShadowWindow:
    """Counts of a model in shadow mode: what it did with the inputs that it was shown."""

    release_sha256: str
    n: int = 0
    n_failed: int = 0
    n_disagreed: int = 0
    _kept_ms: "deque[float]" = field(default_factory=lambda: deque(maxlen=N_KEPT))

    def compared(self, *, agrees: bool, infer_ms: float) -> None:
        """Count a decision, and whether it is that of the model that serves."""
        self.n += 1
        self.n_disagreed += not agrees
        self._kept_ms.append(infer_ms)

    def failed(self) -> None:
        """Count an input that the shadow did not decide."""
        self.n += 1
        self.n_failed += 1

    def as_json(self) -> dict[str, Any]:
        """Return the `shadow` part of `GET /node/window`."""
        return {
            "release_sha256": self.release_sha256,
            "n": self.n,
            "n_failed": self.n_failed,
            "n_disagreed": self.n_disagreed,
            "p95_ms": percentile_ms(list(self._kept_ms), 95),
        }
