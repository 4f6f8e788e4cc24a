"""A profile's folder on its way to a rig: by content, so that what is there already is not sent again."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hilrig.app.rigs.link import CALL_S, RigLink
from hilrig.config.profile import PROFILE_FILE, parse_profile
from hilrig.config.source_file import not_found, read_bytes
from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.profile import FeedSpec, Profile
from hilrig.core.units import bytes_to_mib
from hilrig.rig.agent.layout import safe_relative
from hilrig.rig.agent_call import nothing

CHUNK_BYTES: Final = 1 << 20
FILES_MAX: Final = 10_000
"""As many as a manifest may have; a folder with more is no profile but somebody's home."""

_SKIPPED: Final = frozenset({"__pycache__"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """One file of a profile's folder: its path there, its content's digest and size in bytes."""

    path: str
    source: Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SentProfile:
    """A profile as it goes to a rig: what it says, the name of its file, all files of its folder."""

    profile: Profile
    file_name: str
    files: tuple[SentFile, ...]

    @property
    def size_mib(self) -> float:
        """Return the size of all files together."""
        return bytes_to_mib(sum(file.size for file in self.files))


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an upload or a download is; `left_s` is None before anything moved."""

    done_mib: float
    total_mib: float
    left_s: float | None


def read_profile(path: Path) -> SentProfile:
    """Return the profile in a folder, or in the file itself, with the files that go with it.

    What it needs of the rig is asked there: this machine need not have the model's runtime.

    Raises:
        ConfigError: there is no such file, or it has mistakes: all of them.
        UsageError: a link or a feed leads out of its folder, or the folder holds too much.
        PreconditionError: a file cannot be read.
    """
    file = path / PROFILE_FILE if path.is_dir() else path
    if not file.is_file():
        raise not_found(
            path, what="profile", known=sorted(one.parent.name for one in path.parent.glob(f"*/{PROFILE_FILE}"))
        )
    folder = file.parent.resolve()
    profile = parse_profile(read_bytes(file), file=str(file), folder=str(folder))
    _refuse_climbing_feeds(profile)
    return SentProfile(profile=profile, file_name=file.name, files=tuple(_hashed(folder)))


def upload(
    link: RigLink,
    files: Sequence[SentFile],
    *,
    on_progress: Callable[[Progress], None],
    on_wait: Callable[[], None] = nothing,
) -> None:
    """Send those files that the rig lacks; what a broken upload left there is gone on with.

    Raises:
        HilrigError: the rig has no room, or refuses a file.
        LinkBrokenError: the line broke; calling again goes on.
    """
    by_digest = {file.sha256: file for file in files}
    wanted = [{"sha256": file.sha256, "size": file.size} for file in by_digest.values()]
    missing = link.call("have", {"files": wanted}, on_wait=on_wait)["missing"]
    todo = [(by_digest[str(item["sha256"])], int(item["at"])) for item in missing if item["sha256"] in by_digest]
    if not todo:
        return
    meter = Meter(sum(file.size - at for file, at in todo), on_progress)
    for _ in link.stream("receive", feed=_fed(todo, meter), silence_s=CALL_S, on_wait=on_wait):
        pass


class Meter:
    """Counts bytes that moved, tells about twice a second."""

    def __init__(self, total: int, on_progress: Callable[[Progress], None]) -> None:
        self._total, self._on_progress = total, on_progress
        self._done = 0
        self._start_s = self._told_s = time.monotonic()
        self._tell(self._start_s)

    def add(self, n_bytes: int) -> None:
        """Count bytes."""
        self._done += n_bytes
        now_s = time.monotonic()
        if now_s - self._told_s >= 0.5 or self._done >= self._total:  # noqa: PLR2004 - twice a second
            self._told_s = now_s
            self._tell(now_s)

    def _tell(self, now_s: float) -> None:
        spent_s = now_s - self._start_s
        left_s = spent_s * (self._total - self._done) / self._done if self._done and spent_s else None
        done_mib, total_mib = bytes_to_mib(self._done), bytes_to_mib(self._total)
        self._on_progress(Progress(done_mib=done_mib, total_mib=total_mib, left_s=left_s))


def _fed(todo: Sequence[tuple[SentFile, int]], meter: Meter) -> Iterator[bytes]:
    for file, at in todo:
        yield json.dumps({"sha256": file.sha256, "size": file.size, "at": at}).encode() + b"\n"
        for piece in _pieces(file, at):
            yield piece
            meter.add(len(piece))


def _pieces(file: SentFile, at: int) -> Iterator[bytes]:
    """Give exactly the announced number of bytes: of a file that shrank meanwhile, the rig refuses the digest."""
    left = file.size - at
    with file.source.open("rb") as opened:
        opened.seek(at)
        while left:
            piece = opened.read(min(CHUNK_BYTES, left)) or bytes(min(CHUNK_BYTES, left))
            left -= len(piece)
            yield piece


def _hashed(folder: Path) -> Iterator[SentFile]:
    for count, path in enumerate(_found(folder)):
        if count >= FILES_MAX:
            raise UsageError(
                f"{folder} holds more than {FILES_MAX} files: all of them would go to the rig",
                hint="give the profile a folder of its own",
            )
        relative = safe_relative(path.relative_to(folder).as_posix())
        size, digest = _digest(path)
        yield SentFile(path=relative, source=path, size=size, sha256=digest)


def _found(folder: Path) -> Iterator[Path]:
    """Give the files below a folder, without hidden ones and caches, in the order of their names."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name in _SKIPPED:
            continue
        if path.is_symlink():
            _refuse_leaving(path, folder_of=folder)
        if path.is_dir():
            if path.is_symlink():
                raise UsageError(f"{path} is a link to a folder", hint="put the folder itself there")
            yield from _found(path)
        elif path.is_file():
            yield path


def _refuse_leaving(path: Path, *, folder_of: Path) -> None:
    target = path.resolve()
    if not target.is_relative_to(folder_of):
        raise UsageError(
            f"{path} leads out of the profile's folder, to {target}: only the folder goes to the rig",
            hint="put the file itself there",
        )


def _digest(path: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise PreconditionError(
            f"{path} cannot be read: {error.strerror}", hint="every file of the profile's folder goes to the rig"
        ) from error
    return size, digest.hexdigest()


def _refuse_climbing_feeds(profile: Profile) -> None:
    named = {"feed": profile.feed, **({"golden.feed": profile.golden.feed} if profile.golden else {})}
    for key, feed in named.items():
        for option, value in _climbing(feed):
            raise UsageError(
                f"{key}.options.{option} ({value}) leads out of the profile's folder: only that goes there",
                hint="put the frames into it, or name a folder that is on the rig by its full path",
            )


def _climbing(feed: FeedSpec) -> Iterator[tuple[str, str]]:
    options: Mapping[str, Any] = feed.options
    for option, value in options.items():
        if isinstance(value, str) and ".." in Path(os.path.normpath(value)).parts[:1]:
            yield option, value
