"""`hilrig gate check`: a signed decision for each device class, from the evidence under a policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from securesystemslib.signer import Signer

from hilrig.app.gate.before import ReleaseBefore, golden_before, triggers_for
from hilrig.app.gate.decisions_folder import DECISIONS_FOLDER, ENVELOPE_SUFFIX, REVOCATION_URI, read_decisions
from hilrig.app.gate.facts import GateSubject, gather
from hilrig.app.gate.keys import GateTrust
from hilrig.app.gate.trusted_signers import TrustedSigners
from hilrig.attest.approval import approval_validity
from hilrig.attest.envelope import sign, to_sigstore_bundle
from hilrig.attest.gate_decision import Evidence, GateDecision, build_gate_decision
from hilrig.attest.public_key import public_key_of_signer
from hilrig.config.noun_json import to_json
from hilrig.core.clock import Clock
from hilrig.core.errors import RecordError, UsageError, WrongClassError
from hilrig.core.exits import ExitCode
from hilrig.core.gate import GateOutcome, Policy
from hilrig.core.gate_facts import Facts
from hilrig.core.release import ReleaseManifest
from hilrig.core.units import NS_PER_S
from hilrig.gate.always import stacks_of, with_always
from hilrig.gate.approving import holding
from hilrig.gate.checks.runs_here import runs_here
from hilrig.gate.decide import decide, exit_code_of
from hilrig.gate.policies import find_policy
from hilrig.record.run_directory import write_atomic
from hilrig.record.utc import utc_text

SIGSTORE_SUFFIX: Final = ".sigstore.json"
PREVIEW_SUFFIX: Final = ".preview.json"
NS_PER_DAY: Final = 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRequest:
    """What is to be decided.

    Args:
        policy: a name or a file.
        classes: device classes; none: those that were tested, else all of the release.
        before: the release before; None: there is none.
        is_bound_to_stack: whether only nodes with the very software stack of the runs may take it.
        expires_days: None: as long as the policy says.
    """

    subject: GateSubject
    policy: str
    classes: tuple[str, ...]
    before: ReleaseBefore | None
    is_bound_to_stack: bool
    expires_days: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What came of one class, and where it is written. `envelope` is None where nothing was signed."""

    outcome: GateOutcome
    exit_code: ExitCode
    document: Path
    envelope: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of a release: a decision for each class, and the classes of the release without one."""

    release: ReleaseManifest
    release_sha256: str
    decided: tuple[Decided, ...]
    undecided: tuple[str, ...]

    @property
    def exit_code(self) -> ExitCode:
        """Return the worst: a failure goes before missing evidence, that before missing approvals."""
        found = {one.exit_code for one in self.decided}
        return next(code for code in _WORST_FIRST if code in found)


_WORST_FIRST: Final = (ExitCode.FAIL, ExitCode.INCONCLUSIVE, ExitCode.APPROVAL_MISSING, ExitCode.OK)


def check_release(request: GateRequest, signers: TrustedSigners, *, gate: Signer | None, clock: Clock) -> Checked:
    """Decide on a release for each class, write what was decided, sign it if `gate` is there: a refusal, too.

    Args:
        request: what is to be decided.
        signers: whose runs, approvals and desired states count.
        gate: who signs; None: nobody.
        clock: for the time of the decision.

    Raises:
        ConfigError: policy or profile have mistakes.
        TrustError: a signature or digest does not hold, or something is missing that the manifest names.
        UsageError: a class or a time that cannot be meant.
        RecordError: the decision cannot be written.
    """
    now_ns = clock.triple().realtime_ns
    policy = find_policy(request.policy)
    valid_ns = _valid_ns(request, policy)
    gathered = gather(request.subject, signers, now_ns=now_ns)
    classes = _classes(request, gathered.facts)
    gates = _gates(signers, gate)
    known = _known(request.subject.release, gates)
    decided = []
    for device_class in classes:
        if gate is not None:
            signers.accept_gate(gate.public_key.keyid, device_class, now_ns=now_ns)
        facts = gathered.facts_for(
            device_class,
            triggers_for(gathered.facts.manifest, request.before, policy, device_class=device_class, gates=gates),
            golden_before(request.before, device_class),
        )
        outcome = with_always(
            decide(policy, facts),
            facts,
            false_claims=gathered.false_claims,
            is_bound=request.is_bound_to_stack,
            revoked=_revocation(known, facts),
        )
        envelope = None
        if gate is not None:
            decision = _decision(request, policy, facts, outcome, known, valid_ns=valid_ns)
            envelope = sign(build_gate_decision(decision), gate)
        decided.append(_written(request.subject.release, outcome, envelope))
    release = gathered.facts.release
    return Checked(
        release=release,
        release_sha256=gathered.facts.release_sha256,
        decided=tuple(decided),
        undecided=tuple(one for one in release.device_classes if one not in classes),
    )


def _valid_ns(request: GateRequest, policy: Policy) -> int:
    days = policy.valid_days if request.expires_days is None else request.expires_days
    if days > policy.valid_days:
        raise UsageError(
            f"a decision under the policy {policy.name} holds for {policy.valid_days:g} days at most",
            hint=f"--expires-days {policy.valid_days:g}",
        )
    return round(days * NS_PER_DAY)


def _classes(request: GateRequest, facts: Facts) -> tuple[str, ...]:
    named = facts.release.device_classes
    for device_class in request.classes:
        if device_class not in named:
            raise WrongClassError(
                f"the release is for {', '.join(named)}, not for {device_class[:80]!a}",
                hint="add the class to profile.yaml, and make the manifest again",
            )
    tested = {run.result.device_class for run in facts.runs}
    return request.classes or tuple(one for one in named if one in tested) or named


def _gates(signers: TrustedSigners, gate: Signer | None) -> GateTrust | None:
    """Return whose earlier decisions count: this gate's own, those of the trust root."""
    own = () if gate is None else (public_key_of_signer(gate),)
    keys = {key.fingerprint: key for key in (*own, *signers.gates)}
    return GateTrust(keys=tuple(keys.values())) if keys else None


def _known(release: Path, gates: GateTrust | None) -> tuple[GateDecision, ...]:
    """Return the decisions that lie in a release folder."""
    folder = release / DECISIONS_FOLDER
    if gates is None or not folder.exists():
        return ()
    return tuple(one.decision for one in read_decisions(folder, gates).decisions)


def _revocation(known: Sequence[GateDecision], facts: Facts) -> str:
    """Return when this release was revoked for this class, empty where it was not."""
    for decision in known:
        about = (decision.release_sha256, decision.device_class)
        if decision.policy.uri == REVOCATION_URI and about == (facts.release_sha256, facts.device_class):
            return f"at {decision.decided_at_utc}, sequence {decision.sequence}"
    return ""


def _decision(
    request: GateRequest,
    policy: Policy,
    facts: Facts,
    outcome: GateOutcome,
    known: Sequence[GateDecision],
    *,
    valid_ns: int,
) -> GateDecision:
    stacks = stacks_of(facts) if request.is_bound_to_stack else frozenset()
    highest = max((one.sequence for one in known), default=0)
    return GateDecision(
        release_sha256=facts.release_sha256,
        manifest_sha256=facts.manifest_sha256,
        model_files_sha256=_released(facts),
        bundle_sha256=facts.release.bundle_sha256,
        passed=outcome.passed,
        device_class=facts.device_class,
        stack_sha256=next(iter(stacks)) if len(stacks) == 1 else "",
        sequence=max(facts.now_ns // NS_PER_S, highest + 1),
        decided_at_utc=utc_text(facts.now_ns),
        expires_at_utc=utc_text(_end_ns(facts, outcome, valid_ns)),
        policy=Evidence(uri=f"hilrig:policy/{policy.name}", sha256=policy.sha256),
        attestations=tuple(
            Evidence(uri=f"hilrig:run/{run.result.run_id}", sha256=run.attestation_sha256)
            for run in runs_here(facts)
        ),
    )


def _released(facts: Facts) -> dict[str, str]:
    """Return the model's files as release.json names them: what a node downloads."""
    return {file.path: file.sha256 for file in facts.release.files if file.path in facts.release.model.files}


def _end_ns(facts: Facts, outcome: GateOutcome, valid_ns: int) -> int:
    """Return when the decision ends: no later than an approval or a waiver that it rests on."""
    resting_on = {key for need in outcome.approvals for key in need.given_by}
    resting_on |= {key for item in outcome.items for key in item.waived_by.split(", ")}
    ends = [approval_validity(one).expires_ns for one in holding(facts) if one.key_fingerprint in resting_on]
    return min([facts.now_ns + valid_ns, *ends])


def _written(release: Path, outcome: GateOutcome, envelope: bytes | None) -> Decided:
    """Write the outcome, then its signature; without one it is a preview, and leaves what was signed alone."""
    folder = release / DECISIONS_FOLDER
    document = folder / f"{outcome.device_class}{PREVIEW_SUFFIX if envelope is None else '.json'}"
    signed = folder / f"{outcome.device_class}{ENVELOPE_SUFFIX}"
    try:
        folder.mkdir(exist_ok=True)
        write_atomic(document, to_json(outcome))
        if envelope is not None:
            write_atomic(folder / f"{outcome.device_class}{SIGSTORE_SUFFIX}", to_sigstore_bundle(envelope))
            write_atomic(signed, envelope)
    except OSError as error:
        raise RecordError(f"{folder} cannot be written: {error.strerror}", hint="free some space") from error
    return Decided(
        outcome=outcome,
        exit_code=exit_code_of(outcome),
        document=document,
        envelope=None if envelope is None else signed,
    )
