"""Making a store: node.json comes last, so a store that has it is whole."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hilrig.config.noun_json import to_json
from hilrig.core.errors import UsageError
from hilrig.node.crash_points import CrashPoints
from hilrig.node.disk import Disk
from hilrig.node.identity import NODE_FILE, NodeIdentity, read_identity, refuse_senseless
from hilrig.node.layout import FOLDERS, JOURNAL, LOCK, STATE
from hilrig.node.lock import store_lock
from hilrig.node.safe_files import read_below
from hilrig.node.staging import sweep
from hilrig.node.state_file import StateFile
from hilrig.node.transitions import StoreState

_OURS: Final = frozenset({folder.partition("/")[0] for folder in FOLDERS} | {LOCK, "lost+found"})
"""`lost+found`: a store may be a file system of its own."""
_MAX_KEY_BYTES: Final = 1 << 16


def make_store(disk: Disk, points: CrashPoints, identity: NodeIdentity, keys: Mapping[str, bytes]) -> None:
    """Make a store, or come to the end of making one; add keys that are new.

    Raises:
        UsageError: the folder holds something else, or the store of another node.
        OSError: the disk refuses.
    """
    refuse_senseless(identity)
    _make_folder(disk.folder)
    _refuse_foreign(disk, identity)
    with store_lock(disk, doing="init"):
        for folder in FOLDERS:
            if not disk.exists(folder):
                disk.mkdir(folder)
                disk.fsync_folder(folder.rpartition("/")[0] or ".")
        sweep(disk)
        for path, data in keys.items():
            _put_key(disk, path, data)
        if not disk.exists(NODE_FILE):
            _begin(disk, points, identity)


def _begin(disk: Disk, points: CrashPoints, identity: NodeIdentity) -> None:
    if not disk.exists(JOURNAL):
        disk.replace_file(JOURNAL, b"")
    if not disk.exists(STATE):
        StateFile(disk, points).replace(StoreState(reason="a new store"))
    disk.replace_file(NODE_FILE, to_json(identity))


def _put_key(disk: Disk, path: str, data: bytes) -> None:
    if not disk.exists(path):
        disk.replace_file(path, data)
    elif read_below(disk.folder, path, max_bytes=_MAX_KEY_BYTES) != data:
        raise UsageError(f"{disk.folder / path} is another key already", hint="give the key's file another name")


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    folder.mkdir()
    fd = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _refuse_foreign(disk: Disk, identity: NodeIdentity) -> None:
    if disk.exists(NODE_FILE):
        if read_identity(disk.folder) != identity:
            raise UsageError(
                f"{disk.folder} is the store of another node, or was made otherwise",
                hint=f"hilrig node status --store {disk.folder}, or name another folder",
            )
        return
    foreign = sorted(set(disk.names(".")) - _OURS)
    if foreign:
        raise UsageError(f"{disk.folder} holds {foreign[0]!a}: it is no model store", hint="name an empty folder")
