"""Making a trust root, its next versions included.

One that waits for signatures lies beside the one that counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from securesystemslib.signer import Signer

from hilrig.app.trust.floor import read_floor
from hilrig.app.trust.trust import floor_path, read_root_file, version_path
from hilrig.attest.public_key import PublicKey, public_key_der
from hilrig.attest.several import sign_several, sign_too
from hilrig.attest.trust_root import RootSignatures, build_root, inspect_root, verify_root
from hilrig.attest.trust_root_sense import canonical_pem
from hilrig.core.errors import PreconditionError, TrustError, UsageError
from hilrig.core.trust import ANY_CLASS, Role, RoleKeys, TrustedKey, TrustRoot
from hilrig.core.units import NS_PER_S
from hilrig.record.run_directory import write_atomic
from hilrig.record.utc import utc_text

_NS_PER_DAY: Final = 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that is to be trusted in a role, from `not_before_ns` on, or from when the root is made."""

    role: Role
    public_key: PublicKey
    owner: str
    device_classes: tuple[str, ...] = (ANY_CLASS,)
    approver_roles: tuple[str, ...] = ()
    not_before_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RootChange:
    """What a new version of a trust root changes.

    Args:
        add: keys; one that is known already gets a new period and new classes.
        remove: fingerprints of keys that are forgotten.
        revoke: fingerprints of keys that stay known as revoked.
        threshold: of root keys; None: as before, of the first root two, or one where there is one key.
        expires_days: how long the new version holds.
        key_days: how long an added key counts.
    """

    add: Sequence[NewKey] = ()
    remove: frozenset[str] = field(default_factory=frozenset)
    revoke: frozenset[str] = field(default_factory=frozenset)
    threshold: int | None = None
    expires_days: float
    key_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeRoot:
    """A root that was written: where, and whether it counts already or waits for signatures."""

    path: Path
    found: RootSignatures

    @property
    def counts(self) -> bool:
        """Return whether its thresholds are reached."""
        return not self.found.lacks


def first_root(path: Path, change: RootChange, signers: Sequence[Signer], *, now_ns: int) -> MadeRoot:
    """Make version 1 of a trust root; it lies at `path` once enough root keys signed it.

    Raises:
        UsageError: there is one already.
        TrustError: it would make no sense: the message says why.
    """
    for taken in (path, waiting_path(path)):
        if taken.exists():
            raise UsageError(f"{taken} exists", hint=f"hilrig trust rotate {path}, or hilrig trust sign {path}")
    return _write(path, _changed(None, change, now_ns), signers, previous=None)


def next_root(
    path: Path, change: RootChange, signers: Sequence[Signer], *, now_ns: int, floor: Path | None = None
) -> MadeRoot:
    """Make the next version of the root at `path`; it takes its place once the thresholds of both are reached.

    Args:
        path: of the root; it may be over, never older than one that was seen here.
        change: what becomes different.
        signers: of root keys, old or new.
        now_ns: CLOCK_REALTIME.
        floor: the file that keeps what was seen. [default: this user's]

    Raises:
        UsageError: another next version still waits, or a key to remove or revoke is not in the root.
        TrustError: the root at `path` does not hold, a newer one was seen here, or the next would make no sense.
    """
    waiting = waiting_path(path)
    if waiting.exists():
        raise UsageError(f"{waiting} still waits for signatures", hint=f"hilrig trust sign {path}, or remove it")
    previous = verify_root(read_root_file(path), previous=None, name=str(path))
    _refuse_older(path, previous, floor)
    return _write(path, _changed(previous, change, now_ns), signers, previous=previous)


def sign_waiting(path: Path, signers: Sequence[Signer]) -> MadeRoot:
    """Add signatures to the root that waits beside `path`; it takes its place once the thresholds are reached.

    Raises:
        UsageError: none waits, or a key signed it already.
        TrustError: the root does not hold, or a key is no root key, old or new.
    """
    waiting = waiting_path(path)
    if not waiting.exists():
        raise UsageError(f"no root waits for signatures beside {path}", hint=f"hilrig trust rotate {path}")
    previous = _previous(path)
    data = read_root_file(waiting)
    inspect_root(data, previous=previous, name=str(waiting))
    for signer in signers:
        data = sign_too(data, signer, name=str(waiting))
    return _place(path, data, signers, previous)


def waiting_path(path: Path) -> Path:
    """Return where the next version of the root at `path` waits for its signatures."""
    return path.with_name(f"{path.stem}.next{path.suffix}")


def _previous(path: Path) -> TrustRoot | None:
    return verify_root(read_root_file(path), previous=None, name=str(path)) if path.exists() else None


def _refuse_older(path: Path, root: TrustRoot, floor: Path | None) -> None:
    seen = read_floor(floor or floor_path())
    if seen is not None and seen.root.version > root.version:
        raise TrustError(
            f"{path} is version {root.version}: a newer root was seen here, version {seen.root.version}",
            hint="take the newest trust.json from whoever keeps it: two roots of one version would part the plant",
        )


def _write(path: Path, root: TrustRoot, signers: Sequence[Signer], *, previous: TrustRoot | None) -> MadeRoot:
    return _place(path, sign_several(build_root(root), signers), signers, previous)


def _place(path: Path, data: bytes, signers: Sequence[Signer], previous: TrustRoot | None) -> MadeRoot:
    """Write a root: in its place when it holds, beside it while it waits."""
    found = inspect_root(data, previous=previous, name=str(waiting_path(path)))
    _refuse_useless(found, signers)
    try:
        if found.lacks:
            write_atomic(waiting_path(path), data)
            return MadeRoot(path=waiting_path(path), found=found)
        if previous is not None:
            write_atomic(version_path(path, previous.version), read_root_file(path))
        write_atomic(path, data)
        waiting_path(path).unlink(missing_ok=True)
    except OSError as error:
        raise PreconditionError(f"{path} cannot be written: {error.strerror}", hint="check the folder") from error
    return MadeRoot(path=path, found=found)


def _refuse_useless(found: RootSignatures, signers: Sequence[Signer]) -> None:
    for signer in signers:
        if signer.public_key.keyid not in found.signed_by:
            raise TrustError(
                f"{signer.public_key.keyid} is no root key, old or new, that counts: nobody needs its signature",
                hint="hilrig trust show; to add it: hilrig trust rotate --root FILE.pub",
            )


def _changed(previous: TrustRoot | None, change: RootChange, now_ns: int) -> TrustRoot:
    keys = dict(previous.keys) if previous else {}
    roles = {key: role for role, names in (previous.roles if previous else {}).items() for key in names.keys}
    for name in (*change.remove, *change.revoke):
        if name not in keys:
            raise UsageError(f"{name} is not in the trust root", hint="hilrig trust show")
    for new in change.add:
        name = new.public_key.fingerprint
        _refuse_other_role(new, roles.get(name))
        keys[name] = _trusted(new, keys.get(name), now_ns, change.key_days)
        roles[name] = new.role.value
    keys = {name: _revoked(key, change, now_ns) for name, key in keys.items() if name not in change.remove}
    return TrustRoot(
        version=previous.version + 1 if previous else 1,
        issued_at_utc=_utc(now_ns),
        expires_at_utc=_utc(now_ns + round(change.expires_days * _NS_PER_DAY)),
        roles=_roles({name: roles[name] for name in keys}, _threshold(previous, change, roles)),
        keys=keys,
    )


def _refuse_other_role(new: NewKey, role: str | None) -> None:
    if role is not None and role != new.role.value:
        raise UsageError(
            f"the key of {new.owner}, {new.public_key.fingerprint}, is a {role} key; it cannot be a"
            f" {new.role.value} key too: who measures never decides",
            hint="make another key: hilrig keys new NAME",
        )


def _trusted(new: NewKey, known: TrustedKey | None, now_ns: int, key_days: float) -> TrustedKey:
    if known is not None and known.revoked_at_utc:
        raise UsageError(f"{known.fingerprint} was revoked; a revoked key never comes back", hint="make a new key")
    begin = _utc(now_ns if new.not_before_ns is None else new.not_before_ns)
    return TrustedKey(
        fingerprint=new.public_key.fingerprint,
        public_key=canonical_pem(public_key_der(new.public_key.sslib)),
        owner=new.owner,
        device_classes=tuple(sorted(set(new.device_classes))),
        approver_roles=tuple(sorted(set(new.approver_roles))),
        not_before_utc=min(begin, known.not_before_utc) if known else begin,
        not_after_utc=_utc(now_ns + round(key_days * _NS_PER_DAY)),
    )


def _revoked(key: TrustedKey, change: RootChange, now_ns: int) -> TrustedKey:
    if key.fingerprint not in change.revoke or key.revoked_at_utc:
        return key
    return replace(key, revoked_at_utc=_utc(now_ns))


def _roles(roles: Mapping[str, str], threshold: int) -> dict[str, RoleKeys]:
    """Return the keys of each role; of all but the root one signature is enough, as each statement has one."""
    names = {role: tuple(sorted(key for key, one in roles.items() if one == role)) for role in roles.values()}
    return {
        role: RoleKeys(keys=keys, threshold=threshold if role == Role.ROOT.value else 1)
        for role, keys in sorted(names.items())
    }


def _threshold(previous: TrustRoot | None, change: RootChange, roles: Mapping[str, str]) -> int:
    if change.threshold is not None:
        return change.threshold
    if previous is not None:
        return previous.roles[Role.ROOT.value].threshold
    return min(2, sum(role == Role.ROOT.value for role in roles.values()))


def _utc(moment_ns: int) -> str:
    """Return a moment to the second: people read these."""
    return utc_text(moment_ns)[: len("2026-11-21T05:33:12")] + "Z"
