"""A rig's own signing key: made on the rig, its public half accepted here once, by a person."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.app.rigs.link import RigLink, linked
from hilrig.app.trust.trust import TrustedKeys
from hilrig.attest.pem import parse_public_key
from hilrig.attest.public_key import PublicKey
from hilrig.core.errors import PreconditionError, TrustError, UsageError
from hilrig.core.rig import RigSpec
from hilrig.core.trust import Role
from hilrig.record.run_directory import write_atomic

KEY_S: Final = 60.0
"""A board that has just booted takes ten seconds to import what makes a key."""

_PRIVATE_MODE: Final = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolledKey:
    """A rig's accepted key: its file here, its fingerprint, whether it is new here."""

    path: Path
    fingerprint: str
    is_new: bool


def enroll_signing_key(
    spec: RigSpec, *, keys_folder: Path, replace: bool = False, trusted: TrustedKeys | None = None
) -> EnrolledKey:
    """Fetch the public key of a rig and accept it as `keys_folder/<rig>.pub`; the rig makes one when it has none.

    Args:
        spec: the rig.
        keys_folder: of this user's keys.
        replace: whether another key than the accepted one takes its place: a person said so.
        trusted: of a trust root that must have the key, for the rig's device class; None: a person decides.

    Raises:
        TrustError: another key was accepted for this rig, or the rig sends none that hilrig accepts, or its key
            does not count in the trust root.
        UsageError: the rig has the name of one of this user's own keys.
        HilrigError: the rig cannot be reached.
    """
    with linked(spec) as link:
        if trusted is not None:
            _require_trusted(link, trusted)
        return accept_signing_key(link, keys_folder=keys_folder, replace=replace)


def _require_trusted(link: RigLink, trusted: TrustedKeys) -> None:
    trusted.require(
        offered_key(link)[1].fingerprint,
        role=Role.RIG,
        device_class=link.spec.device_class,
        signed_ns=time.time_ns(),
    )


def accept_signing_key(link: RigLink, *, keys_folder: Path, replace: bool = False) -> EnrolledKey:
    """Do what `enroll_signing_key` does over an open line."""
    name = link.spec.name
    path = accepted_path(name, keys_folder)
    pem, offered = offered_key(link)
    if path.exists() and not replace:
        refuse_changed(name, path, offered)
        return EnrolledKey(path=path, fingerprint=offered.fingerprint, is_new=False)
    try:
        keys_folder.mkdir(mode=_PRIVATE_MODE, parents=True, exist_ok=True)
        write_atomic(path, pem)
    except OSError as error:
        raise PreconditionError(
            f"{path} cannot be written: {error.strerror}", hint="check the key folder"
        ) from error
    return EnrolledKey(path=path, fingerprint=offered.fingerprint, is_new=True)


def require_accepted(link: RigLink, *, keys_folder: Path) -> Path:
    """Return the file of the key that was accepted for a rig, when the rig still has that one.

    A rig that is this machine, reached as this user, is accepted as it is.

    Raises:
        PreconditionError: none was accepted.
        TrustError: the rig has another one.
    """
    name = link.spec.name
    path = accepted_path(name, keys_folder)
    if not path.exists():
        if link.spec.transport == "local":
            return accept_signing_key(link, keys_folder=keys_folder).path
        raise PreconditionError(
            f"the signing key of rig {name} was not accepted here yet: what it signs would prove nothing",
            hint=f"hilrig rigs enroll {name}",
        )
    refuse_changed(name, path, offered_key(link)[1])
    return path


def accepted_path(name: str, keys_folder: Path) -> Path:
    """Return where the accepted key of a rig is, or would be.

    Raises:
        UsageError: this user has an own key of that name.
    """
    if (keys_folder / f"{name}.pem").exists():
        raise UsageError(
            f"rig {name} has the name of one of your own keys, {keys_folder / name}.pem",
            hint="give the rig, or the key, another name",
        )
    return keys_folder / f"{name}.pub"


def offered_key(link: RigLink) -> tuple[bytes, PublicKey]:
    """Return the public key of a rig, as PEM and as a key; the rig makes one when it has none."""
    pem = str(link.whole("hilrig.app.rigs.side", "key", silence_s=KEY_S).get("public_pem", "")).encode()
    return pem, parse_public_key(pem, name=f"the key of rig {link.spec.name}")


def refuse_changed(name: str, path: Path, offered: PublicKey) -> None:
    """Refuse another key than the one that was accepted.

    Raises:
        TrustError: it is another one.
    """
    accepted = parse_public_key(path.read_bytes(), name=str(path))
    if accepted.fingerprint != offered.fingerprint:
        raise TrustError(
            f"rig {name} has another signing key than the one that was accepted: expected {accepted.fingerprint}, "
            f"found {offered.fingerprint}",
            hint=f"ask whoever keeps the rig; if it was set up anew: hilrig rigs enroll {name} --replace",
        )
