"""Several samplers as one."""

from collections.abc import Sequence

from hilrig.core.ports import Sampler
from hilrig.core.telemetry import Capability, Reading, Tier


class CombinedSampler:
    """Joins samplers under one numbering; where two offer a channel, the first that answered at the probe has it.

    Args:
        samplers: the preferred ones first. It closes them.
    """

    def __init__(self, samplers: Sequence[Sampler]) -> None:
        self._samplers = list(samplers)
        self._numbers: list[dict[int, int]] = [{} for _ in self._samplers]

    def probe(self) -> Sequence[Capability]:
        """Probe every sampler; the order of the result numbers the channels, sampler by sampler.

        A sampler none of whose channels is wanted is closed and asked no more.
        """
        offers = [list(sampler.probe()) for sampler in self._samplers]
        chosen = _choose(offers)
        numbers: list[dict[int, int]] = [{} for _ in offers]
        for number, (which, index) in enumerate(chosen):
            numbers[which][index] = number
        self._keep(numbers)
        return [offers[which][index] for which, index in chosen]

    def read(self, tier: Tier) -> Sequence[Reading]:
        """Read the chosen channels of a tier."""
        return [
            Reading(numbers[channel], value, reason)
            for sampler, numbers in zip(self._samplers, self._numbers, strict=True)
            if numbers
            for channel, value, reason in sampler.read(tier)
            if channel in numbers
        ]

    def close(self) -> None:
        """Close every sampler."""
        for sampler in self._samplers:
            sampler.close()

    def _keep(self, numbers: Sequence[dict[int, int]]) -> None:
        kept = [pair for pair in zip(self._samplers, numbers, strict=True) if pair[1]]
        for sampler, chosen in zip(self._samplers, numbers, strict=True):
            if not chosen:
                sampler.close()
        self._samplers = [sampler for sampler, _ in kept]
        self._numbers = [chosen for _, chosen in kept]


def _choose(offers: Sequence[Sequence[Capability]]) -> Sequence[tuple[int, int]]:
    """Return sampler and index of the one that has each channel, in the order of the samplers."""
    best: dict[str, tuple[int, int]] = {}
    for which, capabilities in enumerate(offers):
        for index, capability in enumerate(capabilities):
            key = capability.channel.key
            held = best.setdefault(key, (which, index))
            if capability.reason is None and offers[held[0]][held[1]].reason is not None:
                best[key] = (which, index)
    return sorted(best.values())
