"""The one question of a deployment agent: may this model run on this device class?

It may if the gate passed it and that decision still holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hilrig.app.gate.asked_model import AskedModel, difference
from hilrig.app.gate.decisions_folder import ENVELOPE_SUFFIX, FoundDecision, FoundDecisions, read_decisions
from hilrig.app.gate.keys import GateTrust
from hilrig.attest.validity import refuse_outside
from hilrig.core.errors import NoDecisionError, TrustError
from hilrig.core.exits import ExitCode
from hilrig.core.release import GATE_DECISION_FILE
from hilrig.gate.newest import standing


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswer:
    """What the gate says.

    Args:
        exit_code: 0 it passed and holds, 10 refused or revoked, 30 nothing that a trusted key signed, 31 no
            decision, 32 over, 33 for another class or stack.
        sentence: for a person, on one line.
        hint: the next step; empty when it passed.
        found: the decision that counts; None where there is none.
    """

    exit_code: ExitCode
    sentence: str
    hint: str
    found: FoundDecision | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingDevice:
    """The machine that a model is to run on: its class and its software stack; None: not asked for."""

    device_class: str
    stack_sha256: str | None


def gate_status(
    model: AskedModel, device: AskingDevice, *, decisions: Path, trusted: GateTrust, now_ns: int
) -> GateAnswer:
    """Return what the gate says about a model now.

    Args:
        model: what is asked about.
        device: what it is to run on.
        decisions: the folder that decisions are looked for in.
        trusted: whose decisions count.
        now_ns: CLOCK_REALTIME.

    Raises:
        PreconditionError: a decision was signed later than this machine's clock shows.
    """
    found = None
    try:
        known = read_decisions(decisions, trusted)
        found = counting(_about(model, known), device)
        refuse_over(found, known, now_ns=now_ns)
    except TrustError as error:
        return GateAnswer(exit_code=error.exit_code, sentence=error.message, hint=error.hint, found=found)
    if not found.decision.passed:
        return _refused(found)
    return GateAnswer(exit_code=ExitCode.OK, sentence=_passed_words(found), hint="", found=found)


def counting(found: Sequence[FoundDecision], device: AskingDevice) -> FoundDecision:
    """Return the decision on one model that counts for a device; it may be a refusal, and it may be over.

    Raises:
        NoDecisionError: there is none.
        WrongClassError: there are some, for other device classes or stacks.
    """
    decision = standing(
        [one.decision for one in found], device_class=device.device_class, stack_sha256=device.stack_sha256
    )
    return next(one for one in found if one.decision is decision)


def refuse_over(found: FoundDecision, known: FoundDecisions, *, now_ns: int) -> None:
    """Refuse a PASSED that is over, and to judge by a clock that is not set; a refusal never ends.

    Raises:
        ExpiredError: it is over.
        PreconditionError: one of the known decisions was signed later than the clock shows.
    """
    if found.decision.passed:
        refuse_outside(
            found.decision.validity(),
            now_ns=now_ns,
            newest_signed_ns=max(one.decision.validity().issued_ns for one in known.decisions),
            name=f"the gate's decision {found.path}",
        )


def _about(model: AskedModel, known: FoundDecisions) -> list[FoundDecision]:
    """Return the decisions on a model; say why when there is none."""
    reasons = [_difference(model, one) for one in known.decisions]
    about = [one for one, reason in zip(known.decisions, reasons, strict=True) if reason is None]
    if about:
        return about
    for one in known.uncounted:
        if one.found is None or _difference(model, one.found) is None:
            raise one.why
    for reason in filter(None, reasons):
        raise NoDecisionError(f"the gate never decided on this model: {reason}")
    return []


def _difference(model: AskedModel, found: FoundDecision) -> str | None:
    decision = found.decision
    return difference(model, files_sha256=decision.model_files_sha256, bundle_sha256=decision.bundle_sha256)


def _refused(found: FoundDecision) -> GateAnswer:
    decision = found.decision
    return GateAnswer(
        exit_code=ExitCode.FAIL,
        sentence=f"{'revoked' if found.is_revocation else 'refused'} for {decision.device_class}"
        f" at {decision.decided_at_utc}",
        hint=f"read why: {_reasons(found)}",
        found=found,
    )


def _reasons(found: FoundDecision) -> Path:
    """Return the file that says why: beside its envelope, under the same name."""
    stem = found.path.name.removesuffix(ENVELOPE_SUFFIX)
    is_published = found.is_revocation and found.path.name == GATE_DECISION_FILE
    return found.path.with_name(
        f"{stem}.revoked-{found.decision.sequence}.json" if is_published else f"{stem}.json"
    )


def _passed_words(found: FoundDecision) -> str:
    decision = found.decision
    bound = f", stack {decision.stack_sha256[:12]}" if decision.stack_sha256 else ""
    return f"passed for {decision.device_class}{bound} until {decision.expires_at_utc}"
