"""The one judgement of a node after a power cut, however deep the cut went."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hilrig.core.power_loss import Recovery

NOTHING: Final = "none"
"""What a step allows where the node may run nothing yet: before its first installation has ended."""
OLD: Final = "A"
NEW: Final = "B"
SOUND: Final = frozenset({Recovery.LAST_KNOWN_GOOD, Recovery.NEW_COMPLETE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a node was found to run, and what it said."""

    recovery: Recovery
    detail: str = ""

    @property
    def is_sound(self) -> bool:
        """Return whether the node runs something whole that was allowed."""
        return self.recovery in SOUND


def check_recovery(
    answer: Mapping[str, Any] | None, *, allowed: Sequence[str], releases: Mapping[str, str]
) -> Found:
    """Return what an answer says of a node, held against what it may run.

    Args:
        answer: `{"active": ID or null, "complete": bool, "error": text}`; None: it gave none that can be read.
        allowed: releases that may run: `A`, `B`, or `none` (then running nothing is sound, too).
        releases: the IDs of `A` and `B`.
    """
    if answer is None or not _is_answer(answer):
        return Found(recovery=Recovery.NO_ANSWER, detail="" if answer is None else json.dumps(answer)[:200])
    active, said = answer["active"], str(answer.get("error") or "")
    if active is None:
        recovery = Recovery.LAST_KNOWN_GOOD if NOTHING in allowed else Recovery.NO_ACTIVE
        return Found(recovery=recovery, detail=said or "the node runs nothing")
    name = next((name for name, known in releases.items() if known == active), None)
    if name is None:
        return Found(recovery=Recovery.UNKNOWN_MODEL, detail=f"it runs {active[:80]!r}; {said}".removesuffix("; "))
    if answer["complete"] is not True:
        return Found(
            recovery=Recovery.HALF_STAGED, detail=f"release {name} is not whole; {said}".removesuffix("; ")
        )
    if name not in allowed:
        return Found(recovery=_out_of_turn(name), detail=f"it runs {name}; allowed: {', '.join(allowed)}")
    return Found(recovery=Recovery.LAST_KNOWN_GOOD if name == OLD else Recovery.NEW_COMPLETE, detail=said)


def parse_answer(line: str) -> Mapping[str, Any] | None:
    """Return the answer in a line of output; None when it is none."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _is_answer(answer: Mapping[str, Any]) -> bool:
    active = answer.get("active", 0)
    return (active is None or isinstance(active, str)) and isinstance(answer.get("complete"), bool)


def _out_of_turn(name: str) -> Recovery:
    """Return what to call a whole release that may not run: the new one came too early, the old one came back."""
    return Recovery.TOO_EARLY if name == NEW else Recovery.LOST
