"""Which rounds come in which order: from the seed alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from chaos.round import Drawn, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One round of a plan: its scenario, its number among the rounds of that scenario, what was drawn for it."""

    scenario: Scenario
    number: int
    drawn: Drawn

    def __str__(self) -> str:
        return f"{self.scenario.name} {self.number}: " + ", ".join(
            f"{key}={value}" for key, value in self.drawn.items()
        )


def planned(scenario: Scenario, seed: int, number: int) -> Planned:
    """Return one round: it depends on the seed, its scenario and its number, on no round before it."""
    rng = Random(f"{seed} {scenario.name} {number}")
    return Planned(scenario=scenario, number=number, drawn=dict(scenario.draw(rng)))


def course(scenarios: Sequence[Scenario], seed: int) -> Iterator[Planned]:
    """Give rounds without end; each scenario comes up as often as its weight says."""
    rng, numbers = Random(seed), dict.fromkeys((one.name for one in scenarios), 0)
    while True:
        (scenario,) = rng.choices(scenarios, [one.weight for one in scenarios])
        numbers[scenario.name] += 1
        yield planned(scenario, seed, numbers[scenario.name])
