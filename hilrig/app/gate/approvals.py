"""A person approves the manifest in a release folder."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from securesystemslib.signer import Signer

from hilrig.app.gate.manifest import read_manifest
from hilrig.attest.approval import build_approval
from hilrig.attest.envelope import sign
from hilrig.core.approval import Approval
from hilrig.core.errors import PreconditionError, TrustError, UsageError
from hilrig.core.units import NS_PER_S
from hilrig.record.utc import utc_text

APPROVALS_FOLDER: Final = "approvals"
MAX_APPROVALS: Final = 256
"""Nobody approves one release more often: something repeats itself."""

_SUFFIX: Final = ".dsse.json"
_NS_PER_DAY: Final = 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequest:
    """What a person wants to sign: see `hilrig.core.approval.Approval`."""

    role: str
    reason: str
    waives: tuple[str, ...]
    expires_days: float


def approve(release: Path, request: ApprovalRequest, signer: Signer, *, now_ns: int) -> tuple[Path, Approval]:
    """Sign an approval of the manifest in a release folder; return its file and what was signed.

    Raises:
        TrustError: the folder has no sound manifest.
        UsageError: no gate would accept the approval: the message says why.
        PreconditionError: it cannot be written.
    """
    _, manifest_sha256 = read_manifest(release)
    approval = Approval(
        manifest_sha256=manifest_sha256,
        role=request.role,
        reason=request.reason.strip(),
        waives=tuple(sorted(set(request.waives))),
        issued_at_utc=utc_text(now_ns),
        expires_at_utc=utc_text(now_ns + round(request.expires_days * _NS_PER_DAY)),
    )
    envelope = sign(_statement(approval), signer)
    return _write_new(release / APPROVALS_FOLDER, str(signer.public_key.keyid), envelope), approval


def _statement(approval: Approval) -> bytes:
    try:
        return build_approval(approval)
    except TrustError as error:  # here it is no matter of trust: somebody asked for what no gate would accept
        raise UsageError(error.message, hint=error.hint) from error


def _write_new(folder: Path, fingerprint: str, data: bytes) -> Path:
    """Write the next approval by this key: one is never replaced."""
    stem = fingerprint.removeprefix("SHA256:").replace("/", "_").replace("+", "-")[:16]
    try:
        folder.mkdir(exist_ok=True)
        for number in range(1, MAX_APPROVALS + 1):
            path = folder / f"{stem}-{number}{_SUFFIX}"
            if not path.exists() and _created(path, data):
                return path
    except OSError as error:
        raise PreconditionError(
            f"{folder} cannot be written: {error.strerror}", hint="check the folder"
        ) from error
    raise UsageError(f"{folder} holds {MAX_APPROVALS} approvals by this key", hint="remove those that are over")


def _created(path: Path, data: bytes) -> bool:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(fd)
    return True
