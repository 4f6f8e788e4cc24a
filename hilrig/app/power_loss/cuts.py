"""Where in an update a rig's power is cut: at the events that an uncut update was seen to reach. Pure."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

RETURNED: Final = ""
"""The event that every step has: its command has ended with 0, so that its promise holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutPoint:
    """A cut: in this step, when it reaches this event for the `nth` time, or once it has `RETURNED`."""

    step: str
    event: str
    nth: int = 1

    @property
    def words(self) -> str:
        """Say when it is, for people."""
        if self.event == RETURNED:
            return f"after {self.step} had ended"
        return f"in {self.step}, at {self.event}" + (f", time {self.nth}" if self.nth > 1 else "")


def cut_points(events: Mapping[str, Sequence[str]], *, n_cuts: int, seed: int) -> tuple[CutPoint, ...]:
    """Return where to cut: each kind of event in turn, in a seeded order, each time at one of its occurrences.

    Args:
        events: the events of each step, in order, as an uncut update reached them.
        n_cuts: how many.
        seed: of the order and of the occurrences.
    """
    draws = random.Random(seed)  # noqa: S311 - draws cuts, guards no secret
    kinds: list[CutPoint] = []
    for step, names in events.items():
        kinds += [CutPoint(step=step, event=name, nth=count) for name, count in Counter(names).items()]
        kinds.append(CutPoint(step=step, event=RETURNED))
    chosen: list[CutPoint] = []
    while kinds and len(chosen) < n_cuts:
        turn = draws.sample(kinds, len(kinds))
        chosen += [CutPoint(step=one.step, event=one.event, nth=draws.randint(1, one.nth)) for one in turn]
    return tuple(chosen[:n_cuts])
