"""The record of a store's file calls, read back: one JSON line for each call that changed something."""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import PurePosixPath
from typing import Any, Final

from hilrig.core.errors import RecordError


class Op(str, Enum):
    """What a call did."""

    CREATE = "create"
    WRITE = "write"
    TRUNCATE = "truncate"
    FSYNC = "fsync"
    FSYNC_FOLDER = "fsync_folder"
    RENAME = "rename"
    LINK = "link"
    UNLINK = "unlink"
    MKDIR = "mkdir"
    RMDIR = "rmdir"
    CHMOD = "chmod"
    SYMLINK = "symlink"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCall:
    """One call.

    Args:
        op: what it did.
        path: to what, relative to the store; `.` is the store itself. Of a rename or link: its source.
        target: of a rename or link; of a symbolic link the text in it.
        offset: where in the file a write went, in bytes.
        data: what was written.
        size_bytes: of a truncate: the new size.
    """

    op: Op
    path: str
    target: str = ""
    offset: int = 0
    data: bytes = b""
    size_bytes: int = 0


WRITES_IN_A_ROW_MAX: Final = 8
"""A model that is written in a thousand pieces is torn the same way in each: more cuts in it show nothing new."""

_KEYS: Final[Mapping[Op, Mapping[str, type]]] = {
    Op.WRITE: {"path": str, "offset": int, "data": str},
    Op.TRUNCATE: {"path": str, "size": int},
    Op.RENAME: {"from": str, "to": str},
    Op.LINK: {"from": str, "to": str},
    Op.CHMOD: {"path": str, "mode": int},
    Op.SYMLINK: {"path": str, "text": str},
}
"""The keys of a line besides `op`; every other call has only a path."""
_ONLY_PATH: Final[Mapping[str, type]] = {"path": str}


def parse_trace(lines: Iterable[str]) -> tuple[FileCall, ...]:
    """Return the calls of a record, in their order.

    Raises:
        RecordError: a line is no call; the message has its number.
    """
    return tuple(_call(line, number) for number, line in enumerate(lines, start=1) if line.strip())


def merged(calls: Sequence[FileCall]) -> tuple[FileCall, ...]:
    """Return the calls with every long row of writes that follow each other in one file made into a few."""
    few: list[FileCall] = []
    for row in _rows(calls):
        each = -(-len(row) // WRITES_IN_A_ROW_MAX)
        parts = [row[start : start + each] for start in range(0, len(row), each)]
        few += [replace(part[0], data=b"".join(call.data for call in part)) for part in parts]
    return tuple(few)


def _rows(calls: Sequence[FileCall]) -> Iterator[list[FileCall]]:
    """Yield the calls in rows: writes that go on where the one before ended, every other call alone."""
    row: list[FileCall] = []
    for call in calls:
        if row and not _goes_on(row[-1], call):
            yield row
            row = []
        row.append(call)
    if row:
        yield row


def _goes_on(before: FileCall, call: FileCall) -> bool:
    is_pair = before.op is call.op is Op.WRITE and before.path == call.path
    return is_pair and before.offset + len(before.data) == call.offset


def _call(line: str, number: int) -> FileCall:
    try:
        read = json.loads(line)
        op = Op(read.pop("op"))
        return _from_keys(op, _checked(op, read))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RecordError(
            f"line {number} of the record of file calls is no call: {line[:80]!r} ({error})",
            hint="the format is in docs/node.md, `The record of file calls`",
        ) from error


def _checked(op: Op, read: Mapping[str, Any]) -> Mapping[str, Any]:
    wanted = _KEYS.get(op, _ONLY_PATH)
    if read.keys() != wanted.keys():
        raise ValueError(f"{op.value} has the keys {', '.join(wanted)}")
    for key, kind in wanted.items():
        if type(read[key]) is not kind:
            raise ValueError(f"{key} is no {kind.__name__}")
        if kind is int and read[key] < 0:
            raise ValueError(f"{key} is negative")
    return read


def _from_keys(op: Op, read: Mapping[str, Any]) -> FileCall:
    return FileCall(
        op=op,
        path=_inside(read.get("path", read.get("from"))),
        target=_inside(read["to"]) if "to" in read else read.get("text", ""),
        offset=read.get("offset", 0),
        data=base64.b64decode(read.get("data", ""), validate=True),
        size_bytes=read.get("size", 0),
    )


def _inside(path: Any) -> str:
    """Return a path below the store, in its shortest form."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\0" in path:
        raise ValueError(f"{path!r} leads out of the store")
    return str(pure)
