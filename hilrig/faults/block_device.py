"""Disks that are files: made, recorded by qemu-storage-daemon, mounted; all undone again, whatever happens."""

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.core.errors import PreconditionError

PREFIX: Final = "hilrig-block-log-"
"""Begins the name of every folder with mounts: leftovers of a killed run are told by it from anybody else's."""
LOCK: Final = "lock"
MIB: Final = 1 << 20
SECTOR_SIZE: Final = 512
STOP_LIMIT_S: Final = 10.0
POLL_S: Final = 0.005
CALL_LIMIT_S: Final = 60.0
"""A mount replays a journal of some MiB: milliseconds. What takes longer hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """A real file system under test: how it is made and mounted."""

    name: str
    make: tuple[str, ...]
    options: str
    size_mib: int

    @property
    def words(self) -> str:
        """Its name and mount options, for people."""
        return f"{self.name} ({self.options})"


_MAKE_EXT4: Final = (
    "mkfs.ext4 -q -F -N 4096 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0"  # no writes by itself later on
)
EXT4: Final = FileSystem(name="ext4", make=tuple(_MAKE_EXT4.split()), options="defaults", size_mib=256)
EXT4_PLAIN: Final = FileSystem(
    name="ext4", make=tuple(_MAKE_EXT4.split()), options="noauto_da_alloc", size_mib=256
)
"""Without ext4's heuristic that writes a file back before it is renamed over another: hides less."""
XFS: Final = FileSystem(name="xfs", make=("mkfs.xfs", "-q", "-f", "-K"), options="nouuid", size_mib=320)
"""mkfs.xfs refuses less than 300 MiB; two states of one disk have one uuid, and are mounted side by side."""


def why_not() -> str:
    """Return why no disk can be recorded here, in words with the next step; empty when one can."""
    if os.geteuid() != 0:
        return "mounting a file system needs root: run it with sudo"
    for device in ("/dev/fuse", "/dev/loop-control"):
        if not os.access(device, os.R_OK | os.W_OK):
            return f"{device} can't be opened: load its kernel module, or give it to the container"
    for program, package in _PROGRAMS.items():
        if shutil.which(program) is None:
            return f"{program} is missing: install the package {package}"
    return _why_not_mounted()


def _why_not_mounted() -> str:
    """A container may have root and every device, and still not be allowed to mount: only a mount tells."""
    with tempfile.TemporaryDirectory(prefix="hilrig-probe-") as name:
        image = Path(name) / "probe.img"
        try:
            make_image(image, EXT4)
            with mounted(image, Path(name) / "mnt", EXT4):
                return ""
        except PreconditionError as error:
            return f"a disk that is a file cannot be mounted here: {error.message}"


_PROGRAMS: Final = {
    "qemu-storage-daemon": "qemu-system-common",
    "mkfs.ext4": "e2fsprogs",
    "mount": "mount",
    "setpriv": "util-linux",
}


@contextmanager
def work_folder(work: Path) -> Iterator[Path]:
    """Yield a folder in memory below `work`, for images and mounts; at the end nothing is mounted and it is gone.

    In memory because every state is flushed several times: on a disk that is most of the time, for nothing.
    """
    clean_leftovers()
    folder = work.resolve() / f"{PREFIX}{os.getpid()}-{time.monotonic_ns()}"
    images = folder / "images"
    images.mkdir(parents=True)
    with (folder / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            call(["mount", "-t", "tmpfs", "-o", "mode=0700", folder.name, str(images)])
            yield images
        finally:
            _remove(folder)


def clean_leftovers() -> None:
    """Undo what a killed run left mounted: folders of ours whose lock nobody holds any more."""
    folders = {parent for mount in _mounts() for parent in mount.parents if parent.name.startswith(PREFIX)}
    for folder in folders:
        with suppress(OSError), (folder / LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(folder)


def _remove(folder: Path) -> None:
    for mount in reversed(_mounts()):  # the latest first: a file system lies on its disk
        if folder in mount.parents:
            _unmount(mount)
    shutil.rmtree(folder, ignore_errors=True)


def require_room(folder: Path, n_bytes: int) -> None:
    """Refuse to go on where images would not fit: a disk that runs full there would look like the subject's fault.

    Raises:
        PreconditionError: there is less room.
    """
    free = os.statvfs(folder)
    free_bytes = free.f_bavail * free.f_frsize
    if free_bytes < n_bytes:
        message = f"the disks under test need {n_bytes // MIB} MiB of memory, there are {free_bytes // MIB} MiB"
        raise PreconditionError(message, hint="put a smaller model under test, or use a machine with more memory")


def _mounts() -> list[Path]:
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    return [Path(line.split()[4].encode().decode("unicode_escape")) for line in lines]


def make_image(path: Path, file_system: FileSystem) -> None:
    """Make an empty file system in a sparse file."""
    with path.open("wb") as file:
        file.truncate(file_system.size_mib * MIB)
    call([*file_system.make, str(path)])
    call(["fallocate", "--dig-holes", str(path)])  # zeros that were written need not be copied for every state


@contextmanager
def mounted(image: Path, at: Path, file_system: FileSystem) -> Iterator[Path]:
    """Mount a disk, replaying its journal; yield the mount point.

    Raises:
        PreconditionError: it can't be mounted; the message has the reason.
    """
    mount(image, at, file_system)
    try:
        yield at
    finally:
        _unmount(at)


def mount(image: Path, at: Path, file_system: FileSystem) -> None:
    """Mount a disk; `work_folder` unmounts it at the latest."""
    at.mkdir(exist_ok=True)
    call(["mount", "-t", file_system.name, "-o", f"loop,{file_system.options}", str(image), str(at)])


def _unmount(at: Path) -> None:
    try:
        call(["umount", str(at)])
    except PreconditionError:  # somebody is still in it: it goes when they do
        with suppress(PreconditionError):
            call(["umount", "--lazy", str(at)])


def unmount_all(points: Sequence[Path]) -> None:
    """Unmount several at once."""
    if not points:
        return
    try:
        call(["umount", *map(str, points)])
    except PreconditionError:
        still_there = set(_mounts())
        for point in points:
            if point in still_there:
                _unmount(point)


@contextmanager
def recorded(image: Path, *, log: Path, disk: Path) -> Iterator[Path]:
    """Yield the file `disk`: `image` behind a daemon that writes all it is asked to `log`, in order.

    The log is whole once this has ended: a daemon that is ended in order writes how many entries there are.
    """
    for file in (log, disk):
        file.touch()
    daemon = subprocess.Popen(
        [*_DIES_WITH_US, "qemu-storage-daemon", *_daemon_options(image, log=log, disk=disk)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C ends the file system first, the disk below it last
    )
    try:
        _wait_exported(daemon, disk)
        yield disk
    finally:
        _end(daemon)


_DIES_WITH_US: Final = ("setpriv", "--pdeathsig", "KILL", "--")


def _daemon_options(image: Path, *, log: Path, disk: Path) -> list[str]:
    nodes = [
        f"driver=file,filename={_quoted(image)},node-name=data",
        f"driver=file,filename={_quoted(log)},node-name=log",
        f"driver=blklogwrites,node-name=recorded,file=data,log=log,log-sector-size={SECTOR_SIZE}",
    ]
    export = f"type=fuse,id=disk,node-name=recorded,mountpoint={_quoted(disk)},writable=on"
    return [*(part for node in nodes for part in ("--blockdev", node)), "--export", export]


def _quoted(path: Path) -> str:
    return str(path).replace(",", ",,")  # QEMU's way to have a comma in a value


def _wait_exported(daemon: "subprocess.Popen[bytes]", disk: Path) -> None:
    deadline_s = time.monotonic() + STOP_LIMIT_S
    while disk not in _mounts():
        if daemon.poll() is not None or time.monotonic() > deadline_s:
            daemon.kill()
            said = daemon.communicate()[1].decode(errors="replace").strip()
            message = f"qemu-storage-daemon gave no disk: {said or 'it says nothing'}"
            raise PreconditionError(message, hint="it needs QEMU 6.0 or newer, with FUSE exports")
        time.sleep(POLL_S)


def _end(daemon: "subprocess.Popen[bytes]") -> None:
    daemon.terminate()
    try:
        daemon.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
    if daemon.stderr is not None:
        daemon.stderr.close()


def flush(point: Path) -> None:
    """Write everything of one mounted file system to its disk."""
    call(["sync", "--file-system", str(point)])


def call(argv: Sequence[str]) -> None:
    """Run one program.

    Raises:
        PreconditionError: it failed; the message has what it said.
    """
    try:
        done = subprocess.run(argv, capture_output=True, check=False, timeout=CALL_LIMIT_S, start_new_session=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PreconditionError(f"`{argv[0]}` did not end: {error}", hint="see `dmesg`") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        words = said[0] if said else f"exit code {done.returncode}"
        raise PreconditionError(f"`{' '.join(argv)}` failed: {words}", hint="see `dmesg`")
