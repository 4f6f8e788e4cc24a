"""Which of the gate's decisions on a model counts for a device class: the newest; of two at once the refusal."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from hilrig.core.errors import NoDecisionError, WrongClassError


class Decided(Protocol):
    """What is asked of a decision whose signature holds."""

    @property
    def passed(self) -> bool:
        """Return False for a refusal and for a revocation."""

    @property
    def sequence(self) -> int:
        """Return what rises with every decision."""

    @property
    def device_class(self) -> str:
        """Return what it is for."""

    @property
    def stack_sha256(self) -> str:
        """Return the software stack that it is bound to; empty for any."""

    @property
    def expires_at_utc(self) -> str:
        """Return when it ends, ISO 8601."""


D = TypeVar("D", bound=Decided)


def standing(decisions: Sequence[D], *, device_class: str, stack_sha256: str | None) -> D:
    """Return the decision that counts; it may be a refusal, and it may be over.

    A decision takes the place of all with a lower sequence, also when it is over itself: an old PASSED never comes
    back to life. At the same sequence a refusal counts.

    Args:
        decisions: on the model in question, in any order.
        device_class: of the machine that asks.
        stack_sha256: of its software; then decisions on another stack do not count. None: those on any do.

    Raises:
        NoDecisionError: there is none.
        WrongClassError: there are some, for other device classes or stacks.
    """
    if not decisions:
        raise NoDecisionError(
            "the gate never decided on this model", hint="hilrig gate manifest, then hilrig gate check"
        )
    of_class = [one for one in decisions if one.device_class == device_class]
    if not of_class:
        raise WrongClassError(
            f"the gate decided on this model for {_listed(decisions)}, not for {device_class}",
            hint=f"hilrig gate check RELEASE --device-class {device_class}, with a run on a rig of that class",
        )
    of_stack = [one for one in of_class if stack_sha256 is None or one.stack_sha256 in {"", stack_sha256}]
    if not of_stack:
        stacks = ", ".join(sorted({one.stack_sha256[:12] for one in of_class}))
        raise WrongClassError(
            f"the gate decided on this model for the software stack {stacks}, not for {(stack_sha256 or '')[:12]}",
            hint="measure it on this stack, or let the gate decide without a stack: gate check --any-stack",
        )
    return newest(of_stack)


def newest(decisions: Sequence[D]) -> D:
    """Return the one decision that counts of at least one, whatever their order: of equals the shortest lived."""
    top = max(one.sequence for one in decisions)
    at_top = [one for one in decisions if one.sequence == top]
    refusals = [one for one in at_top if not one.passed]
    return min(refusals or at_top, key=lambda one: one.expires_at_utc)


def _listed(decisions: Sequence[Decided]) -> str:
    return ", ".join(sorted({one.device_class for one in decisions}))
