"""The evidence of a manifest: every piece held against its digest, every signature checked, then parsed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from hilrig.app.gate.evidence import read_evidence_file
from hilrig.app.gate.node_evidence import document_facts, log_facts, rehearsal_facts
from hilrig.app.gate.release_folder import read_release_file
from hilrig.app.gate.secret_scan import secrets_in
from hilrig.app.gate.trusted_signers import TrustedSigners
from hilrig.app.golden.bundle import bundle_facts
from hilrig.attest.desired_state import verify_desired_state
from hilrig.config.noun_json import from_json, to_json
from hilrig.config.plan_file import load_plan
from hilrig.core import files
from hilrig.core.canonical import sha256_hex
from hilrig.core.compat import CompatReport
from hilrig.core.errors import RecordError, TrustError, UnknownKeyError
from hilrig.core.gate_facts import BundleFacts, DocumentFacts, LogFacts, RehearsalFacts, RolloutFacts, RunFacts
from hilrig.core.gate_manifest import EvidenceEntry, EvidenceKind, GateManifest
from hilrig.core.golden import GoldenReport
from hilrig.core.power_loss import PowerLossResult
from hilrig.core.result import Result
from hilrig.core.run import RunPlan

MAX_SIGNED_BYTES: Final = 64 << 20
"""Of plan and attestation, as `hilrig verify` reads them."""

_AGAIN: Final = "hilrig gate check again"

T = TypeVar("T")


@dataclass
class Evidence:
    """All evidence of a manifest, by kind; `secrets` as `path:line: what it looks like`."""

    runs: list[RunFacts] = field(default_factory=list)
    compatibility: list[CompatReport] = field(default_factory=list)
    golden: list[GoldenReport] = field(default_factory=list)
    power_loss: list[PowerLossResult] = field(default_factory=list)
    logs: list[LogFacts] = field(default_factory=list)
    rehearsals: list[RehearsalFacts] = field(default_factory=list)
    rollouts: list[RolloutFacts] = field(default_factory=list)
    bundles: list[BundleFacts] = field(default_factory=list)
    documents: list[DocumentFacts] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """One piece of evidence: where it is, its bytes, whose signatures count, what time it is."""

    path: Path
    entry: EvidenceEntry
    data: bytes
    signers: TrustedSigners
    now_ns: int

    def noun(self, cls: type[T]) -> T:
        """Return what its bytes state."""
        try:
            return from_json(cls, self.data, what=str(self.path))
        except RecordError as error:
            hint = "make this evidence again with this version of hilrig"
            raise TrustError(error.message, hint=hint) from error


def read_evidence(folder: Path, manifest: GateManifest, signers: TrustedSigners, *, now_ns: int) -> Evidence:
    """Return the evidence that a manifest names, and nothing else that lies in the folder.

    Raises:
        TrustError: a piece is missing, was changed, is not what it is named, or its signature does not hold.
    """
    found = Evidence()
    for entry in manifest.evidence:
        data = read_evidence_file(folder, entry)
        piece = _Piece(path=folder / entry.path, entry=entry, data=data, signers=signers, now_ns=now_ns)
        _ADD[entry.kind](found, piece)
    return found


def _add_run(found: Evidence, piece: _Piece) -> None:
    """Add a run whose signature holds by a key that may sign for its class, with the numbers of its evidence."""
    path, claimed = piece.path, piece.noun(Result)
    verified = piece.signers.verify_run(path)
    if not verified.ok or verified.result is None or verified.key_fingerprint is None:
        first = verified.findings[0]
        raise TrustError(
            f"the run {path} does not verify: {first.sentence}",
            hint=f"hilrig verify {path}; a rig's key is named with --run-key FILE.pub or --trust trust.json",
        )
    result = verified.result
    if to_json(result) != to_json(claimed):
        raise TrustError(f"{path / files.RESULT} changed while it was read", hint=_AGAIN)
    found.runs.append(
        RunFacts(
            path=piece.entry.path,
            result=result,
            plan=_plan(path, result),
            attestation_sha256=sha256_hex(_signed(path / files.ATTESTATION)),
            key_fingerprint=verified.key_fingerprint,
        )
    )
    if result.judgement.power_loss is not None:
        found.power_loss.append(result.judgement.power_loss)


def _plan(run_dir: Path, result: Result) -> RunPlan:
    data = _signed(run_dir / files.PLAN)
    if sha256_hex(data) != result.files.get(files.PLAN):
        raise TrustError(f"{run_dir / files.PLAN} changed while it was read", hint=_AGAIN)
    try:
        return load_plan(data)
    except RecordError as error:
        raise TrustError(f"{run_dir}: {error.message}", hint=error.hint) from error


def _signed(path: Path) -> bytes:
    data = read_release_file(path, max_bytes=MAX_SIGNED_BYTES)
    if data is None:
        raise TrustError(f"{path} went away while it was read", hint=_AGAIN)
    return data


def _add_desired_state(found: Evidence, piece: _Piece) -> None:
    try:
        desired = verify_desired_state(piece.data, piece.signers.publishers, name=str(piece.path))
    except UnknownKeyError as error:
        raise TrustError(error.message, hint="if you trust this key: --desired-key FILE.pub") from error
    found.rollouts.append(
        RolloutFacts(
            path=piece.entry.path,
            release_sha256=desired.release_sha256,
            mode=desired.rollout.mode.value,
            canary_nodes=desired.rollout.canary_nodes,
            n_guardrails=len(desired.rollout.guardrails),
            window_s=desired.rollout.window_s,
        )
    )


def _add_bundle(found: Evidence, piece: _Piece) -> None:
    try:
        facts = bundle_facts(piece.data, path=piece.entry.path)
    except RecordError as error:
        raise TrustError(error.message, hint=error.hint or "hilrig golden bundle makes it again") from error
    found.bundles.append(facts)


def _add_log(found: Evidence, piece: _Piece) -> None:
    found.logs.append(log_facts(piece.entry.path, piece.data))
    _add_secrets(found, piece)


def _add_journal(found: Evidence, piece: _Piece) -> None:
    found.rehearsals.append(rehearsal_facts(piece.entry.path, piece.data))
    _add_secrets(found, piece)


def _add_document(found: Evidence, piece: _Piece) -> None:
    entry = piece.entry
    found.documents.append(document_facts(entry.path, entry.topic, piece.data, now_ns=piece.now_ns))
    _add_secrets(found, piece)


def _add_secrets(found: Evidence, piece: _Piece) -> None:
    found.secrets += secrets_in(piece.entry.path, piece.data, is_text=True)


_ADD: Final[Mapping[EvidenceKind, Callable[[Evidence, _Piece], None]]] = {
    EvidenceKind.RUN: _add_run,
    EvidenceKind.COMPATIBILITY: lambda found, piece: found.compatibility.append(piece.noun(CompatReport)),
    EvidenceKind.GOLDEN: lambda found, piece: found.golden.append(piece.noun(GoldenReport)),
    EvidenceKind.POWER_LOSS: lambda found, piece: found.power_loss.append(piece.noun(PowerLossResult)),
    EvidenceKind.DIAGNOSTIC_BUNDLE: _add_bundle,
    EvidenceKind.DESIRED_STATE: _add_desired_state,
    EvidenceKind.NODE_LOG: _add_log,
    EvidenceKind.NODE_JOURNAL: _add_journal,
    EvidenceKind.DOCUMENT: _add_document,
}
