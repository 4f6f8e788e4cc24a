"""One round of a scenario: what it draws from, what it says it does, what it found broken."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from chaos.place import Called, Place
from chaos.said import wrong_with

Drawn = Mapping[str, Any]
"""Everything that is left to chance in a round, drawn before it begins: numbers and words only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way to break things.

    Args:
        name: as on the command line.
        draw: chooses all that is random, from a generator of the round's own.
        act: does it; uses nothing random but what was drawn.
        weight: how often it comes up, against the others.
    """

    name: str
    draw: Callable[[Random], Drawn]
    act: Callable[["Round"], None]
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What every round starts from.

    Args:
        home: a HILRIG_HOME with one key.
        finished: a run directory that is PASS and signed with that key.
        shim: the library that shifts a clock and breaks a disk; None without a compiler.
    """

    home: Path
    finished: Path
    shim: Path | None


@dataclass
class Round:
    """A round that goes on: its place, what was drawn, what is broken by now."""

    title: str
    drawn: Drawn
    place: Place
    base: Base
    broken: list[str] = field(default_factory=list)
    begun_s: float = field(default_factory=time.monotonic)

    def tell(self, what: str) -> None:
        """Print one line of what was done or came out."""
        sys.stdout.write(f"  {time.monotonic() - self.begun_s:6.1f} s  {what}\n")
        sys.stdout.flush()

    def broke(self, sentence: str) -> None:
        """Note that an invariant does not hold."""
        self.broken.append(sentence)
        self.tell(f"BROKEN  {sentence}")

    def require(self, holds: bool, sentence: str) -> None:
        """Note that an invariant does not hold, when it does not."""
        if not holds:
            self.broke(sentence)

    def heard(self, called: Called, *, killed: bool = False) -> Called:
        """Hold what a command gave against what every command owes its caller; `killed` by this round."""
        self.tell(str(called))
        for sentence in wrong_with(called, killed=killed):
            self.broke(f"{' '.join(called.words)}: {sentence}")
        return called

    def call(self, *words: str, **extra: str) -> Called:
        """Run a command in a process of its own; hold it against what it owes."""
        return self.heard(self.place.call(*words, **extra))

    def look(self, *words: str) -> Called:
        """Run a command that measures nothing; hold it against what it owes."""
        return self.heard(self.place.look(*words))


TEXT_MAX: Final = 300


def repeat_with(scenario: str, seed: int, number: int) -> str:
    """Return the command that does one round again."""
    return f"make chaos CHAOS='--seed {seed} --scenario {scenario} --round {number}'"
