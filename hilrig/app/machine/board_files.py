"""Reads a board's files as a tree: each file once, at its real place, with the links that lead to it."""

import errno
import os
import posixpath
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

FILE_BYTES_MAX: Final = 64 << 10
TREE_BYTES_MAX: Final = 16 << 20
_LINKS_MAX: Final = 40  # as the kernel's own limit on following links

Stage = Literal["open", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a file answered instead of its content: at which call, the error's name."""

    stage: Stage
    error: str


@dataclass(slots=True)
class BoardTree:
    """Paths are relative to the root, with `/`. A failed file has an empty stand-in among the files."""

    files: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    cut: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def n_bytes(self) -> int:
        """Return the size of all files."""
        return sum(map(len, self.files.values()))


def read_tree(root: Path, patterns: Iterable[str], *, written: Iterable[str]) -> BoardTree:
    """Return what is below `root`; a link leads nowhere but below it, as if `root` were `/`.

    Args:
        root: where `proc` and `sys` are.
        patterns: what to read. A name without wildcards is tried even where its folder can't be listed.
        written: files that are opened for writing and not written to.
    """
    tree = BoardTree()
    for path in _matches(root, patterns):
        place = _follow(root, path, tree.links)
        if place not in tree.files:
            _take(tree, root, place)
    for path in written:
        failure = _try_to_write(root / path)
        if failure is None or failure.error != "ENOENT":
            tree.files[path] = b""
        if failure is not None and failure.error != "ENOENT":
            tree.failures[path] = failure
    return tree


def _matches(root: Path, patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        if any(character in pattern for character in "*?["):
            yield from sorted(path.relative_to(root).as_posix() for path in root.glob(pattern))
        else:
            yield pattern


def _follow(root: Path, path: str, links: dict[str, str]) -> str:
    """Return where `path` really is; put the links on the way to it into `links`, relative ones."""
    place, rest = "", path
    for _ in range(_LINKS_MAX):
        while rest and not os.path.islink(root / _step(place, rest)[0]):  # noqa: PTH114 - Path.is_symlink may raise
            place, rest = _step(place, rest)
        if not rest:
            break
        link, rest = _step(place, rest)
        target = posixpath.normpath(posixpath.join("/", place, os.readlink(root / link)))  # noqa: PTH115 - text
        links[link] = posixpath.relpath(target, posixpath.join("/", place))
        place, rest = "", posixpath.join(target[1:], rest)
    return place


def _step(place: str, rest: str) -> tuple[str, str]:
    name, _, further = rest.partition("/")
    return posixpath.join(place, name), further


def _take(tree: BoardTree, root: Path, place: str) -> None:
    answer = _read(root / place)
    if isinstance(answer, Failure):
        if answer.error not in {"ENOENT", "ENOTDIR"}:
            tree.failures[place] = answer
            tree.files[place] = b""
    elif answer is not None and tree.n_bytes + len(answer) > TREE_BYTES_MAX:
        tree.left_out.append(place)
    elif answer is not None:
        tree.files[place] = answer[:FILE_BYTES_MAX]
        if len(answer) > FILE_BYTES_MAX:
            tree.cut.append(place)


def _read(path: Path) -> bytes | Failure | None:
    """Return the content, a little more than may be kept where it is longer; None for what is no regular file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        return _failure("open", error)
    try:
        return _content(fd) if stat.S_ISREG(os.fstat(fd).st_mode) else None
    except OSError as error:
        return _failure("read", error)
    finally:
        os.close(fd)


def _content(fd: int) -> bytes:
    data = chunk = os.read(fd, FILE_BYTES_MAX)
    while chunk and len(data) <= FILE_BYTES_MAX:
        chunk = os.read(fd, FILE_BYTES_MAX)
        data += chunk
    return data


def _try_to_write(path: Path) -> Failure | None:
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError as error:
        return _failure("open", error)
    return None


def _failure(stage: Stage, error: OSError) -> Failure:
    return Failure(stage=stage, error=errno.errorcode.get(error.errno or 0, "EIO"))
