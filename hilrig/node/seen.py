"""What this node has seen signed, kept so that nobody can lead it back: times, desired states, later decisions."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hilrig.config.noun_json import from_json, to_json
from hilrig.core.errors import StoreError
from hilrig.node.disk import Disk
from hilrig.node.safe_files import read_below

SEEN_FORMAT: Final = "hilrig.seen/1"
AGENT_FOLDER: Final = "agent"
DECISIONS: Final = f"{AGENT_FOLDER}/decisions"

_SEEN: Final = f"{AGENT_FOLDER}/seen.json"
_MAX_BYTES: Final = 1 << 16
_MAX_DECISION_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen.

    Args:
        newest_signed_ns: the newest time in a sound statement, since 1970 in UTC: the clock cannot be before it.
        desired_sequence: the highest of a sound desired state for this node.
        desired_sha256: of that one's statement; empty before the first.
        on_trial: the release that the agent put on trial last: another candidate is somebody else's.
    """

    format: str = SEEN_FORMAT
    newest_signed_ns: int = 0
    desired_sequence: int = 0
    desired_sha256: str = ""
    on_trial: str = ""

    def signed_at(self, moment_ns: int) -> "Seen":
        """Return what is known after a statement of this time."""
        return replace(self, newest_signed_ns=max(self.newest_signed_ns, moment_ns))


def read_seen(store: Path) -> Seen:
    """Return what the node of a store has seen; nothing where it never looked.

    Raises:
        StoreError: it was kept and cannot be read. Nobody can tell then what is old.
        RecordError: it is of another form.
    """
    try:
        data = read_below(store, _SEEN, max_bytes=_MAX_BYTES)
    except FileNotFoundError:
        return Seen()
    except OSError as error:
        raise StoreError(f"{store / _SEEN} cannot be read: {error.strerror}", hint="look at the disk") from error
    return from_json(Seen, data, what=str(store / _SEEN))


def keep_seen(disk: Disk, seen: Seen) -> None:
    """Write down what was seen, so that a power cut leaves this or what was there before.

    Raises:
        StoreError: the disk refuses.
    """
    _replace(disk, _SEEN, to_json(seen))


def read_later_decision(store: Path, release_sha256: str) -> bytes | None:
    """Return the decision that the gate made after a release was staged; None where it made none.

    Raises:
        StoreError: it cannot be read.
    """
    path = _decision_path(release_sha256)
    try:
        return read_below(store, path, max_bytes=_MAX_DECISION_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{store / path} cannot be read: {error.strerror}", hint="look at the disk") from error


def keep_later_decision(disk: Disk, release_sha256: str, envelope: bytes) -> None:
    """Keep a decision that counts for a release from now on.

    Raises:
        StoreError: the disk refuses.
    """
    _replace(disk, _decision_path(release_sha256), envelope)


def make_folders(disk: Disk) -> None:
    """Make the agent's folders in a store where they are missing; their names are durable afterwards.

    Whoever made them may have been killed before that: so they are synced each time.

    Raises:
        StoreError: the disk refuses.
    """
    try:
        for folder, parent in ((AGENT_FOLDER, "."), (DECISIONS, AGENT_FOLDER)):
            with suppress(FileExistsError):
                disk.mkdir(folder)
            disk.fsync_folder(parent)
    except OSError as error:
        raise _refused(disk, AGENT_FOLDER, error) from error


def _decision_path(release_sha256: str) -> str:
    return f"{DECISIONS}/{release_sha256}.dsse.json"


def _replace(disk: Disk, path: str, data: bytes) -> None:
    """Give `path` this content at once.

    Only the one agent writes here, under its own lock; the new file lies beside the old one, because whoever
    changes the store sweeps `tmp/`.
    """
    new = f"{path}.new"
    try:
        make_folders(disk)
        if disk.exists(new):
            disk.unlink(new)
        disk.write_file(new, data)
        disk.rename(new, path)
        disk.fsync_folder(path.rpartition("/")[0])
    except OSError as error:
        raise _refused(disk, path, error) from error


def _refused(disk: Disk, path: str, error: OSError) -> StoreError:
    return StoreError(f"{disk.folder / path} cannot be written: {error.strerror}", hint="free some space")
