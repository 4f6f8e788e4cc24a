"""What protects the node.

An update survives a power cut, and no secret is in what is shipped.
"""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from hilrig.config.keys import Keys
from hilrig.core.gate import Answer
from hilrig.core.gate_facts import Facts
from hilrig.core.power_loss import Depth, DepthResult, PowerLossResult
from hilrig.gate.checks.answers import NoParameters, failed, missing, passed, unless


class Depths(Keys):
    """How deep the power must have been cut."""

    depths: Annotated[tuple[Depth, ...], Field(min_length=1, max_length=8)] = Field(
        default=(Depth.FILE_CALLS, Depth.KILL), description="Depths without which the test proves nothing."
    )


def rollback_protected(facts: Facts, params: Depths) -> Answer:
    """Answer whether a node's update was cut at every depth asked for, and recovered every time."""
    if not facts.power_loss:
        return missing("there is no power-loss test among the evidence (hilrig powerloss)")
    objections = [answer for result in facts.power_loss for answer in _bad(result)]
    objections += [answer for depth in params.depths for answer in _lacking(depth, facts)]
    n_states = sum(depth.n_states for result in facts.power_loss for depth in result.depths)
    return unless(objections, passed(f"the update recovered from each of {n_states:,} power cuts"))


def no_secrets(facts: Facts, params: NoParameters) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether neither model, profile nor evidence holds a key or a password."""
    objections = (failed(f"a secret would be shipped: {found}") for found in facts.secrets)
    return unless(objections, passed("no private key and no password was found"))


def _bad(result: PowerLossResult) -> Iterator[Answer]:
    for one in result.depths:
        if min(one.n_states, one.n_bad) < 0 or one.n_bad > one.n_states or sum(one.counts.values()) > one.n_states:
            yield failed(
                f"{result.subject} cannot be: {one.n_bad} bad of {one.n_states} states, {one.depth.words}"
            )
        elif one.n_bad or one.bad:
            words = f"{result.subject}: {one.n_bad:,} of {one.n_states:,} cuts not survived, {one.depth.words}"
            yield failed(words)
    made = {one.depth: one for one in result.depths}
    for depth in result.required:
        if depth not in made or not made[depth].is_evidence:
            yield missing(f"{result.subject}: {depth.words} was required and {_why_not(made.get(depth))}")


def _lacking(depth: Depth, facts: Facts) -> Iterator[Answer]:
    made = [one for result in facts.power_loss for one in result.depths if one.depth is depth]
    if not any(one.is_evidence for one in made):
        yield missing(f"no power was cut at the depth '{depth.words}': it {_why_not(made[0] if made else None)}")


def _why_not(depth: DepthResult | None) -> str:
    if depth is None:
        return "was not tried"
    if not depth.ran:
        return f"did not run: {depth.reason or 'no reason was given'}"
    return "cut nothing" if not depth.n_states else "did not tell a wrong store from a sound one"
