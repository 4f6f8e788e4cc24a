"""Rounds of telemetry: readings taken together, stamped together."""

import math
from typing import Final

import numpy as np

from hilrig.core.clock import Clock
from hilrig.core.ports import Sampler
from hilrig.core.telemetry import READING_DTYPE, TIER_CODES, Tier
from hilrig.run.own_channels import OwnSampler
from hilrig.run.shared_block import ReadingRing

WIDTH_NS_MAX: Final = (1 << 32) - 1
"""What the column `width_ns` holds: 4.3 s."""


class Rounds:
    """Takes rounds and keeps their rows until they are handed over.

    A table is built for many rounds at once: with cold caches numpy takes as long over the 20 rows of one round as
    the kernel over its files.

    Args:
        sampler: what is read, `own` included.
        own: is told how late each round begins.
        ring: where the rows go.
        clock: stamps the rounds.
    """

    def __init__(self, sampler: Sampler, own: OwnSampler, ring: ReadingRing, clock: Clock) -> None:
        self._sampler = sampler
        self._own = own
        self._ring = ring
        self._clock = clock
        self._rows: list[tuple[int, float, int, int, int, int]] = []

    def take(self, tier: Tier, *, due_ns: int) -> None:
        """Read a tier; every reading is stamped with the middle of the round and has its width."""
        begin_ns = self._clock.monotonic_ns()
        self._own.begin_round(late_ns=begin_ns - due_ns)
        readings = self._sampler.read(tier)
        end_ns = self._clock.monotonic_ns()
        middle_ns, width_ns = (begin_ns + end_ns) // 2, min(end_ns - begin_ns, WIDTH_NS_MAX)
        code = TIER_CODES[tier]
        self._rows += [
            (middle_ns, math.nan if value is None else value, channel, reason or 0, code, width_ns)
            for channel, value, reason in readings
        ]

    def hand_over(self) -> None:
        """Put the rows where the supervisor takes them from."""
        self._ring.append(np.array(self._rows, READING_DTYPE))
        self._rows.clear()
