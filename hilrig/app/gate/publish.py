"""From a release that the gate passed to what nodes can be given.

That is the release, its decision and a desired state.
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from securesystemslib.signer import Signer

from hilrig.app.gate.decisions_folder import FoundDecision, FoundDecisions, read_decisions
from hilrig.app.gate.keys import GateTrust
from hilrig.app.gate.release_folder import FoundRelease, read_release, read_release_file
from hilrig.app.gate.status import AskingDevice, counting, refuse_over
from hilrig.attest.desired_state import DESIRED_FILE, DesiredState, Rollout, build_desired_state
from hilrig.attest.envelope import sign
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import Clock
from hilrig.core.errors import (
    NoDecisionError,
    RecordError,
    RefusedError,
    TrustError,
    UsageError,
    WrongClassError,
)
from hilrig.core.gate_manifest import MANIFEST_FILE
from hilrig.core.release import FILES_FOLDER, GATE_DECISION_FILE, RELEASE_FILE
from hilrig.core.units import NS_PER_S
from hilrig.record.run_directory import sync_folder, write_atomic
from hilrig.record.utc import utc_text

RELEASES_FOLDER: Final = "releases"
DAY_NS: Final = 86_400 * NS_PER_S
MAX_SMALL_BYTES: Final = 16 << 20
"""Of release.json and release_manifest.json."""
MAX_FILE_BYTES: Final = 2 << 30
"""Of a model file: protobuf ends there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRequest:
    """What is to be published, and for whom.

    Args:
        release: the release folder, as `hilrig gate manifest` and `gate check` left it.
        device_class: whose decision goes with it.
        gate: whose decisions count.
        out: where the release and the desired state go.
        sequence: of the desired state; None: the seconds since 1970, which rise by themselves.
        nodes: ids, or `*`.
        rollout: how it is brought out.
        expires_days: how long the desired state holds.
        allow_again: nodes that rolled it back may run it again.
    """

    release: Path
    device_class: str
    gate: GateTrust
    out: Path
    sequence: int | None
    nodes: tuple[str, ...]
    rollout: Rollout
    expires_days: float
    allow_again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was written, and its names."""

    release_sha256: str
    sequence: int
    release_folder: Path
    desired: Path
    device_class: str


def publish(request: PublishRequest, *, desired: Signer, clock: Clock) -> Published:
    """Publish a release that the gate passed; the desired state is replaced last, so that it never leads nowhere.

    Raises:
        RefusedError: the gate refused it, or took its decision back.
        NoDecisionError: there is no decision on these bytes.
        WrongClassError: there are some, for other device classes.
        ExpiredError: the decision is over.
        TrustError: no trusted key signed it, or a file is not the one that was decided on.
        UsageError: the desired state would make no sense: the message says why.
        RecordError: something cannot be written.
    """
    now_ns = clock.triple().realtime_ns
    release = read_release(request.release)
    target = request.out / RELEASES_FOLDER / release.sha256
    decision = _passed(request, release, target, now_ns)
    wanted = _desired(request, release, now_ns)
    envelope = sign(_statement(wanted), desired)
    try:
        _write_release(target, release, request.release, decision.envelope)
        write_atomic(request.out / DESIRED_FILE, envelope)
    except OSError as error:
        raise RecordError(f"{request.out} cannot be written: {error.strerror}", hint="free some space") from error
    return Published(
        release_sha256=release.sha256,
        sequence=wanted.sequence,
        release_folder=target,
        desired=request.out / DESIRED_FILE,
        device_class=request.device_class,
    )


def _passed(request: PublishRequest, release: FoundRelease, target: Path, now_ns: int) -> FoundDecision:
    """Return the decision that lets a release out: of those beside it and those that were published before.

    What lies with the published release counts too: a revocation there must not be written over.
    """
    known = _known(request, target)
    of_release = [one for one in known.decisions if one.decision.release_sha256 == release.sha256]
    for one in known.uncounted if not of_release else ():
        raise one.why
    if known.decisions and not of_release:
        other = known.decisions[-1].decision.release_sha256
        raise NoDecisionError(
            f"the gate decided on the release {other[:12]}; {request.release} holds {release.sha256[:12]}",
            hint=f"hilrig gate check {request.release}",
        )
    found = counting(of_release, AskingDevice(device_class=request.device_class, stack_sha256=None))
    _refuse_revoked(of_release, found)
    _refuse_other(request, release, found)
    refuse_over(found, known, now_ns=now_ns)
    return found


def _known(request: PublishRequest, target: Path) -> FoundDecisions:
    folders = [folder for folder in (request.release, target) if folder.is_dir()]
    read = [read_decisions(folder, request.gate) for folder in folders]
    for one in (one for some in read[1:] for one in some.decisions):
        if one.decision.device_class != request.device_class:
            raise UsageError(
                f"{target} is published for {one.decision.device_class}: a published release is for one class",
                hint="give each class its own --out",
            )
    return FoundDecisions(
        decisions=tuple(one for some in read for one in some.decisions),
        uncounted=tuple(one for some in read for one in some.uncounted),
    )


def _refuse_revoked(of_release: Sequence[FoundDecision], found: FoundDecision) -> None:
    """Refuse a release that was revoked for this class, also when a gate that did not know it passed it later."""
    for one in of_release:
        decision = one.decision
        if one.is_revocation and decision.device_class == found.decision.device_class:
            raise RefusedError(
                f"the release was revoked for {decision.device_class} at {decision.decided_at_utc}: {one.path}",
                hint="make a new release: hilrig gate manifest --out NEW",
            )


def _refuse_other(request: PublishRequest, release: FoundRelease, found: FoundDecision) -> None:
    """Refuse a decision that says no, or that is on another model, class or manifest than lie here."""
    decision = found.decision
    if not decision.passed:
        raise RefusedError(
            f"the gate refused {release.manifest.name} {release.manifest.version} for"
            f" {decision.device_class} at {decision.decided_at_utc}",
            hint=f"the reasons lie beside {found.path}",
        )
    if decision.device_class not in release.manifest.device_classes:
        raise WrongClassError(
            f"the release is for {', '.join(release.manifest.device_classes)}, not for {decision.device_class}"
        )
    if (dict(decision.model_files_sha256), decision.bundle_sha256) != (
        dict(release.model_files_sha256),
        release.manifest.bundle_sha256,
    ):
        raise TrustError(f"{found.path} is not on the model files of {request.release}")
    manifest = read_release_file(request.release / MANIFEST_FILE, max_bytes=MAX_SMALL_BYTES)
    if manifest is None or sha256_hex(manifest) != decision.manifest_sha256:
        raise NoDecisionError(
            f"{request.release / MANIFEST_FILE} is not the one that the gate decided on",
            hint=f"hilrig gate check {request.release} --evidence DIR --key gate.pem",
        )


def _desired(request: PublishRequest, release: FoundRelease, now_ns: int) -> DesiredState:
    return DesiredState(
        release_sha256=release.sha256,
        nodes=request.nodes,
        device_class=request.device_class,
        sequence=now_ns // NS_PER_S if request.sequence is None else request.sequence,
        issued_at_utc=utc_text(now_ns),
        expires_at_utc=utc_text(now_ns + round(request.expires_days * DAY_NS)),
        release_url=f"{RELEASES_FOLDER}/{release.sha256}",
        rollout=request.rollout,
        allow_again=request.allow_again,
    )


def _statement(desired: DesiredState) -> bytes:
    try:
        return build_desired_state(desired)
    except TrustError as error:  # here it is no matter of trust: somebody asked for what makes no sense
        raise UsageError(error.message, hint="hilrig node publish --help") from error


def _write_release(target: Path, release: FoundRelease, source: Path, decision: bytes) -> None:
    """Write a release beside its place, then give it its name; one that is there whole gets the decision alone."""
    if _is_whole(target, release):
        write_atomic(target / GATE_DECISION_FILE, decision)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    built = Path(tempfile.mkdtemp(dir=target.parent, prefix=".new-"))
    try:
        built.chmod(0o755)
        (built / FILES_FOLDER).mkdir()
        _copy(source / RELEASE_FILE, built / RELEASE_FILE, release.sha256)
        for sha256 in {file.sha256 for file in release.manifest.files}:
            _copy(source / FILES_FOLDER / sha256, built / FILES_FOLDER / sha256, sha256)
        _write(built / GATE_DECISION_FILE, decision)
        shutil.rmtree(target, ignore_errors=True)
        built.rename(target)
    finally:
        shutil.rmtree(built, ignore_errors=True)
    sync_folder(target.parent)


def _is_whole(target: Path, release: FoundRelease) -> bool:
    try:
        return read_release(target).sha256 == release.sha256
    except TrustError:
        return False


def _copy(source: Path, target: Path, sha256: str) -> None:
    data = read_release_file(source, max_bytes=MAX_FILE_BYTES)
    if data is None or sha256_hex(data) != sha256:
        raise TrustError(f"{source} changed while it was published", hint="publish again")
    _write(target, data)


def _write(target: Path, data: bytes) -> None:
    with target.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
