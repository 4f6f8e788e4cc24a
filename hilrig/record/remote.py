"""remote.json: this run directory is the mirror of a run on a rig.

It will be that run when it was fetched.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.core.rig import RigSpec
from hilrig.record.run_directory import write_atomic
from hilrig.record.untrusted_file import read_json_object, read_untrusted

REMOTE: Final = "remote.json"
REMOTE_MAX_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRun:
    """Where a run is, and what it must be when it comes back.

    Args:
        rig: the rig that it is on.
        run_id: the run's name there.
        boot_id: of the rig when the run was sent.
        profile_sha256: of the profile.yaml that was sent.
    """

    rig: RigSpec
    run_id: str
    boot_id: str
    profile_sha256: str


def write_remote(folder: Path, remote: RemoteRun) -> None:
    """Say in `folder` where its run is.

    Raises:
        OSError: it cannot be written.
    """
    from hilrig.config.noun_json import to_json

    write_atomic(folder / REMOTE, to_json(remote))


def read_remote(folder: Path) -> RemoteRun | None:
    """Return where the run of `folder` is; None when it is a run of this machine, or was fetched.

    Raises:
        RecordError: the file is none that hilrig writes.
    """
    from hilrig.config.noun_json import from_json  # with pydantic, which a list of runs does without

    data = read_untrusted(folder / REMOTE, max_bytes=REMOTE_MAX_BYTES)
    return None if data is None else from_json(RemoteRun, data, what=str(folder / REMOTE))


def rig_of(folder: Path) -> str:
    """Return the name of the rig that the run of `folder` is on; empty for a run of here, or a fetched one.

    Raises:
        RecordError: the file is none that hilrig writes.
    """
    found = read_json_object(folder / REMOTE, max_bytes=REMOTE_MAX_BYTES) or {}
    rig = found.get("rig")
    return str(rig.get("name", "")) if isinstance(rig, dict) else ""
