"""The token of the technician's page: fresh with every start, or kept in a file that only its user can read."""

import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

from hilrig.core.errors import TrustError

TOKEN_BYTES: Final = 32
"""256 random bits: nobody guesses it, whatever the rate."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{32,128}")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def fresh_token() -> str:
    """Return a new token."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def kept_token(path: Path) -> str:
    """Return the token in `path`; make the file, mode 0600, when it is missing.

    Raises:
        TrustError: others can reach the file, it is no regular file of this user, or holds no token.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return _made(path)
    except OSError as error:
        raise TrustError(
            f"the token file {path} cannot be read: {error.strerror}", hint="check the path"
        ) from error
    with os.fdopen(fd, "rb") as file:
        _refuse_shared(path, os.fstat(fd))
        text = file.read(1024).decode(errors="replace").strip()
    if not _TOKEN.fullmatch(text):
        raise TrustError(
            f"{path} should hold one token of 32 to 128 letters, digits, - and _, found something else",
            hint="remove the file: hilrig serve makes a new one",
        )
    return text


def _made(path: Path) -> str:
    token = fresh_token()
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise TrustError(
            f"the token file {path} cannot be made: {error.strerror}", hint="name a file in a folder of yours"
        ) from error
    with os.fdopen(fd, "w") as file:
        file.write(token + "\n")
    return token


def _refuse_shared(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise TrustError(f"{path} is not a regular file", hint="name a file")
    if found.st_uid != os.geteuid():
        raise TrustError(
            f"{path} belongs to user {found.st_uid}, expected {os.geteuid()}", hint="use a file of yours"
        )
    if found.st_mode & _OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise TrustError(f"{path} has mode {mode:04o}: others can reach it", hint=f"chmod 600 {path}")
