"""A sampler made of sources: numbers their channels, reads those of a tier."""

from collections.abc import Sequence
from itertools import accumulate

from hilrig.core.telemetry import Capability, Reading, Reason, Tier
from hilrig.sampler.source import Source, Value


class GroupedSampler:
    """Sources as one sampler. Reading the EDGE tier gives every channel, so that counters have both ends.

    Args:
        sources: in the order that numbers the channels; it closes them.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = tuple(sources)
        firsts = accumulate((len(source.channels) for source in self._sources), initial=0)
        numbered = list(zip(firsts, self._sources, strict=False))
        self._by_tier = {
            tier: [(first, source) for first, source in numbered if source.channels[0].tier is tier]
            for tier in (Tier.FAST, Tier.SLOW)
        }
        self._by_tier[Tier.EDGE] = numbered

    def probe(self) -> Sequence[Capability]:
        """Read every channel once."""
        return [capability for source in self._sources for capability in _capabilities(source)]

    def read(self, tier: Tier) -> Sequence[Reading]:
        """Read the channels of a tier; EDGE reads those of all tiers."""
        return [
            _reading(channel, value)
            for first, source in self._by_tier[tier]
            for channel, value in enumerate(source.read(), first)
        ]

    def close(self) -> None:
        """Close all sources."""
        for source in self._sources:
            source.close()


def _capabilities(source: Source) -> Sequence[Capability]:
    values = source.read()
    return [
        Capability(
            channel=channel,
            reason=value if isinstance(value, Reason) else None,
            detail=source.detail(),
        )
        for channel, value in zip(source.channels, values, strict=True)
    ]


def _reading(channel: int, value: Value) -> Reading:
    if isinstance(value, Reason):
        return Reading(channel, None, value)
    return Reading(channel, float(value), None)
