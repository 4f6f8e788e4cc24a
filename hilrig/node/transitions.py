"""What a store runs: each change of it is a new state with its reason.

All of it is pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

STATE_FORMAT: Final = "hilrig.store/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreState:
    """What a store runs.

    Args:
        seq: rises by one or more with every change.
        current: the release that is confirmed.
        previous: the one that was current before: where a rollback goes.
        candidate: the one on trial; a start runs it as long as it has tries.
        tries_left: starts that the candidate has left.
        min_sequence: releases below it are refused.
        barred: releases that were rolled back, or failed in the shadow, each with the desired sequence of that
            moment.
        desired_sequence: the highest that an agent has followed.
        change: the verb that made this state.
        reason: why, in words.
    """

    format: str = STATE_FORMAT
    seq: int = 0
    current: str | None = None
    previous: str | None = None
    candidate: str | None = None
    tries_left: int = 0
    min_sequence: int = 0
    barred: Mapping[str, int] = field(default_factory=dict)
    desired_sequence: int = 0
    change: str = "init"
    reason: str = ""

    @property
    def releases(self) -> frozenset[str]:
        """Return the releases that may still run."""
        return frozenset(filter(None, (self.current, self.previous, self.candidate)))


def on_trial(state: StoreState, sha256: str, *, tries: int, desired_sequence: int, reason: str) -> StoreState:
    """Put a release on trial; who asked for it lifts a bar on it."""
    return _changed(
        state,
        "activate",
        reason,
        candidate=sha256,
        tries_left=tries,
        barred={barred: at for barred, at in state.barred.items() if barred != sha256},
        desired_sequence=max(state.desired_sequence, desired_sequence),
    )


def tried(state: StoreState) -> StoreState:
    """Spend one try of the candidate."""
    reason = f"{(state.candidate or '')[:12]} is on trial; tries left after this one: {state.tries_left - 1}"
    return _changed(state, "try", reason, tries_left=state.tries_left - 1)


def confirmed(state: StoreState, *, min_sequence: int, reason: str) -> StoreState:
    """Make the candidate current; `min_sequence` is that of the release which stays as the way back."""
    return _changed(
        state,
        "confirm",
        reason,
        current=state.candidate,
        previous=state.current,
        candidate=None,
        tries_left=0,
        min_sequence=max(state.min_sequence, min_sequence),
    )


def rolled_back(state: StoreState, *, reason: str) -> StoreState:
    """Drop the candidate, or without one the current release, and bar it."""
    if state.candidate is not None:
        barred = {**state.barred, state.candidate: state.desired_sequence}
        return _changed(state, "rollback", reason, candidate=None, tries_left=0, barred=barred)
    barred = dict(state.barred) | ({state.current: state.desired_sequence} if state.current else {})
    return _changed(state, "rollback", reason, current=state.previous, previous=None, barred=barred)


def barred(state: StoreState, sha256: str, *, desired_sequence: int, reason: str) -> StoreState:
    """Bar a release that never ran here, under the desired state of this sequence."""
    sequence = max(state.desired_sequence, desired_sequence)
    return _changed(state, "bar", reason, barred={**state.barred, sha256: sequence}, desired_sequence=sequence)


def unbarred(state: StoreState, sha256: str, *, reason: str) -> StoreState:
    """Lift the bar on one release."""
    return _changed(state, "unbar", reason, barred={one: at for one, at in state.barred.items() if one != sha256})


def without_candidate(state: StoreState, *, reason: str) -> StoreState:
    """Drop a candidate that is damaged: the disk's fault, so it is not barred."""
    return _changed(state, "damaged", reason, candidate=None, tries_left=0)


def fallen_back(state: StoreState, *, reason: str) -> StoreState:
    """Go to the previous release because the current one is damaged."""
    return _changed(state, "damaged", reason, current=state.previous, previous=None)


def repaired(state: StoreState, *, reason: str) -> StoreState:
    """Go on from the state before an unreadable one: only what was confirmed there."""
    return replace(_changed(state, "repair", reason, candidate=None, tries_left=0), seq=state.seq + 2)


def asked(state: StoreState, *, desired_sequence: int, reason: str) -> StoreState:
    """Keep that a desired state was followed to its end."""
    return _changed(state, "desired", reason, desired_sequence=max(state.desired_sequence, desired_sequence))


def _changed(state: StoreState, change: str, reason: str, **fields: object) -> StoreState:
    return replace(state, seq=state.seq + 1, change=change, reason=reason, **fields)  # type: ignore[arg-type]
