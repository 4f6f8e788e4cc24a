"""Several samplers as one."""

from collections.abc import Iterator, Sequence

from hilrig.core.ports import Sampler
from hilrig.core.telemetry import Capability, Reading, Tier


class CombinedSampler:
    """Joins samplers under one numbering; where two offer a channel, the first that answered at the probe has it.

    Args:
        samplers: the preferred ones first. It closes them.
    """

    def __init__(self, samplers: Sequence[Sampler]) -> None:
        self._samplers = tuple(samplers)
        self._numbers: list[dict[int, int]] = [{} for _ in self._samplers]

    def probe(self) -> Sequence[Capability]:
        """Probe every sampler; the order of the result numbers the channels."""
        offers = [list(sampler.probe()) for sampler in self._samplers]
        chosen = _choose(offers)
        self._numbers = [{} for _ in self._samplers]
        for number, (which, index) in enumerate(chosen):
            self._numbers[which][index] = number
        return [offers[which][index] for which, index in chosen]

    def read(self, tier: Tier) -> Sequence[Reading]:
        """Read the chosen channels of a tier."""
        return list(self._readings(tier))

    def close(self) -> None:
        """Close every sampler."""
        for sampler in self._samplers:
            sampler.close()

    def _readings(self, tier: Tier) -> Iterator[Reading]:
        for sampler, numbers in zip(self._samplers, self._numbers, strict=True):
            for channel, value, reason in sampler.read(tier):
                if channel in numbers:
                    yield Reading(numbers[channel], value, reason)


def _choose(offers: Sequence[Sequence[Capability]]) -> Sequence[tuple[int, int]]:
    best: dict[str, tuple[int, int]] = {}
    for which, capabilities in enumerate(offers):
        for index, capability in enumerate(capabilities):
            key = capability.channel.key
            held = best.setdefault(key, (which, index))
            if capability.reason is None and offers[held[0]][held[1]].reason is not None:
                best[key] = (which, index)
    return tuple(best.values())
