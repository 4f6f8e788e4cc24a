"""From a run that passed to what a node can be given: a release, the gate's decision on it, a desired state."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from securesystemslib.signer import Signer

from hilrig.app.publish_golden import Golden, golden_of
from hilrig.app.verify import verify
from hilrig.attest.desired_state import DESIRED_FILE, DesiredState, Rollout, build_desired_state
from hilrig.attest.envelope import sign
from hilrig.attest.gate_decision import Evidence, GateDecision, build_gate_decision
from hilrig.config.noun_json import to_json
from hilrig.config.profile import load_profile
from hilrig.core import files
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import Clock
from hilrig.core.errors import PreconditionError, RecordError, TrustError, UsageError
from hilrig.core.profile import Profile
from hilrig.core.release import (
    FILES_FOLDER,
    GATE_DECISION_FILE,
    RELEASE_FILE,
    GoldenSample,
    ReleaseFile,
    ReleaseManifest,
)
from hilrig.core.result import Result
from hilrig.core.units import NS_PER_S
from hilrig.core.verdict import RunStatus
from hilrig.record.run_directory import sync_folder, write_atomic
from hilrig.record.untrusted_file import read_untrusted
from hilrig.record.utc import utc_text
from hilrig.target.identity import pipeline_sha256
from hilrig.target.model_files import bundle_sha256, hash_model_files

RELEASES_FOLDER: Final = "releases"
GOLDEN_PATH: Final = "golden/input.bin"
DAY_NS: Final = 86_400 * NS_PER_S
MAX_ATTESTATION_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRequest:
    """What is to be published, and for whom.

    Args:
        run_dir: of the run that passed.
        profile: the folder that it was run with: the model is taken from there.
        run_keys: files of the public keys that may have signed the run.
        out: where the release and the desired state go.
        version: of the model, for people; empty: the sequence.
        sequence: of release, decision and desired state; None: the seconds since 1970, which rise by themselves.
        nodes: ids, or `*`.
        rollout: how it is brought out.
        expires_days: how long decision and desired state hold.
        is_bound_to_stack: whether only nodes with the very software stack of the run may take it.
        allow_again: nodes that rolled it back may run it again.
    """

    run_dir: Path
    profile: Path
    run_keys: Sequence[Path]
    out: Path
    version: str
    sequence: int | None
    nodes: tuple[str, ...]
    rollout: Rollout
    expires_days: float
    is_bound_to_stack: bool
    allow_again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was written, and its names."""

    release_sha256: str
    sequence: int
    release_folder: Path
    desired: Path
    device_class: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    """When it is published and ends, in UTC, and the number that says which is newer."""

    issued_at_utc: str
    expires_at_utc: str
    sequence: int


def publish(request: PublishRequest, *, gate: Signer, desired: Signer, clock: Clock) -> Published:
    """Publish the model of a run that passed; the desired state is replaced last, so that it never leads nowhere.

    Raises:
        TrustError: the run does not verify.
        UsageError: the desired state would make no sense: the message says why.
        PreconditionError: its verdict is not PASS, or the profile or model is no longer what was measured.
        RecordError: something cannot be written.
    """
    result = _passed(request)
    profile = load_profile(request.profile)
    _refuse_other_than_measured(profile, result)
    golden = golden_of(profile)
    times = _times(request, clock)
    manifest = _manifest(request, profile, result, golden, times.sequence)
    manifest_bytes = to_json(manifest)
    decision = _decision(request, result, manifest, sha256_hex(manifest_bytes), times)
    wanted = _desired(request, result, sha256_hex(manifest_bytes), times)
    small = {
        RELEASE_FILE: manifest_bytes,
        GATE_DECISION_FILE: sign(build_gate_decision(decision), gate),
        f"{FILES_FOLDER}/{sha256_hex(golden.tensor)}": golden.tensor,
    }
    envelope = sign(_statement(wanted), desired)
    try:
        folder = _write_release(request.out / wanted.release_url, small, profile, result)
        write_atomic(request.out / DESIRED_FILE, envelope)
    except OSError as error:
        raise RecordError(f"{request.out} cannot be written: {error.strerror}", hint="free some space") from error
    return Published(
        release_sha256=wanted.release_sha256,
        sequence=times.sequence,
        release_folder=folder,
        desired=request.out / DESIRED_FILE,
        device_class=result.device_class,
    )


def _passed(request: PublishRequest) -> Result:
    """Return the result of a run whose signatures hold, whose numbers its evidence gives, and which passed."""
    found = verify(request.run_dir, keys=request.run_keys)
    if not found.ok or found.result is None:
        first = found.findings[0]
        raise TrustError(f"{request.run_dir} does not verify: {first.sentence}", hint=first.hint)
    if found.result.judgement.status is not RunStatus.PASS:
        raise PreconditionError(
            f"the verdict of {request.run_dir} is {found.result.judgement.status.value};"
            " only a PASS may go to the line",
            hint=f"hilrig report {request.run_dir}",
        )
    return found.result


def _refuse_other_than_measured(profile: Profile, result: Result) -> None:
    """Refuse a profile, pipeline or model that is not the one that passed."""
    measured = {
        "profile.yaml": (profile.sha256, result.profile_sha256),
        "the pipeline": (pipeline_sha256(profile.pipeline, profile.model), result.pipeline_sha256),
        "the model": (
            hash_model_files(profile.model, Path(profile.folder)),
            dict(result.model_files_sha256),
        ),
    }
    for what, (found, expected) in measured.items():
        if found != expected:
            raise PreconditionError(
                f"{what} in {profile.folder} is not what was measured in run {result.run_id}",
                hint=f"run it again: hilrig run {profile.folder}",
            )
    for path in profile.model.files:
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise PreconditionError(
                f"the model file {path} is outside of the profile's folder", hint="put it beside profile.yaml"
            )


def _times(request: PublishRequest, clock: Clock) -> _Times:
    now_ns = clock.triple().realtime_ns
    return _Times(
        issued_at_utc=utc_text(now_ns),
        expires_at_utc=utc_text(now_ns + round(request.expires_days * DAY_NS)),
        sequence=now_ns // NS_PER_S if request.sequence is None else request.sequence,
    )


def _manifest(
    request: PublishRequest, profile: Profile, result: Result, golden: Golden, sequence: int
) -> ReleaseManifest:
    folder = Path(profile.folder)
    model = [
        ReleaseFile(path=path, sha256=sha256, size_bytes=(folder / path).stat().st_size)
        for path, sha256 in result.model_files_sha256.items()
    ]
    sample = ReleaseFile(path=GOLDEN_PATH, sha256=sha256_hex(golden.tensor), size_bytes=len(golden.tensor))
    return ReleaseManifest(
        name=profile.name,
        version=request.version or str(sequence),
        sequence=sequence,
        config_version=result.pipeline_sha256[:12],
        device_classes=(result.device_class,),
        stack_sha256=_stack(request, result),
        model=profile.model,
        pipeline=profile.pipeline,
        files=(*model, sample),
        bundle_sha256=bundle_sha256(result.model_files_sha256),
        golden=GoldenSample(input_sha256=sample.sha256, scores=golden.scores, tolerance=golden.tolerance),
    )


def _stack(request: PublishRequest, result: Result) -> str:
    return str(result.rig_info.get("stack_sha256") or "") if request.is_bound_to_stack else ""


def _decision(
    request: PublishRequest, result: Result, manifest: ReleaseManifest, release_sha256: str, times: _Times
) -> GateDecision:
    attestation = read_untrusted(request.run_dir / files.ATTESTATION, max_bytes=MAX_ATTESTATION_BYTES) or b""
    return GateDecision(
        release_sha256=release_sha256,
        model_files_sha256=result.model_files_sha256,
        bundle_sha256=manifest.bundle_sha256,
        passed=True,
        device_class=result.device_class,
        stack_sha256=manifest.stack_sha256,
        sequence=times.sequence,
        decided_at_utc=times.issued_at_utc,
        expires_at_utc=times.expires_at_utc,
        run_id=result.run_id,
        policy=Evidence(uri=f"hilrig:profile/{result.profile_name}", sha256=result.profile_sha256),
        attestation=Evidence(uri=f"hilrig:run/{result.run_id}", sha256=sha256_hex(attestation)),
    )


def _desired(request: PublishRequest, result: Result, release_sha256: str, times: _Times) -> DesiredState:
    return DesiredState(
        release_sha256=release_sha256,
        nodes=request.nodes,
        device_class=result.device_class,
        sequence=times.sequence,
        issued_at_utc=times.issued_at_utc,
        expires_at_utc=times.expires_at_utc,
        release_url=f"{RELEASES_FOLDER}/{release_sha256}",
        rollout=request.rollout,
        allow_again=request.allow_again,
    )


def _statement(desired: DesiredState) -> bytes:
    try:
        return build_desired_state(desired)
    except TrustError as error:  # here it is no matter of trust: somebody asked for what makes no sense
        raise UsageError(error.message, hint="hilrig node publish --help") from error


def _write_release(folder: Path, small: dict[str, bytes], profile: Profile, result: Result) -> Path:
    """Write a release beside its place, then give it its name: nobody sees a part of it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    built = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        built.chmod(0o755)
        (built / FILES_FOLDER).mkdir()
        for path, sha256 in result.model_files_sha256.items():
            _copy(Path(profile.folder) / path, built / FILES_FOLDER / sha256, sha256)
        for name, data in small.items():
            (built / name).write_bytes(data)
        shutil.rmtree(folder, ignore_errors=True)
        built.rename(folder)
    finally:
        shutil.rmtree(built, ignore_errors=True)
    sync_folder(folder.parent)
    return folder


def _copy(source: Path, target: Path, sha256: str) -> None:
    data = source.read_bytes()
    if sha256_hex(data) != sha256:
        raise PreconditionError(f"{source} changed while it was published", hint="publish again")
    with target.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
