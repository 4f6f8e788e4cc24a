"""One rig asked everything that a run would ask of it first."""

import time
from dataclasses import dataclass

from hilrig.app.rigs.conditions import Asked, Problem, doubts_of, problems_of
from hilrig.app.rigs.held import Held, held_there
from hilrig.app.rigs.line import line_to
from hilrig.core.clock import SystemClock
from hilrig.core.rig import RigSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RigExamination:
    """What was found on a rig.

    Args:
        address: where it was reached.
        boot_id: of its boot.
        python: the version of its Python.
        problems: what would keep a run from it; empty: nothing.
        doubts: what could not be looked at in full.
        held: by whom; None: it is free.
    """

    address: str
    boot_id: str
    python: str
    problems: tuple[Problem, ...]
    doubts: tuple[str, ...]
    held: Held | None


def examine_rig(rig: RigSpec) -> RigExamination:
    """Reach a rig and hold it against its file, as before a run.

    Raises:
        UsageError: runs on it are done in place: there is nothing to reach.
        HilrigError: it cannot be reached, or what is there is no rig.
    """
    with line_to(rig, in_place_hint="hilrig doctor examines it") as link:
        before_ns = time.time_ns()
        facts = link.call("facts", {"gpu_of": []})
        middle_ns = (before_ns + time.time_ns()) // 2
        return RigExamination(
            address=link.boot_facts.address,
            boot_id=link.boot_facts.boot_id,
            python=".".join(map(str, link.boot_facts.python)),
            problems=tuple(problems_of(rig, Asked(facts=facts, middle_ns=middle_ns), None)),
            doubts=tuple(doubts_of(rig, facts)),
            held=held_there(facts, clock=SystemClock()),
        )
