"""The newest trust state that this user has seen, so that nobody can lead them back.

It holds the newest trust root and the latest time that the clock showed. The whole newest root is kept: the next
one must be signed by the thresholds of both.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.attest.validity import CLOCK_SKEW_NS
from hilrig.config.noun_json import from_json, to_json
from hilrig.core.errors import PreconditionError, RecordError, TrustError
from hilrig.core.trust import TrustRoot
from hilrig.core.units import NS_PER_S
from hilrig.record.run_directory import write_atomic
from hilrig.record.untrusted_file import read_untrusted
from hilrig.record.utc import utc_text

FLOOR_FILE: Final = "trust_floor.json"
FLOOR_FORMAT: Final = "hilrig.trust-floor/1"

_MAX_BYTES: Final = 4 << 20
_STEP_NS: Final = 60 * NS_PER_S
"""A later time is written down after a minute: a look at a run should not cost a write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustFloor:
    """The newest trust root that was accepted here, and the latest time that the clock showed then."""

    format: str = FLOOR_FORMAT
    latest_ns: int
    root: TrustRoot


@contextmanager
def floor_locked(path: Path) -> Iterator[None]:
    """Keep others from writing the floor at `path` meanwhile: of two at once the newer must stay.

    Raises:
        PreconditionError: its folder cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def read_floor(path: Path) -> TrustFloor | None:
    """Return what was seen; None where no root was ever accepted.

    Raises:
        TrustError: it was kept and cannot be read: nobody can tell then what is old.
    """
    hint = f"if you know why, ask for the newest trust.json, then remove {path}"
    try:
        data = read_untrusted(path, max_bytes=_MAX_BYTES)
        floor = None if data is None else from_json(TrustFloor, data, what=str(path))
    except RecordError as error:
        raise TrustError(error.message, hint=hint) from error
    if floor is not None and floor.format != FLOOR_FORMAT:
        raise TrustError(f"{path} has the format {floor.format[:40]!a}; expected {FLOOR_FORMAT}", hint=hint)
    return floor


def keep_floor(path: Path, before: TrustFloor | None, root: TrustRoot, *, now_ns: int) -> None:
    """Write down that `root` was accepted now, where that is news.

    Raises:
        PreconditionError: it cannot be written.
    """
    if before is not None and before.root == root and now_ns < before.latest_ns + _STEP_NS:
        return
    latest_ns = max(now_ns, before.latest_ns if before else 0)
    try:
        write_atomic(path, to_json(TrustFloor(latest_ns=latest_ns, root=root)))
    except OSError as error:
        raise _unwritable(path, error) from error


def refuse_clock_before(floor: TrustFloor, *, now_ns: int, path: Path) -> None:
    """Refuse to judge by a clock that shows an earlier time than it did once.

    Raises:
        PreconditionError: it does.
    """
    if now_ns + CLOCK_SKEW_NS < floor.latest_ns:
        raise PreconditionError(
            f"this machine's clock shows {utc_text(now_ns)}, but it has shown {utc_text(floor.latest_ns)} before:"
            " nobody can tell what is over",
            hint=f"set the clock (timedatectl, chronyc makestep); if it was wrong then, remove {path}",
        )


def _unwritable(path: Path, error: OSError) -> PreconditionError:
    return PreconditionError(
        f"{path} cannot be written: {error.strerror}; without it an old trust root could come back",
        hint="make its folder writable, or choose another with HILRIG_HOME",
    )
