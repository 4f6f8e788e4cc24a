"""`hilrig gate manifest`: the release folder, with every piece of evidence by its digest."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hilrig.app.gate.evidence import EvidenceFound, find_evidence, read_evidence_file
from hilrig.app.gate.release_folder import (
    BuiltRelease,
    build_release,
    read_release,
    read_release_file,
    write_release,
)
from hilrig.app.gate.source_state import source_state
from hilrig.app.gate.trusted_signers import TrustedSigners
from hilrig.config.noun_json import from_json, to_json
from hilrig.config.profile import load_profile
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import Clock
from hilrig.core.errors import HilrigError, RecordError, TrustError, UsageError
from hilrig.core.gate_manifest import MANIFEST_FILE, MANIFEST_SCHEMA, EvidenceEntry, EvidenceKind, GateManifest
from hilrig.core.profile import Profile
from hilrig.core.release import RELEASE_FILE
from hilrig.core.result import Result
from hilrig.core.units import NS_PER_S
from hilrig.gate.claims import claims_of
from hilrig.record.run_directory import write_atomic
from hilrig.record.utc import utc_text
from hilrig.target.identity import pipeline_sha256

MAX_MANIFEST_BYTES: Final = 16 << 20
"""Ten thousand pieces of evidence take a quarter of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestRequest:
    """What is to be released.

    Args:
        profile: folder of the profile whose model it is.
        evidence: the folder with everything that speaks for it.
        out: the release folder, new or made by this command before.
        previous: folder of the release before; None: there is none.
        version: of the model, for people; empty: that of `out`, else the sequence.
        sequence: None: that of `out`, else the seconds since 1970.
        lock: the lock file; None: looked for in the repository's root.
    """

    profile: Path
    evidence: Path
    out: Path
    previous: Path | None
    version: str
    sequence: int | None
    lock: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeManifest:
    """What was written, and what a person should know about it.

    Args:
        passed_over: `path: why` of what is no evidence.
        unverified: `path: why` of runs whose signature did not hold against the given keys.
    """

    manifest: GateManifest
    manifest_sha256: str
    release_sha256: str
    passed_over: tuple[str, ...]
    unverified: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runs:
    """The results of all runs, believed for now; who signed them; the runs that nobody trusted signed."""

    results: tuple[Result, ...]
    keys: tuple[str, ...]
    unverified: tuple[str, ...]


def make_manifest(request: ManifestRequest, signers: TrustedSigners, *, clock: Clock) -> MadeManifest:
    """Write the release folder of a profile with the manifest of its evidence.

    Made again into the same folder, version and sequence stay, and only the manifest is replaced. `signers` are
    those whose runs count: the manifest says who signed them.

    Raises:
        ConfigError: the profile has mistakes.
        UsageError: the folder holds something else, or the sequence does not rise.
        PreconditionError: the model or its pipeline does not run here.
        TrustError: the evidence holds something that is no file, the folder was changed, or a key cannot be read.
        RecordError: it cannot be written.
    """
    profile = load_profile(request.profile)
    now_ns = clock.triple().realtime_ns
    release = _release(request, profile, now_ns)
    found = find_evidence(request.evidence)
    runs = _runs(request.evidence, found, signers)
    manifest = _manifest(request, profile, release, found, runs, now_ns=now_ns)
    data = to_json(manifest)
    _write(request.out, release, data)
    return MadeManifest(
        manifest=manifest,
        manifest_sha256=sha256_hex(data),
        release_sha256=release.sha256,
        passed_over=tuple(found.passed_over),
        unverified=runs.unverified,
    )


def read_manifest(folder: Path) -> tuple[GateManifest, str]:
    """Return the manifest of a release folder and its sha256.

    Raises:
        TrustError: it is missing, a link, or not in the one form that hilrig writes.
    """
    path = folder / MANIFEST_FILE
    data = read_release_file(path, max_bytes=MAX_MANIFEST_BYTES)
    if data is None:
        raise TrustError(f"{path} is missing", hint=f"hilrig gate manifest PROFILE --evidence DIR --out {folder}")
    try:
        manifest = from_json(GateManifest, data, what=str(path))
    except RecordError as error:
        raise TrustError(error.message, hint="hilrig gate manifest writes it anew") from error
    if manifest.schema != MANIFEST_SCHEMA or to_json(manifest) != data:
        raise TrustError(
            f"{path} is not in the one form of {MANIFEST_SCHEMA}", hint="hilrig gate manifest writes it anew"
        )
    return manifest, sha256_hex(data)


def _release(request: ManifestRequest, profile: Profile, now_ns: int) -> BuiltRelease:
    before = read_release(request.out) if (request.out / RELEASE_FILE).exists() else None
    if before is None and request.out.exists() and any(request.out.iterdir()):
        raise UsageError(
            f"{request.out} holds something else than a release", hint="choose a new folder: --out DIR"
        )
    sequence = request.sequence or (before.manifest.sequence if before else now_ns // NS_PER_S)
    version = request.version or (before.manifest.version if before else "")
    release = build_release(profile, version=version, sequence=sequence)
    if before is not None and before.sha256 != release.sha256:
        raise UsageError(
            f"{request.out} holds another release, {before.manifest.name} {before.manifest.version}:"
            " profile, model, version or sequence differ",
            hint="choose a new folder: --out DIR",
        )
    return release


def _runs(folder: Path, found: EvidenceFound, signers: TrustedSigners) -> _Runs:
    results, unverified, keys = [], [], set()
    for entry in found.entries:
        if entry.kind is EvidenceKind.RUN:
            results.append(_result(folder, entry))
            key, faults = _verified(folder / entry.path, signers)
            keys |= {key} - {""}
            unverified += [f"{entry.path}: {why}" for why in faults]
    return _Runs(results=tuple(results), keys=tuple(sorted(keys)), unverified=tuple(unverified))


def _result(folder: Path, entry: EvidenceEntry) -> Result:
    try:
        return from_json(Result, read_evidence_file(folder, entry), what=f"{folder / entry.path}/result.json")
    except RecordError as error:
        raise TrustError(
            error.message, hint=f"move {folder / entry.path} elsewhere: it is no sound run"
        ) from error


def _verified(run_dir: Path, signers: TrustedSigners) -> tuple[str, list[str]]:
    """Return the key that signed a run, and what does not hold."""
    try:
        found = signers.verify_run(run_dir)
    except HilrigError as error:
        return "", [error.message]
    return found.key_fingerprint or "", [finding.sentence for finding in found.findings]


def _manifest(
    request: ManifestRequest,
    profile: Profile,
    release: BuiltRelease,
    found: EvidenceFound,
    runs: _Runs,
    *,
    now_ns: int,
) -> GateManifest:
    model = {file.path: file.sha256 for file in release.manifest.files if file.path in profile.model.files}
    claims = claims_of(runs.results, verified=not runs.unverified)
    return GateManifest(
        **{name: getattr(claims, name) for name in asdict(claims)},
        model_sha256=model[profile.model.files[0]],
        name=release.manifest.name,
        version=release.manifest.version,
        sequence=release.manifest.sequence,
        created_at_utc=utc_text(now_ns),
        config_version=release.manifest.config_version,
        bundle_sha256=release.manifest.bundle_sha256,
        model_files_sha256=model,
        pipeline_sha256=pipeline_sha256(profile.pipeline, profile.model),
        profile_sha256=profile.sha256,
        source=source_state(Path(profile.folder), lock=request.lock),
        previous_sha256=_previous_sha256(request.previous, release.manifest.sequence),
        evidence=tuple(found.entries),
        run_keys=runs.keys,
    )


def _previous_sha256(previous: Path | None, sequence: int) -> str:
    if previous is None:
        return ""
    manifest, sha256 = read_manifest(previous)
    if manifest.sequence >= sequence:
        raise UsageError(
            f"the sequence {sequence} does not rise: {previous} has {manifest.sequence}",
            hint=f"--sequence {manifest.sequence + 1}",
        )
    return sha256


def _write(out: Path, release: BuiltRelease, manifest: bytes) -> None:
    if not (out / RELEASE_FILE).exists():
        write_release(out, release, beside={MANIFEST_FILE: manifest})
        return
    try:
        write_atomic(out / MANIFEST_FILE, manifest)
    except OSError as error:
        raise RecordError(f"{out} cannot be written: {error.strerror}", hint="free some space") from error
