"""Key files in a folder: `NAME.pem` holds the private half, `NAME.pub` the public one."""

import os
import re
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from securesystemslib.signer import Signer

from hilrig.attest.hsm import is_token_uri, load_token_signer
from hilrig.attest.pem import parse_public_key, parse_signer
from hilrig.attest.public_key import PublicKey, accept_public_key
from hilrig.core.errors import HilrigError, PreconditionError, TrustError, UsageError

PRIVATE_SUFFIX: Final = ".pem"
PUBLIC_SUFFIX: Final = ".pub"
MAX_KEY_BYTES: Final = 16_384
MAX_PASSPHRASE_BYTES: Final = 1_023  # what OpenSSL takes for PEM
LINE_END_BYTES: Final = 2  # of the longest, CR LF

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """A key in a folder. `private_path` is None where only the public half is there."""

    name: str
    fingerprint: str
    algorithm: str
    public_path: Path
    private_path: Path | None


def create_key(folder: Path, name: str, *, passphrase: bytes | None) -> KeyInfo:
    """Make an ECDSA P-256 key, write both halves into `folder` (made when missing); return what was made.

    The private half is readable by its owner alone from its first byte; an existing file is never replaced.

    Raises:
        UsageError: the name is not a plain file name, the passphrase is empty or too long, or the key exists.
        TrustError: others have access to the folder.
        PreconditionError: the files cannot be written.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name}' cannot name a key", hint="letters, digits, '.', '_' and '-', at most 64")
    if passphrase is not None:
        _check_passphrase(passphrase, "the passphrase")
    _private_folder(folder)
    key = generate_private_key(SECP256R1())
    public_path = _write_pair(folder / name, key, passphrase)
    return _info(public_path, accept_public_key(key.public_key(), name=str(public_path)))


def load_signer(path: Path, *, passphrase: bytes | None) -> Signer:
    """Return the signer of the private key in `path`, ECDSA P-256 or Ed25519; its key id is the fingerprint.

    `hsm:ID?label=TOKEN` is a key in a token, its PIN the passphrase: see `hilrig.attest.hsm`.
    A link is followed, as secret stores mount keys through links: the file that it leads to must be private.

    Raises:
        TrustError: the file is missing, not private or not the user's own, the passphrase does not fit, or it is
            not a private key that hilrig accepts.
        PreconditionError: the token, its library or its key is not there.
    """
    if is_token_uri(str(path)):
        return load_token_signer(str(path), pin=passphrase)
    data = _read_private(path, max_bytes=MAX_KEY_BYTES)
    return parse_signer(data, name=str(path), passphrase=passphrase)


def read_passphrase(file: Path | None, fd: int | None) -> bytes | None:
    """Return the passphrase in a private file or behind a file descriptor, less one line end; None without either.

    Raises:
        UsageError: both are given, the descriptor is not open, or the passphrase is empty or too long.
        TrustError: the file is missing, not private or not the user's own.
    """
    if file is not None and fd is not None:
        raise UsageError("a passphrase file and a passphrase descriptor were given", hint="give one of the two")
    if file is not None:
        data = _read_private(file, max_bytes=MAX_PASSPHRASE_BYTES + LINE_END_BYTES)
        return _check_passphrase(_without_line_end(data), f"the passphrase in {file}")
    if fd is not None:
        return _check_passphrase(_without_line_end(_read_fd(fd)), f"the passphrase on descriptor {fd}")
    return None


def load_public_keys(paths: Iterable[Path]) -> tuple[PublicKey, ...]:
    """Return the public keys in `paths`, each key once, however many files hold it.

    Raises:
        TrustError: a file cannot be read, or is not a public key that hilrig accepts.
    """
    keys = (_load_public_key(path) for path in paths)
    return tuple({key.fingerprint: key for key in keys}.values())


def list_keys(folder: Path) -> tuple[KeyInfo, ...]:
    """Return the keys in `folder` by name; none when there is no such folder.

    Raises:
        TrustError: the folder or a file cannot be read, or a file is not a public key that hilrig accepts.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == PUBLIC_SUFFIX)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise TrustError(f"{folder} cannot be read: {error.strerror}", hint="check the path") from error
    return tuple(_info(path, _load_public_key(path)) for path in paths)


def _info(public_path: Path, key: PublicKey) -> KeyInfo:
    private_path = public_path.with_suffix(PRIVATE_SUFFIX)
    return KeyInfo(
        name=public_path.stem,
        fingerprint=key.fingerprint,
        algorithm=key.algorithm,
        public_path=public_path,
        private_path=private_path if private_path.is_file() else None,
    )


def _private_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as error:
        message = f"the key folder {folder} cannot be made: {error.strerror}"
        raise PreconditionError(message, hint="choose another folder") from error
    if found.st_mode & _OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise TrustError(f"{folder} has mode {mode:04o}; expected 0700", hint=f"chmod 700 {folder}")


def _write_pair(stem: Path, key: EllipticCurvePrivateKey, passphrase: bytes | None) -> Path:
    """Write both halves, or neither; return the path of the public one."""
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    private_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    public_pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    private_path = stem.with_name(stem.name + PRIVATE_SUFFIX)
    public_path = stem.with_name(stem.name + PUBLIC_SUFFIX)
    _create(private_path, private_pem, mode=0o600)
    try:
        _create(public_path, public_pem, mode=0o644)
    except HilrigError:
        private_path.unlink()
        raise
    return public_path


def _create(path: Path, data: bytes, *, mode: int) -> None:
    """Write a new file that has its mode from the moment it exists, and is on the disk afterwards."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError as error:
        raise UsageError(f"{path} exists; a key is never replaced", hint="choose another name") from error
    except OSError as error:
        raise PreconditionError(f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise PreconditionError(f"{path} cannot be written: {error.strerror}", hint="free some space") from error


def _load_public_key(path: Path) -> PublicKey:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe without a writer would hang
    except OSError as error:
        raise TrustError(f"{path} cannot be read: {error.strerror}", hint="check the path") from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise TrustError(f"{path} cannot be read: it is not a regular file", hint="check the path")
        data = os.read(fd, MAX_KEY_BYTES + 1)
    finally:
        os.close(fd)
    if len(data) > MAX_KEY_BYTES:
        raise TrustError(
            f"{path} is longer than {MAX_KEY_BYTES} bytes", hint="check the path: this is another file"
        )
    return parse_public_key(data, name=str(path))


def _read_private(path: Path, *, max_bytes: int) -> bytes:
    """Return the content of a file that only the user can read, judged by the very file that is read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe without a writer would hang
    except OSError as error:
        hint = f"hilrig keys new {path.stem}; those that are there: hilrig keys list"
        raise TrustError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    try:
        _refuse_shared(path, os.fstat(fd))
        data = os.read(fd, max_bytes + 1)
    finally:
        os.close(fd)
    if len(data) > max_bytes:
        raise TrustError(f"{path} is longer than {max_bytes} bytes", hint="check the path: this is another file")
    return data


def _refuse_shared(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise TrustError(f"{path} is not a regular file", hint="give a file")
    if found.st_uid != os.geteuid():
        message = f"{path} belongs to user {found.st_uid}; expected the user that reads it, {os.geteuid()}"
        raise TrustError(message, hint=f"copy it, then: chmod 600 {path}")
    if found.st_mode & _OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise TrustError(f"{path} has mode {mode:04o}: others can reach it", hint=f"chmod 600 {path}")


def _read_fd(fd: int) -> bytes:
    try:
        with os.fdopen(fd, "rb", closefd=False) as stream:
            return stream.read(MAX_PASSPHRASE_BYTES + LINE_END_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"descriptor {fd} cannot be read: {error}", hint="redirect into it, as in 3<FILE"
        ) from error


def _without_line_end(data: bytes) -> bytes:
    return data.removesuffix(b"\n").removesuffix(b"\r") if data.endswith(b"\n") else data


def _check_passphrase(passphrase: bytes, what: str) -> bytes:
    if not passphrase:
        raise UsageError(f"{what} is empty", hint="leave it out for a key without a passphrase")
    if len(passphrase) > MAX_PASSPHRASE_BYTES:
        raise UsageError(f"{what} is longer than {MAX_PASSPHRASE_BYTES} bytes", hint="choose a shorter one")
    return passphrase
