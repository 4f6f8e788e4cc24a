"""stop.json: somebody at another terminal, or at the rig's page, asks a run to end."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.config.noun_json import from_json, to_json
from hilrig.core.errors import RecordError
from hilrig.core.files import RESULT, STOP_REQUEST
from hilrig.core.run import Ended
from hilrig.record.run_directory import write_atomic
from hilrig.record.untrusted_file import read_json_object, read_untrusted

REQUEST_MAX_BYTES: Final = 16 << 10
RESULT_MAX_BYTES: Final = 64 << 20
REQUESTED: Final = frozenset({Ended.ABORTED, Ended.LEASE_LOST})
"""The ends that can be asked for: none of them is one that a run could pass with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequest:
    """Who asked, why, and when (UTC). Texts are one line each.

    `ended` is what the end is to be called: the operator's, or that of a run whose rig is not its own any more.
    """

    by: str
    reason: str
    at_utc: str
    ended: Ended = Ended.ABORTED

    def __post_init__(self) -> None:
        if self.ended not in REQUESTED:
            raise ValueError(f"nobody can ask for the end '{self.ended.value}'")

    @property
    def words(self) -> str:
        """Return it as the reason of the run's end."""
        if self.ended is Ended.LEASE_LOST:
            return f"the lease of the rig was lost: {self.reason or 'nobody said why'}"
        why = f": {self.reason}" if self.reason else ""
        return f"stopped by {self.by or 'somebody'}{why}"


def write_stop_request(folder: Path, request: StopRequest) -> None:
    """Ask the run in `folder` to end: its process looks ten times a second.

    Raises:
        RecordError: the folder cannot be written: it is gone, or somebody else's.
    """
    try:
        write_atomic(folder / STOP_REQUEST, to_json(request))
    except OSError as error:
        raise RecordError(
            f"{folder} cannot be written: {error.strerror}", hint="stop it as the user who started it"
        ) from error


def read_stop_request(folder: Path) -> StopRequest | None:
    """Return the request in a run directory, None when there is none: then this costs one `stat`.

    A file of that name that cannot be read is a request all the same: its writer wanted the run to end.
    """
    if not os.path.lexists(folder / STOP_REQUEST):
        return None
    try:
        data = read_untrusted(folder / STOP_REQUEST, max_bytes=REQUEST_MAX_BYTES)
        return None if data is None else from_json(StopRequest, data, what=STOP_REQUEST)
    except RecordError:
        return StopRequest(by="", reason=f"{STOP_REQUEST} cannot be read", at_utc="")


def withdraw_late_request(folder: Path) -> None:
    """Remove a request that came after the run's files were hashed: no signature covers it.

    Raises:
        RecordError: result.json cannot be read.
        OSError: the request cannot be removed.
    """
    result = read_json_object(folder / RESULT, max_bytes=RESULT_MAX_BYTES)
    if result is not None and STOP_REQUEST not in result.get("files", {}):
        (folder / STOP_REQUEST).unlink(missing_ok=True)
