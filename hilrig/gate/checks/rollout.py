"""What makes the rollout of a release careful.

It reaches a few nodes first, and somebody has gone back from it once.
"""

from collections.abc import Iterator
from math import isfinite
from typing import Annotated, Final

from pydantic import Field

from hilrig.config.keys import Keys, Positive
from hilrig.core.gate import Answer
from hilrig.core.gate_facts import Facts, RolloutFacts
from hilrig.gate.checks.answers import NoParameters, failed, listed, missing, passed, unless

CANARY: Final = "canary"

Count = Annotated[int, Field(ge=1, le=10_000)]


class Staged(Keys):
    """What a staged rollout is at least."""

    canary_nodes_min: Count = Field(default=1, description="Nodes that get it first.")
    guardrails_min: Count = Field(default=1, description="Metrics with a limit at which the rollout stops.")
    window_min_s: Positive = Field(default=60.0, description="How long the canaries are watched.")


def staged_rollout(facts: Facts, params: Staged) -> Answer:
    """Answer whether a desired state brings this release to a few nodes first, and watches them."""
    found = facts.rollout
    if found is None:
        return missing("there is no signed desired state among the evidence (hilrig node publish)")
    if found.release_sha256 != facts.release_sha256:
        return missing(f"{found.path} brings out another release", found.path)
    n_nodes = len(set(found.canary_nodes))
    words = f"{n_nodes} canary nodes for {found.window_s:g} s with {found.n_guardrails} guardrails"
    return unless(_weak(found, params), passed(words, found.path))


def rollback_rehearsed(facts: Facts, params: NoParameters) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether a node took this release, confirmed it, and went back to the one before."""
    if not facts.rehearsals:
        return missing("there is no node's journal among the evidence")
    name = facts.release_sha256
    for journal in facts.rehearsals:
        if name in journal.activated and name in journal.confirmed and name in journal.rolled_back:
            reason = journal.rolled_back[name]
            return passed(f"{journal.path}: activated, confirmed, rolled back ({reason})", journal.path)
    paths = [journal.path for journal in facts.rehearsals]
    return missing(f"{listed(paths)} does not show this release activated, confirmed and rolled back", *paths)


def _weak(found: RolloutFacts, params: Staged) -> Iterator[Answer]:
    if found.mode != CANARY:
        yield failed(f"the rollout mode is {found.mode[:40]}, not {CANARY}", found.path)
    n_nodes = len(set(found.canary_nodes))
    if n_nodes < params.canary_nodes_min or "*" in found.canary_nodes:
        yield failed(f"{n_nodes} named canary nodes of {params.canary_nodes_min}", found.path)
    if found.n_guardrails < params.guardrails_min:
        yield failed(f"{found.n_guardrails} guardrails of {params.guardrails_min}", found.path)
    if not isfinite(found.window_s) or found.window_s < params.window_min_s:
        yield failed(f"the canaries are watched for {found.window_s:g} s of {params.window_min_s:g} s", found.path)
