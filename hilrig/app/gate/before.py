"""The release before: what changed since then that people must approve. Computed, never declared."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from hilrig.app.gate.decisions_folder import DECISIONS_FOLDER, ENVELOPE_SUFFIX, read_decision
from hilrig.app.gate.keys import GateTrust
from hilrig.app.gate.manifest import read_manifest
from hilrig.app.gate.release_folder import read_release_file
from hilrig.config.noun_json import from_json
from hilrig.core.errors import RecordError, TrustError, UnknownKeyError, UsageError
from hilrig.core.gate import GateOutcome, Policy, Trigger
from hilrig.core.gate_manifest import EvidenceKind, GateManifest
from hilrig.gate.changes import policy_loosened, signing_changed
from hilrig.gate.policies import find_policy

MAX_OUTCOME_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseBefore:
    """The release before: its folder, and the policy file that it was decided under; empty: nobody has it."""

    folder: Path
    policy: str = ""


def triggers_for(
    manifest: GateManifest,
    before: ReleaseBefore | None,
    policy: Policy,
    *,
    device_class: str,
    gates: GateTrust | None,
) -> frozenset[Trigger]:
    """Return what applies to a release for one class; what nobody can tell applies.

    Args:
        manifest: of the release.
        before: the one before.
        policy: that it is decided under.
        device_class: of the decision.
        gates: whose decisions count; None: the unsigned copy of the decision before is believed, for a preview.

    Raises:
        UsageError: the manifest names a release before, and none was given; or the other way round.
        TrustError: it is another release than the manifest names, or was changed.
        ConfigError: its policy has mistakes.
    """
    _refuse_unnamed(manifest, before)
    if before is None:
        return frozenset({Trigger.FIRST_RELEASE})
    return frozenset(_triggers(manifest, before, policy, device_class, gates))


def golden_before(before: ReleaseBefore | None, device_class: str) -> frozenset[str] | None:
    """Return the sha256 of the golden reports in the evidence of the release before, for one class.

    Raises:
        TrustError: its manifest is missing or malformed.
    """
    if before is None:
        return None
    manifest, _ = read_manifest(before.folder)
    return frozenset(
        entry.sha256
        for entry in manifest.evidence
        if entry.kind is EvidenceKind.GOLDEN and entry.device_class in ("", device_class)
    )


def _refuse_unnamed(manifest: GateManifest, before: ReleaseBefore | None) -> None:
    if before is None and manifest.previous_sha256:
        raise UsageError(
            f"the manifest names a release before it, {manifest.previous_sha256[:12]}; it was not given",
            hint="--previous RELEASE",
        )
    if before is not None and not manifest.previous_sha256:
        raise UsageError(
            "the manifest names no release before it",
            hint=f"make it again: hilrig gate manifest ... --previous {before.folder}",
        )


def _triggers(
    manifest: GateManifest, before: ReleaseBefore, policy: Policy, device_class: str, gates: GateTrust | None
) -> Iterator[Trigger]:
    older, sha256 = read_manifest(before.folder)
    if sha256 != manifest.previous_sha256:
        raise TrustError(
            f"{before.folder} is not the release before: the manifest names {manifest.previous_sha256[:12]},"
            f" it is {sha256[:12]}",
            hint="--previous RELEASE, as it was when the manifest was made",
        )
    decided = _decided_before(before.folder / DECISIONS_FOLDER, device_class, gates)
    if set(manifest.run_keys) - set(older.run_keys) or signing_changed(older, manifest) or not decided.is_signed:
        yield Trigger.CRYPTO_CHANGED
    if _is_loosened(before, policy, decided.policy_sha256):
        yield Trigger.POLICY_LOOSENED


def _is_loosened(before: ReleaseBefore, policy: Policy, policy_sha256: str) -> bool:
    if policy.sha256 == policy_sha256:
        return False
    older = find_policy(before.policy) if before.policy else None
    if older is None or older.sha256 != policy_sha256:
        return True
    return bool(policy_loosened(older, policy))


class _DecidedBefore(NamedTuple):
    """The policy of the last decision for a class, empty where nobody can tell; whether a known gate signed it."""

    policy_sha256: str
    is_signed: bool


def _decided_before(folder: Path, device_class: str, gates: GateTrust | None) -> _DecidedBefore:
    if gates is None:
        data = read_release_file(folder / f"{device_class}.json", max_bytes=MAX_OUTCOME_BYTES)
        policy_sha256 = "" if data is None else _outcome(data, folder).policy_sha256
        return _DecidedBefore(policy_sha256, is_signed=True)
    path = folder / f"{device_class}{ENVELOPE_SUFFIX}"
    if not path.exists():
        return _DecidedBefore("", is_signed=True)  # a class that is new has no decision before
    try:
        found = read_decision(path, gates)
    except UnknownKeyError:
        found = None
    return _DecidedBefore("" if found is None else found.decision.policy.sha256, is_signed=found is not None)


def _outcome(data: bytes, folder: Path) -> GateOutcome:
    try:
        return from_json(GateOutcome, data, what=str(folder))
    except RecordError as error:
        raise TrustError(error.message, hint=error.hint) from error
