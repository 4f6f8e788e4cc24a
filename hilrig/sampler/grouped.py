"""A sampler made of sources: numbers their channels, reads those of a tier."""

from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import Final

from hilrig.core.telemetry import Capability, Reading, Reason, Tier
from hilrig.sampler.source import Source, Value

LASTING: Final = frozenset({Reason.NOT_SUPPORTED, Reason.NO_PERMISSION, Reason.ABSENT})
"""Reasons that do not go away while a run lasts: asking again costs time and tells nothing new."""


class GroupedSampler:
    """Sources as one sampler. Reading the EDGE tier gives every channel, so that counters have both ends.

    A source that at the probe had a lasting reason for all of its channels is asked again at the edges only.

    Args:
        sources: in the order that numbers the channels; it closes them.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = tuple(sources)
        firsts = accumulate((len(source.channels) for source in self._sources), initial=0)
        self._numbered = [
            (range(first, first + len(source.channels)), source)
            for first, source in zip(firsts, self._sources, strict=False)
        ]
        self._by_tier = {tier: self._of_tier(tier, range(len(self._sources))) for tier in Tier}

    def probe(self) -> Sequence[Capability]:
        """Read every channel once; remember which sources can answer at all."""
        answers = [_capabilities(source) for source in self._sources]
        alive = [
            index
            for index, answer in enumerate(answers)
            if any(capability.reason not in LASTING for capability in answer)
        ]
        self._by_tier = {tier: self._of_tier(tier, alive) for tier in Tier}
        return [capability for answer in answers for capability in answer]

    def read(self, tier: Tier) -> Sequence[Reading]:
        """Read the channels of a tier; EDGE reads those of all tiers."""
        return [
            Reading(number, None, value) if isinstance(value, Reason) else Reading(number, float(value), None)
            for numbers, source in self._by_tier[tier]
            for number, value in zip(numbers, _values(source), strict=True)
        ]

    def close(self) -> None:
        """Close all sources."""
        for source in self._sources:
            source.close()

    def _of_tier(self, tier: Tier, alive: Collection[int]) -> Sequence[tuple[range, Source]]:
        """Return the sources that a round of `tier` reads, each with the numbers of its channels."""
        if tier is Tier.EDGE:
            return self._numbered
        return [self._numbered[index] for index in alive if self._sources[index].channels[0].tier is tier]


def _values(source: Source) -> Sequence[Value]:
    """Return one value per channel; ERROR for all when there are more or fewer: nobody knows whose they are."""
    values = source.read()
    return values if len(values) == len(source.channels) else [Reason.ERROR] * len(source.channels)


def _capabilities(source: Source) -> Sequence[Capability]:
    values = _values(source)
    return [
        Capability(
            channel=channel,
            reason=value if isinstance(value, Reason) else None,
            detail=source.detail(),
        )
        for channel, value in zip(source.channels, values, strict=True)
    ]
