"""A small model store that is sound, or wrong on purpose: what every power-loss test is calibrated with.

`python wrong_store.py KIND VERB --store DIR [--release A|B] [--events]`, standard library only: it also runs on a
rig that has nothing else. A test that passes a store known to be wrong proves nothing about any other.

A store: `blobs/<sha256>` (the models), `active` (the sha256 of the one that runs), `events.log`, `tmp/`. It prints
and obeys the points of an update and keeps the record of its file calls as the reference node does (docs/node.md).
"""

import argparse
import base64
import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Final

MODEL_BYTES: Final = 96 * 1024
"""Two dozen blocks: enough to be torn, few enough for a thousand states."""
PIECE_BYTES: Final = 32 * 1024
"""A model is written in pieces, as every copying program does: a cut can come between two."""


class Kind(str, Enum):
    """What is wrong with the store."""

    SOUND = "sound"
    OVERWRITE_IN_PLACE = "overwrite_in_place"  # the running model's own file is written over
    RENAME_WITHOUT_FSYNC = "rename_without_fsync"  # the names are there before the data
    NO_FOLDER_FSYNC = "no_folder_fsync"  # the data is there, the name may not be


def model_bytes(release: str) -> bytes:
    """Return a release's model: the same on every machine, no two blocks equal, no block zero."""
    blocks = (hashlib.sha256(f"{release} {index}".encode()).digest() for index in range(MODEL_BYTES // 32))
    return b"".join(blocks)


def release_id(release: str) -> str:
    """Return the name that the store answers with for a release."""
    return hashlib.sha256(model_bytes(release)).hexdigest()


class Disk:
    """The file calls of a store; each that changed something is recorded where HILRIG_DISK_TRACE says."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._trace = os.environ.get("HILRIG_DISK_TRACE")

    def record(self, op: str, **what: Any) -> None:
        """Append a call to the record."""
        if self._trace:
            with Path(self._trace).open("a") as file:
                file.write(json.dumps({"op": op, **what}) + "\n")

    def folder(self, path: str) -> None:
        """Make a folder that lasts."""
        (self._root / path).mkdir()
        self.record("mkdir", path=path)
        self.fsync_folder(".")

    def write(self, path: str, pieces: list[bytes], *, fresh: bool, sync: bool) -> Iterator[None]:
        """Write a file piece by piece, over what is there or as a new one; yield after each piece."""
        is_new = not (self._root / path).exists()
        flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if fresh else 0)
        descriptor = os.open(self._root / path, flags, 0o644)
        if is_new:
            self.record("create", path=path)
        elif fresh:
            self.record("truncate", path=path, size=0)
        offset = 0
        for piece in pieces:
            os.pwrite(descriptor, piece, offset)
            self.record("write", path=path, offset=offset, data=base64.b64encode(piece).decode())
            offset += len(piece)
            if sync:
                self._fsync(descriptor, path)
            yield
        os.close(descriptor)

    def append_line(self, path: str, line: str) -> None:
        """Append a line that lasts."""
        is_new = not (self._root / path).exists()
        descriptor = os.open(self._root / path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        offset, data = os.fstat(descriptor).st_size, line.encode() + b"\n"
        os.write(descriptor, data)
        if is_new:
            self.record("create", path=path)
        self.record("write", path=path, offset=offset, data=base64.b64encode(data).decode())
        self._fsync(descriptor, path)
        os.close(descriptor)

    def rename(self, source: str, target: str) -> None:
        """Rename over whatever is there."""
        (self._root / source).replace(self._root / target)
        self.record("rename", **{"from": source, "to": target})

    def fsync_folder(self, path: str) -> None:
        """Make a folder's names last."""
        descriptor = os.open(self._root / path, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(descriptor)
        os.close(descriptor)
        self.record("fsync_folder", path=path)

    def _fsync(self, descriptor: int, path: str) -> None:
        os.fsync(descriptor)
        self.record("fsync", path=path)


class Store:
    """A store of one kind in a folder; `reach` is told each point of an update."""

    def __init__(self, root: Path, kind: Kind, *, reach: Callable[[str], None]) -> None:
        self._root, self._kind, self._reach, self._disk = root, kind, reach, Disk(root)

    def install(self) -> None:
        """Make the store with release A active."""
        self._root.mkdir(parents=True, exist_ok=True)
        for folder in ("tmp", "blobs"):
            self._disk.folder(folder)
        self.stage("A")
        self.activate("A")

    def stage(self, release: str) -> None:
        """Bring a model into the store."""
        self._reach("stage.begin")
        data, path = model_bytes(release), f"blobs/{release_id(release)}"
        pieces = [data[start : start + PIECE_BYTES] for start in range(0, len(data), PIECE_BYTES)]
        if self._kind is Kind.OVERWRITE_IN_PLACE:
            self._put("blobs/model", pieces)
        else:
            self._put_renamed(path, pieces)
        self._log(f"staged {release}")
        self._reach("stage.done")

    def activate(self, release: str) -> None:
        """Let the store run a model that is in it."""
        self._reach("activate.begin")
        self._log(f"activating {release}")
        pointer = [release_id(release).encode()]
        if self._kind is Kind.OVERWRITE_IN_PLACE:
            self._put("active", pointer)
        else:
            self._put_renamed("active", pointer)
        if self._kind is not Kind.NO_FOLDER_FSYNC:  # this line would make its missing name last
            self._log(f"activated {release}")
        self._reach("activate.done")

    def ask(self) -> dict[str, Any]:
        """Return what the store would run after a boot."""
        try:
            active = (self._root / "active").read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            return {"active": None, "complete": False, "error": f"no pointer: {error}"}
        if len(active) != 64:  # noqa: PLR2004 - a sha256 in hex
            return {"active": None, "complete": False, "error": f"the pointer is torn: {active[:20]!r}"}
        name = "model" if self._kind is Kind.OVERWRITE_IN_PLACE else active
        try:
            found = hashlib.sha256((self._root / "blobs" / name).read_bytes()).hexdigest()
        except (OSError, ValueError) as error:
            return {"active": active, "complete": False, "error": f"no model: {error}"}
        return {"active": active, "complete": found == active, "error": "" if found == active else "other bytes"}

    def _log(self, line: str) -> None:
        """Append an fsynced line to another file, as every real store's event log does.

        Without it ext4 hides the bugs: nothing commits its journal before the data was written back, and every
        wrong store passes.
        """
        self._disk.append_line("events.log", line)

    def _put(self, path: str, pieces: list[bytes]) -> None:
        for _ in self._disk.write(path, pieces, fresh=False, sync=True):
            self._reach("stage.bytes")

    def _put_renamed(self, path: str, pieces: list[bytes]) -> None:
        temporary = f"tmp/{Path(path).name}"
        for _ in self._disk.write(temporary, pieces, fresh=True, sync=self._kind is not Kind.RENAME_WITHOUT_FSYNC):
            self._reach("stage.bytes")
        self._disk.rename(temporary, path)
        self._reach("state.renamed")
        if self._kind is Kind.SOUND:
            self._disk.fsync_folder(str(Path(path).parent))


class Points:
    """Prints each point of an update, and dies at the one that HILRIG_CRASH_AT names."""

    def __init__(self, *, events: bool) -> None:
        self._events = events
        self._at, _, nth = os.environ.get("HILRIG_CRASH_AT", "").partition(":")
        self._left = int(nth or 1)

    def __call__(self, point: str) -> None:
        """Tell that a point was reached."""
        if self._events:
            sys.stdout.write(json.dumps({"event": point}) + "\n")
            sys.stdout.flush()
        if point == self._at:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Do one verb on one store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("kind", type=Kind)
    parser.add_argument("verb", choices=("install", "stage", "activate", "ask", "ask_many"))
    parser.add_argument("--store", type=Path)
    parser.add_argument("--release", choices=("A", "B"), default="B")
    parser.add_argument("--events", action="store_true")
    asked = parser.parse_args(arguments)
    points = Points(events=asked.events)
    if asked.verb == "ask_many":
        for line in sys.stdin:
            _answer(Store(Path(line.rstrip("\n")), asked.kind, reach=points))
        return
    store = Store(asked.store, asked.kind, reach=points)
    if asked.verb == "ask":
        _answer(store)
    elif asked.verb == "install":
        store.install()
    else:
        getattr(store, asked.verb)(asked.release)


def _answer(store: Store) -> None:
    sys.stdout.write(json.dumps(store.ask()) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
