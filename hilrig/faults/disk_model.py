"""A file system that keeps what POSIX promises, no more.

It knows what file calls made of it, and what of that would last. Data lasts from the fsync of its file, a name
from the fsync of its folder. What came after that may have reached the disk in part. One thing is taken for
granted beyond POSIX: a rename from folder to folder never loses the file.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias, TypeVar

from hilrig.core.errors import RecordError
from hilrig.faults.call_trace import FileCall, Op

_HINT: Final = "a change that did not go through the recorded calls makes the record worthless as evidence"


@dataclass(slots=True, eq=False)
class File:
    """A file: its bytes as they last, and the calls on them since its last fsync. `path` is its latest name."""

    path: str
    durable: bytes = b""
    pending: list[FileCall] = field(default_factory=list)
    mark: int = 0  # rises with every change, so that what was made of its bytes can be kept

    def change(self, call: FileCall) -> None:
        """Note a write or truncate."""
        self.pending.append(call)
        self.mark += 1

    def sync(self) -> None:
        """Let its bytes last."""
        self.durable = self.after(self.pending)
        self.pending = []
        self.mark += 1

    def after(self, calls: list[FileCall]) -> bytes:
        """Return its bytes if these calls, and no others, had come after the last fsync."""
        data = bytearray(self.durable)
        for call in calls:
            apply_to_bytes(data, call)
        return bytes(data)


@dataclass(slots=True, eq=False)
class Change:
    """A change of a folder's names: all of `edits` at once, None takes a name away.

    `needs` is a change of another folder without which this one would lose a file.
    """

    edits: dict[str, "Node | None"]
    folder: "Folder"
    needs: "Change | None" = None


@dataclass(slots=True, eq=False)
class Folder:
    """A folder: its names as they are, as they last, and the changes since its last fsync.

    The first `n_sure` of those have to be there already: another folder's fsync made them last.
    """

    path: str
    current: "dict[str, Node]" = field(default_factory=dict)
    durable: "dict[str, Node]" = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)
    n_sure: int = 0

    def change(self, edits: "dict[str, Node | None]", *, needs: Change | None = None) -> Change:
        """Change its names now; on the disk some time later."""
        change = Change(edits=edits, folder=self, needs=needs)
        apply_to_names(self.current, change)
        self.pending.append(change)
        return change

    def sync(self) -> None:
        """Let its names last, and what they need in other folders."""
        for change in self.pending:
            if change.needs is not None and change.needs in change.needs.folder.pending:
                other = change.needs.folder
                other.n_sure = max(other.n_sure, other.pending.index(change.needs) + 1)
        self.durable, self.pending, self.n_sure = dict(self.current), [], 0

    def after(self, n_changes: int) -> "dict[str, Node]":
        """Return its names if the first `n_changes` had come after the last fsync."""
        names = dict(self.durable)
        for change in self.pending[:n_changes]:
            apply_to_names(names, change)
        return names


@dataclass(slots=True, eq=False)
class Link:
    """A symbolic link: it is there with its name, or not at all."""

    path: str
    text: str


Node: TypeAlias = File | Folder | Link
_N = TypeVar("_N", File, Folder, Link)


class DiskModel:
    """A store's file system, call by call."""

    def __init__(self, root: Folder) -> None:
        self.root = root
        self.files: list[File] = []
        self.folders: list[Folder] = []
        self._collect(root)

    def apply(self, call: FileCall) -> None:
        """Do a call.

        Raises:
            RecordError: it cannot have been done on what the record made so far.
        """
        match call.op:
            case Op.CREATE | Op.MKDIR | Op.SYMLINK:
                self._make(call)
            case Op.WRITE | Op.TRUNCATE:
                self.file(call.path).change(call)
            case Op.FSYNC:
                self.file(call.path).sync()
            case Op.FSYNC_FOLDER:
                self.folder(call.path).sync()
            case Op.RENAME:
                self._rename(call.path, call.target)
            case Op.LINK:
                self._add(call.target, self.file(call.path))
            case Op.UNLINK | Op.RMDIR:
                self._require(call.path)
                folder, name = self._parent(call.path)
                folder.change({name: None})
            case Op.CHMOD:
                self._require(call.path)  # who may read a file is not what a cut is about

    def _make(self, call: FileCall) -> None:
        match call.op:
            case Op.CREATE:
                self.files.append(self._made(call.path, File(call.path)))
            case Op.MKDIR:
                self.folders.append(self._made(call.path, Folder(call.path)))
            case _:
                self._made(call.path, Link(call.path, call.target))

    def file(self, path: str) -> File:
        """Return the file of a path."""
        node = self._require(path)
        if not isinstance(node, File):
            raise _impossible(f"{path} is a folder")
        return node

    def folder(self, path: str) -> Folder:
        """Return the folder of a path."""
        node = self._require(path)
        if not isinstance(node, Folder):
            raise _impossible(f"{path} is no folder")
        return node

    def _require(self, path: str) -> Node:
        node: Node | None = self.root
        for part in PurePosixPath(path).parts:
            node = node.current.get(part) if isinstance(node, Folder) else None
        if node is None:
            raise _impossible(f"{path} is used, but the record never made it")
        return node

    def _parent(self, path: str) -> tuple[Folder, str]:
        pure = PurePosixPath(path)
        if not pure.name:
            raise _impossible("the store's own folder was removed or renamed")
        return self.folder(str(pure.parent)), pure.name

    def _made(self, path: str, node: _N) -> _N:
        folder, name = self._parent(path)
        if name in folder.current:
            raise _impossible(f"{path} is made a second time")
        folder.change({name: node})
        return node

    def _add(self, path: str, node: Node) -> None:
        folder, name = self._parent(path)
        folder.change({name: node})

    def _rename(self, source: str, target: str) -> None:
        node = self._require(source)
        (old, old_name), (new, new_name) = self._parent(source), self._parent(target)
        node.path = target
        if old is new:
            old.change({old_name: None, new_name: node})
        else:
            old.change({old_name: None}, needs=new.change({new_name: node}))

    def _collect(self, folder: Folder) -> None:
        self.folders.append(folder)
        for node in folder.current.values():
            if isinstance(node, Folder):
                self._collect(node)
            elif isinstance(node, File) and node not in self.files:
                self.files.append(node)


def read_disk(root: Path) -> Folder:
    """Return a folder as it is, all of it lasting.

    Raises:
        RecordError: something in it is no file, folder or link.
    """
    return _read(root, ".", {})


def tree_bytes(folder: Folder) -> Iterator[tuple[str, bytes | None]]:
    """Yield every path below a folder as it is now, with its bytes; None for a folder."""
    for name, node in sorted(folder.current.items()):
        if isinstance(node, File):
            yield name, node.after(node.pending)
        elif isinstance(node, Link):
            yield name, f"link to {node.text}".encode()
        else:
            yield name, None
            for path, data in tree_bytes(node):
                yield f"{name}/{path}", data


def apply_to_bytes(data: bytearray, call: FileCall) -> None:
    """Do a write or truncate on a file's bytes."""
    if call.op is Op.TRUNCATE:
        del data[call.size_bytes :]
        data.extend(bytes(call.size_bytes - len(data)))
        return
    if call.data:
        data.extend(bytes(max(0, call.offset - len(data))))
        data[call.offset : call.offset + len(call.data)] = call.data


def apply_to_names(names: dict[str, Node], change: Change) -> None:
    """Do a change on a folder's names."""
    for name, node in change.edits.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


def _read(folder: Path, path: str, seen: dict[int, File]) -> Folder:
    names: dict[str, Node] = {}
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        below = entry.name if path == "." else f"{path}/{entry.name}"
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            names[entry.name] = _read(Path(entry.path), below, seen)
        elif stat.S_ISREG(mode):
            inode = entry.inode()
            seen.setdefault(inode, File(below, durable=Path(entry.path).read_bytes()))
            names[entry.name] = seen[inode]
        elif stat.S_ISLNK(mode):
            names[entry.name] = Link(below, os.readlink(entry.path))  # noqa: PTH115 - a text, not a path
        else:
            raise _impossible(f"{below} is no file, folder or link, which the record has no call for")
    return Folder(path, current=names, durable=dict(names))


def _impossible(what: str) -> RecordError:
    return RecordError(f"the record of file calls is not whole: {what}", hint=_HINT)
