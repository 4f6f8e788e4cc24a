"""Which keys may sign what: the question of everybody who verifies. The trust root answers it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.app.folders import user_folder
from hilrig.app.trust.floor import (
    FLOOR_FILE,
    TrustFloor,
    floor_locked,
    keep_floor,
    read_floor,
    refuse_clock_before,
)
from hilrig.attest.dsse import MAX_ENVELOPE_BYTES
from hilrig.attest.public_key import PublicKey
from hilrig.attest.trust_root import key_validity, public_key_of, root_validity, verify_root
from hilrig.attest.validity import holds_at, refuse_outside
from hilrig.core.errors import ExpiredError, RecordError, TrustError, UnknownKeyError, WrongClassError
from hilrig.core.trust import ANY_CLASS, Role, TrustedKey, TrustRoot
from hilrig.record.untrusted_file import read_untrusted
from hilrig.record.utc import utc_text

_ROTATE: Final = "whoever keeps the trust root: hilrig trust rotate"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKeys:
    """The keys of a trust root that holds. Only `load_trust` makes one, after it looked at signatures and time."""

    root: TrustRoot

    def keys_of(self, role: Role) -> tuple[PublicKey, ...]:
        """Return all keys that a role ever had in this root, also those that are revoked, over or of a class."""
        return tuple(public_key_of(key) for key in self._of(role))

    def require(self, fingerprint: str, *, role: Role, device_class: str, signed_ns: int) -> TrustedKey:
        """Return a key whose signature was looked at, if it counts.

        Args:
            fingerprint: of the key.
            role: in which it signed.
            device_class: that its statement is about.
            signed_ns: when it signed, as the statement says: of a run its end.

        Raises:
            UnknownKeyError: the root does not know it in this role.
            TrustError: it is revoked.
            WrongClassError: it may not sign for this class.
            ExpiredError: it did not count yet, or no longer.
        """
        key = next((key for key in self._of(role) if key.fingerprint == fingerprint), None)
        if key is None:
            message = f"{fingerprint} is no key of the role {role.value} in {self._name}"
            raise UnknownKeyError(message, hint=_ROTATE)
        if key.revoked_at_utc:
            raise TrustError(
                f"the key {fingerprint} of {key.owner} was revoked at {key.revoked_at_utc}:"
                " none of its signatures count",
                hint="sign it anew with a key that holds",
            )
        if not _is_for(key, device_class):
            raise WrongClassError(
                f"the key {fingerprint} of {key.owner} may sign for {', '.join(key.device_classes)};"
                f" this is for {device_class[:80]!a}",
                hint=f"a {role.value} key of that class must sign it; or {_ROTATE}",
            )
        _refuse_time(key, signed_ns)
        return key

    def _of(self, role: Role) -> tuple[TrustedKey, ...]:
        keys = self.root.roles.get(role.value)
        return () if keys is None else tuple(self.root.keys[name] for name in keys.keys)

    @property
    def _name(self) -> str:
        return f"the trust root, version {self.root.version}"


def load_trust(path: Path, *, now_ns: int, floor: Path | None = None) -> TrustedKeys:
    """Return the trusted keys of the root in `path`, if it holds now and is not older than one seen before.

    The first root that is seen here is believed as it is: whoever gave its path knows where it came from. From
    then on each version must be signed by the one before; `trust.N.json` beside it are the versions in between.

    Args:
        path: of the root.
        now_ns: CLOCK_REALTIME.
        floor: the file that keeps what was seen. [default: this user's]

    Raises:
        TrustError: the root does not hold, or a newer one was seen here.
        ExpiredError: it is over.
        PreconditionError: the clock is not set, or what was seen cannot be written down.
    """
    floor = floor or floor_path()
    with floor_locked(floor):
        before = read_floor(floor)
        if before is not None:
            refuse_clock_before(before, now_ns=now_ns, path=floor)
        root = _accepted(path, before, floor)
        refuse_outside(root_validity(root), now_ns=now_ns, newest_signed_ns=0, name=f"the trust root {path}")
        keep_floor(floor, before, root, now_ns=now_ns)
    return TrustedKeys(root=root)


def floor_path() -> Path:
    """Return this user's floor file; `HILRIG_HOME` moves it."""
    return user_folder() / FLOOR_FILE


def read_root_file(path: Path) -> bytes:
    """Return the bytes of a trust root.

    Raises:
        TrustError: there is no such file, it is a link or a pipe, or too long.
    """
    hint = "hilrig trust init, or take it from whoever keeps it"
    try:
        data = read_untrusted(path, max_bytes=MAX_ENVELOPE_BYTES)
    except RecordError as error:
        raise TrustError(error.message, hint=hint) from error
    if data is None:
        raise TrustError(f"there is no {path}", hint=hint)
    return data


def version_path(path: Path, version: int) -> Path:
    """Return where an older version of the root in `path` lies: `trust.3.json` beside `trust.json`."""
    return path.with_name(f"{path.stem}.{version}{path.suffix}")


def _accepted(path: Path, before: TrustFloor | None, floor: Path) -> TrustRoot:
    data = read_root_file(path)
    root = verify_root(data, previous=None, name=str(path))
    if before is None:
        return root
    if root.version == before.root.version and root != before.root:
        raise TrustError(
            f"{path} is another root of version {root.version} than the one that was seen here",
            hint=f"ask whoever keeps it; for a root of somebody else's, remove {floor}",
        )
    if root == before.root:
        return root
    previous = before.root
    for version in range(previous.version + 1, root.version):
        between = version_path(path, version)
        previous = verify_root(read_root_file(between), previous=previous, name=str(between))
    return verify_root(data, previous=previous, name=str(path))


def _is_for(key: TrustedKey, device_class: str) -> bool:
    return ANY_CLASS in key.device_classes or device_class in key.device_classes


def _refuse_time(key: TrustedKey, signed_ns: int) -> None:
    if not holds_at(key_validity(key), signed_ns):
        raise ExpiredError(
            f"the key {key.fingerprint} of {key.owner} counts from {key.not_before_utc} to {key.not_after_utc};"
            f" this was signed at {utc_text(signed_ns)}",
            hint=f"sign it anew with a key that holds; or {_ROTATE}",
        )
