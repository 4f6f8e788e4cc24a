"""What the sampling says of itself: how late each round began, what CPU time the process took."""

import time
from collections.abc import Sequence
from typing import Final

from hilrig.core import channels
from hilrig.core.telemetry import Channel, ChannelKind, Tier
from hilrig.sampler.grouped import GroupedSampler
from hilrig.sampler.source import Source, Value

LATENESS: Final = Channel(
    name=channels.ROUND_LATENESS,
    unit="ns",
    kind=ChannelKind.GAUGE,
    tier=Tier.FAST,
    source="begin of the round minus when it was due",
)
CPU_TIME: Final = Channel(
    name=channels.SAMPLER_CPU_TIME,
    unit="s",
    kind=ChannelKind.COUNTER,
    tier=Tier.SLOW,
    source="CPU time of the sampler's process",
)


class OwnSampler(GroupedSampler):
    """Reads the process that it is in."""

    def __init__(self) -> None:
        self._lateness = _Lateness()
        super().__init__([self._lateness, _CpuTime()])

    def begin_round(self, *, late_ns: int) -> None:
        """Take down how late the round begins that is about to be read."""
        self._lateness.late_ns = late_ns


class _Own(Source):
    """A source without files."""

    def detail(self) -> str:
        """Return nothing: this always answers."""
        return ""

    def close(self) -> None:
        """Release nothing."""


class _Lateness(_Own):
    channels: tuple[Channel, ...] = (LATENESS,)
    late_ns = 0  # at the probe, which nothing waited for

    def read(self) -> Sequence[Value]:
        return (self.late_ns,)


class _CpuTime(_Own):
    channels: tuple[Channel, ...] = (CPU_TIME,)

    def read(self) -> Sequence[Value]:
        return (time.process_time(),)
