"""The work folder on a rig: where everything lies, under names that are safe."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.core.errors import UsageError

PRIVATE: Final = 0o700
"""Of a folder: what is in the work folder, the rig's signing key too, is nobody else's business."""

_RUN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]{0,99}")  # as the recorder asks for in a folder's name
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PART_MAX_BYTES: Final = 255  # of one name, on every file system of Linux
_PATH_MAX_BYTES: Final = 1024  # leaves room for the work folder within the kernel's 4096


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """The folder on a rig that hilrig works in."""

    path: Path

    @property
    def wheels(self) -> Path:
        """Return the folder of unpacked wheels, one for each digest."""
        return self.path / "hilrig"

    @property
    def blobs(self) -> Path:
        """Return the folder of files by content."""
        return self.path / "blobs"

    @property
    def lease(self) -> Path:
        """Return the record that says who holds the rig."""
        return self.path / "lease.json"

    @property
    def lease_lock(self) -> Path:
        """Return the file whose flock is held while the lease changes."""
        return self.path / "lease.lock"

    @property
    def home(self) -> Path:
        """Return HILRIG_HOME of the runs here."""
        return self.path / "home"

    @property
    def runs(self) -> Path:
        """Return the folder of runs."""
        return self.path / "runs"

    def blob(self, sha256: str) -> Path:
        """Return where the file of this content is, or would be."""
        return self.blobs / safe_sha256(sha256)

    def part(self, sha256: str) -> Path:
        """Return where a half upload of this content is, or would be."""
        return self.blobs / f"{safe_sha256(sha256)}.part"

    def run(self, run_id: str) -> "RunFolder":
        """Return the folder of one run, which need not be there.

        Raises:
            UsageError: the id is not safe in a path.
        """
        return RunFolder(self.runs / safe_run_id(run_id))


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run on a rig."""

    path: Path

    @property
    def run_id(self) -> str:
        """Return the run's name."""
        return self.path.name

    @property
    def job(self) -> Path:
        """Return what the keeper is to start; it is there when everything else is in place."""
        return self.path / "job.json"

    @property
    def profile(self) -> Path:
        """Return the profile's folder."""
        return self.path / "profile"

    @property
    def rig_file(self) -> Path:
        """Return the rig file of the run there."""
        return self.path / "rig.yaml"

    @property
    def reports(self) -> Path:
        """Return the folder that gets the one run directory."""
        return self.path / "reports"

    @property
    def events(self) -> Path:
        """Return the numbered events."""
        return self.path / "events.jsonl"

    @property
    def keeper(self) -> Path:
        """Return the file that names the keeper's process."""
        return self.path / "keeper.json"

    @property
    def followed(self) -> Path:
        """Return the file that `follow` touches while somebody listens."""
        return self.path / "followed"

    @property
    def stop(self) -> Path:
        """Return the request to end the run in order."""
        return self.path / "stop.json"

    @property
    def cancel(self) -> Path:
        """Return the request to end every process of the run."""
        return self.path / "cancel.json"

    @property
    def revoke(self) -> Path:
        """Return the request to end the run because the rig is not its any more."""
        return self.path / "revoke.json"

    @property
    def manifest(self) -> Path:
        """Return the list of the run directory's files, made when the run has ended."""
        return self.path / "manifest.json"

    @property
    def log(self) -> Path:
        """Return where stdout and stderr of the run's processes go."""
        return self.path / "log"


def safe_run_id(run_id: str) -> str:
    """Return `run_id` when it can be part of a path and of a unit's name.

    Raises:
        UsageError: it cannot.
    """
    if not _RUN_ID.fullmatch(run_id):
        raise UsageError(f"a run id should match {_RUN_ID.pattern}, found {run_id[:100]!r}")
    return run_id


def safe_sha256(sha256: object) -> str:
    """Return `sha256` when it is 64 lower-case hex digits.

    Raises:
        UsageError: it is something else.
    """
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise UsageError(f"a sha256 should be 64 hex digits, found {sha256!r:.100}")
    return sha256


def safe_relative(path: object) -> str:
    """Return `path` when it names something inside a folder, whatever the folder is.

    Refused: absolute paths, `.` `..` and empty parts, backslashes, control characters, what has no UTF-8 form,
    parts over 255 bytes, more than 1024 bytes.

    Raises:
        UsageError: it is refused.
    """
    problem = _path_problem(path) if isinstance(path, str) else "it is not a text"
    if problem:
        raise UsageError(f"expected a path inside a folder, found {path!r:.200}: {problem}")
    return str(path)


def _path_problem(path: str) -> str:
    if _CONTROL.search(path) or "\\" in path:
        return "it holds a control character or a backslash"
    try:
        sizes = [len(part.encode()) for part in path.split("/")]
    except UnicodeEncodeError:  # half of a surrogate pair
        return "it has no UTF-8 form"
    if any(part in {"", ".", ".."} for part in path.split("/")):
        return "it is absolute, climbs, or has an empty part"
    if max(sizes) > _PART_MAX_BYTES or sum(sizes) + len(sizes) - 1 > _PATH_MAX_BYTES:
        return "it is too long"
    return ""
