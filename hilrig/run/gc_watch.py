"""Garbage collections of the worker: how long each kept the target waiting."""

import gc
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from hilrig.core.telemetry import GC_PAUSE, READING_DTYPE, TIER_CODES, Channel, ChannelKind, Tier
from hilrig.run.shared_block import ReadingRing

SHORTEST_NS: Final = 500_000
"""Collections of the youngest objects take microseconds and come all the time: they explain no spike."""

GC_CHANNEL: Final = Channel(
    name=GC_PAUSE, unit="ns", kind=ChannelKind.GAUGE, tier=Tier.FAST, source="the worker's garbage collector"
)
"""One reading for each collection: `t_ns` is its start, the value its length. No reading is no collection."""


class GcWatch:
    """Writes down every long collection of this process."""

    def __init__(self, ring: ReadingRing, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._ring = ring
        self._now_ns = now_ns
        self._begin_ns = 0
        self._row = np.zeros(1, READING_DTYPE)
        self._row["tier"] = TIER_CODES[Tier.FAST]

    def start(self) -> None:
        """Be told of every collection from now on."""
        gc.callbacks.append(self)

    def __call__(self, phase: str, info: dict[str, Any]) -> None:  # noqa: ARG002 - the form of gc.callbacks
        """Note the start of a collection, or write down one that has ended."""
        if phase == "start":
            self._begin_ns = self._now_ns()
            return
        length_ns = self._now_ns() - self._begin_ns
        if length_ns >= SHORTEST_NS:
            self._row["t_ns"], self._row["value"] = self._begin_ns, length_ns
            self._ring.append(self._row)
