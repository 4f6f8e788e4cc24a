"""What the gate knows about a release, everything recomputed.

It comes from the release folder, the evidence, the keys and the source.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from hilrig.app.gate.evidence_reading import Evidence, read_evidence
from hilrig.app.gate.manifest import read_manifest
from hilrig.app.gate.release_folder import FoundRelease, read_release, read_release_file
from hilrig.app.gate.secret_scan import secrets_in
from hilrig.app.gate.source_state import source_state
from hilrig.app.gate.trusted_signers import TrustedSigners
from hilrig.attest.approval import verify_approval
from hilrig.config.profile import load_profile
from hilrig.core.approval import Approval
from hilrig.core.compat import CompatReport
from hilrig.core.error_codes import undocumented
from hilrig.core.errors import TrustError, UnknownKeyError
from hilrig.core.gate import Trigger
from hilrig.core.gate_facts import (
    BundleFacts,
    Facts,
    RolloutFacts,
)
from hilrig.core.gate_manifest import EvidenceKind, GateManifest
from hilrig.core.golden import GoldenReport
from hilrig.core.profile import Profile
from hilrig.gate.claims import claims_of, false_claims
from hilrig.target.identity import pipeline_sha256
from hilrig.target.model_files import hash_model_files

APPROVALS_FOLDER: Final = "approvals"
MAX_APPROVAL_BYTES: Final = 1 << 20
MAX_TEXT_BYTES: Final = 4 << 20
"""Of a file beside profile.yaml that is looked through for secrets."""

_TEXTS: Final = frozenset({EvidenceKind.NODE_LOG, EvidenceKind.NODE_JOURNAL, EvidenceKind.DOCUMENT})

T = TypeVar("T")
R = TypeVar("R", CompatReport, GoldenReport)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSubject:
    """What is to be decided on.

    Args:
        release: the release folder.
        evidence: the folder that its manifest was made from.
        profile: the profile's folder, where git is asked; None: nobody can ask.
        lock: the lock file; None: looked for in the repository's root.
    """

    release: Path
    evidence: Path
    profile: Path | None
    lock: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """Facts that are the same for every device class, and what no policy has a say in.

    Args:
        facts: with an empty device class and no trigger: `facts_for` fills them in.
        golden: every golden report, of whatever class.
        false_claims: what the manifest states and the evidence does not give.
        signers: whose approvals count for a class.
    """

    facts: Facts
    signers: TrustedSigners
    golden: tuple[GoldenReport, ...]
    false_claims: tuple[str, ...]

    def facts_for(
        self, device_class: str, triggers: frozenset[Trigger], golden_before: frozenset[str] | None
    ) -> Facts:
        """Return the facts for a decision on one class: its own golden report goes before the others'."""
        own = [report for report in self.golden if report.device_class == device_class]
        approvals = tuple(self.signers.approvals_for(device_class, self.facts.approvals))
        return replace(
            self.facts,
            device_class=device_class,
            golden=_newest(own or self.golden),
            golden_before=golden_before,
            approvals=approvals,
            triggers=triggers,
        )


def gather(subject: GateSubject, signers: TrustedSigners, *, now_ns: int) -> Gathered:
    """Return what is known about a release. Only what its manifest names counts as evidence.

    Raises:
        TrustError: a signature or digest does not hold, or something is missing that the manifest names.
        ConfigError: the profile has mistakes.
        PreconditionError: a model file of the profile is missing.
    """
    release = read_release(subject.release)
    manifest, manifest_sha256 = read_manifest(subject.release)
    profile = None if subject.profile is None else load_profile(subject.profile)
    evidence = read_evidence(subject.evidence, manifest, signers, now_ns=now_ns)
    facts = Facts(
        device_class="",
        now_ns=now_ns,
        manifest=manifest,
        manifest_sha256=manifest_sha256,
        release=release.manifest,
        release_sha256=release.sha256,
        model_files_sha256=_model_files(release, profile),
        pipeline_sha256=pipeline_sha256(release.manifest.pipeline, release.manifest.model),
        runs=tuple(evidence.runs),
        compatibility=_newest(
            [one for one in evidence.compatibility if one.bundle_sha256 == manifest.bundle_sha256]
            or evidence.compatibility
        ),
        golden=None,
        golden_before=None,
        power_loss=tuple(evidence.power_loss),
        logs=tuple(evidence.logs),
        rehearsals=tuple(evidence.rehearsals),
        rollout=_rollout(evidence.rollouts, release.sha256),
        bundle=_bundle(evidence.bundles, manifest),
        documents=tuple(evidence.documents),
        source=None if profile is None else source_state(Path(profile.folder), lock=subject.lock),
        secrets=(*evidence.secrets, *_secrets(subject, release, profile)),
        undocumented_codes=undocumented(),
        triggers=frozenset(),
        approvals=tuple(_approvals(subject.release / APPROVALS_FOLDER, signers)),
    )
    return Gathered(
        facts=facts,
        signers=signers,
        golden=tuple(evidence.golden),
        false_claims=(
            *_contradictions(manifest, release, profile),
            *_other_keys(manifest, evidence),
            *false_claims(manifest, claims_of([run.result for run in evidence.runs], verified=True)),
        ),
    )


def _rollout(found: Sequence[RolloutFacts], release_sha256: str) -> RolloutFacts | None:
    own = [one for one in found if one.release_sha256 == release_sha256]
    return next(iter(own or found), None)


def _bundle(found: Sequence[BundleFacts], manifest: GateManifest) -> BundleFacts | None:
    own = [one for one in found if one.bundle_sha256 == manifest.bundle_sha256]
    return next(iter(own or found), None)


def _newest(reports: Sequence[R]) -> R | None:
    return max(reports, key=lambda report: report.made_at_utc, default=None)


def _model_files(release: FoundRelease, profile: Profile | None) -> dict[str, str]:
    if profile is None:
        return dict(release.model_files_sha256)
    return hash_model_files(profile.model, Path(profile.folder))


def _approvals(folder: Path, signers: TrustedSigners) -> Iterator[Approval]:
    """Yield every approval beside a manifest, each by a key that may speak for its role."""
    paths = sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []
    for path in paths:
        data = read_release_file(path, max_bytes=MAX_APPROVAL_BYTES)
        try:
            approval = verify_approval(data or b"", signers.approvers, name=str(path))
        except UnknownKeyError as error:
            raise TrustError(error.message, hint="--approver-key FILE.pub:ROLE, or remove the approval") from error
        signers.accept_approval(approval, name=str(path))
        yield approval


def _contradictions(manifest: GateManifest, release: FoundRelease, profile: Profile | None) -> Iterator[str]:
    """Say where a manifest states something else than release.json, or than the profile that is there."""
    pairs = {
        "name": (manifest.name, release.manifest.name),
        "version": (manifest.version, release.manifest.version),
        "sequence": (manifest.sequence, release.manifest.sequence),
        "config_version": (manifest.config_version, release.manifest.config_version),
        "bundle_sha256": (manifest.bundle_sha256, release.manifest.bundle_sha256),
        "model_files_sha256": (dict(manifest.model_files_sha256), dict(release.model_files_sha256)),
        "model_sha256": (manifest.model_sha256, release.model_files_sha256.get(release.manifest.model.files[0])),
        "pipeline_sha256": (
            manifest.pipeline_sha256,
            pipeline_sha256(release.manifest.pipeline, release.manifest.model),
        ),
        **({} if profile is None else {"profile_sha256": (manifest.profile_sha256, profile.sha256)}),
    }
    for key, (claimed, found) in pairs.items():
        if claimed != found:
            yield f"{key} is claimed as {claimed!a:.80}, the release gives {found!a:.80}"


def _other_keys(manifest: GateManifest, evidence: Evidence) -> Iterator[str]:
    found = tuple(sorted({run.key_fingerprint for run in evidence.runs}))
    if manifest.run_keys != found:
        yield f"run_keys is claimed as {manifest.run_keys!a:.80}, the evidence gives {found!a:.80}"


def _secrets(subject: GateSubject, release: FoundRelease, profile: Profile | None) -> Iterator[str]:
    for file in release.manifest.files:
        data = (subject.release / "files" / file.sha256).read_bytes()
        yield from secrets_in(file.path, data, is_text=False)
    for path in sorted(Path(profile.folder).iterdir()) if profile is not None else ():
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_TEXT_BYTES:
            data = path.read_bytes()
            yield from secrets_in(path.name, data, is_text=b"\0" not in data)
