"""A recording of a board (`hilrig doctor --record`) as a tree that samplers and rig facts read.

Recordings come from strangers: an archive with anything in it that could leave the folder is refused.
"""

import errno
import json
import os
import posixpath
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import dropwhile
from pathlib import Path
from unittest import mock

from hilrig.sampler import kept_file

MEMBERS_MAX = 50_000
BYTES_MAX = 64 << 20


class HostileRecordingError(Exception):
    """An archive that is no recording of a board, or more than one."""


def unpack(recording: Path, folder: Path) -> Path:
    """Write a recording into `folder`, which is made; return the root that stands for `/`."""
    folder.mkdir(parents=True)
    with tarfile.open(recording, "r:gz") as archive:
        members = _checked(archive)
        for member in members:
            target = folder / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if member.issym():
                target.symlink_to(member.linkname)
            else:
                target.write_bytes(archive.extractfile(member).read())
    return folder / "root"


def recorded_pid(root: Path) -> int:
    """Return the process that stood for the target."""
    return _info(root)["pid"]


def recorded_reasons(root: Path) -> dict[str, str | None]:
    """Return what each channel answered on the board: the name of its reason by its name and attributes."""
    lines = (root.parent / "samples.jsonl").read_text().splitlines()
    channels = [entry for entry in map(json.loads, lines) if "channel" in entry]
    return {_key(entry["channel"]): entry["reason"] for entry in channels}


@contextmanager
def failing_as_recorded(root: Path) -> Iterator[None]:
    """Let the files that failed on the board fail alike, where samplers open and read them."""
    failures = {os.path.realpath(root / path): failure for path, failure in _info(root)["failures"].items()}
    unreadable: dict[int, int] = {}
    real_open, real_pread = os.open, os.pread

    def failing_open(path, flags, *rest, **named):
        failure = failures.get(os.path.realpath(path))
        if failure and failure["stage"] == "open":
            raise _error(failure["error"], path)
        fd = real_open(path, flags, *rest, **named)
        unreadable.pop(fd, None)
        if failure:
            unreadable[fd] = failure["error"]
        return fd

    def failing_pread(fd, size, offset):
        if fd in unreadable:
            raise _error(unreadable[fd], fd)
        return real_pread(fd, size, offset)

    with (
        mock.patch.object(kept_file.os, "open", failing_open),
        mock.patch.object(kept_file.os, "pread", failing_pread),
    ):
        yield


def _checked(archive: tarfile.TarFile) -> list[tarfile.TarInfo]:
    members, n_bytes = [], 0
    for member in archive:
        members.append(member)
        n_bytes += member.size
        if len(members) > MEMBERS_MAX or n_bytes > BYTES_MAX:
            raise HostileRecordingError("more than a board can have")
    names = {member.name for member in members}
    links = {member.name for member in members if member.issym()}
    if len(names) != len(members):
        raise HostileRecordingError("a name twice")
    for member in members:
        _check(member, links)
    return members


def _check(member: tarfile.TarInfo, links: set[str]) -> None:
    """Refuse what is no file or link, is elsewhere, or is reached through a link."""
    parts = member.name.split("/")
    parents = {"/".join(parts[:length]) for length in range(1, len(parts))}
    is_ours = parts[0] == "root" or member.name in {"recording.json", "samples.jsonl"}
    if not (is_ours and (member.isreg() or member.issym())) or {"", ".", ".."} & set(parts) or parents & links:
        raise HostileRecordingError(f"not a part of a board: {member.name!r}")
    if member.issym():
        target = posixpath.normpath(posixpath.join(*parts[:-1], member.linkname))
        # A `..` behind a name may be the parent of where a link leads: only text knows it as the name's parent.
        named = list(dropwhile(lambda part: part == "..", member.linkname.split("/")))
        is_inside = target == "root" or target.startswith("root/")
        if posixpath.isabs(member.linkname) or not is_inside or ".." in named:
            raise HostileRecordingError(f"a link out of the board: {member.name!r}")


def _error(name: str, path: object) -> OSError:
    code = getattr(errno, name)
    return OSError(code, os.strerror(code), str(path))


def _info(root: Path) -> dict:
    return json.loads((root.parent / "recording.json").read_text())


def _key(channel: dict) -> str:
    inner = ",".join(f"{name}={value}" for name, value in channel["attributes"])
    return f"{channel['name']}{{{inner}}}" if inner else channel["name"]
