"""The place of one round: a folder with a key and a home of its own, the calls made there, all that they start."""

import fcntl
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

MARK: Final = "HILRIG_CHAOS_ROUND"
"""In the environment of whatever a round starts, and inherited: what outlives its parents is known by it."""

CALL_S: Final = 300
"""Within this every command ends, on a machine that others load too; the longest grace of hilrig's own is 30 s."""

SHORT_S: Final = 90
ONNX_RUNTIME: Final = "tmp/.ses"
"""ONNX Runtime writes this when it is imported, and leaves it."""

SHM: Final = Path("/dev/shm")
OPENING_BYTES: Final = 16 << 20
"""More than any text that a command prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """What a command gave. `code` is None where it had to be killed for taking too long."""

    words: tuple[str, ...]
    code: int | None
    out: str
    err: str
    took_s: float

    def __str__(self) -> str:
        text = self.err.strip() or self.out.strip()
        said = next((line for line in text.splitlines() if "rror:" in line), text.splitlines()[-1] if text else "")
        return f"{' '.join(self.words[:3])} -> {self.code} in {self.took_s:.1f} s: {said[:160]}"


class Running:
    """A command that goes on; what it prints goes to files, so that it never waits for a reader."""

    def __init__(self, place: "Place", words: tuple[str, ...], environment: dict[str, str]) -> None:
        self.words, self._begun_s = words, time.monotonic()
        self._out, self._err = place.scratch("out"), place.scratch("err")
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hilrig", *words],
                cwd=place.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def ended(self, limit_s: float = CALL_S) -> Called:
        """Wait for its end; a command that does not come to one is killed."""
        try:
            code: int | None = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = None
        took_s = time.monotonic() - self._begun_s
        return Called(words=self.words, code=code, out=_text(self._out), err=_text(self._err), took_s=took_s)


class Place:
    """A folder in which hilrig is called as a careless person calls it.

    Args:
        folder: made new.
        home: a HILRIG_HOME with a key, which is copied.
    """

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder, self.reports, self.tmp = folder, folder / "reports", folder / "tmp"
        self.home, self.base_home = folder / "home", home
        self._said, self._mounts = folder.with_name(f"{folder.name}.said"), list[Path]()
        for one in (self.reports, self.tmp, self._said):
            one.mkdir(parents=True)
        shutil.copytree(home, self.home)
        self.mark = uuid.uuid4().hex
        self._shm = set(SHM.iterdir())
        self._n_said = 0

    def environment(self, **extra: str) -> dict[str, str]:
        """Return the environment of a call."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
        own = {"HILRIG_HOME": str(self.home), "TMPDIR": str(self.tmp), "NO_COLOR": "1", MARK: self.mark}
        return kept | own | extra

    def start(self, *words: str, **extra: str) -> Running:
        """Start a command."""
        return Running(self, words, self.environment(**extra))

    def call(self, *words: str, limit_s: float = CALL_S, **extra: str) -> Called:
        """Run a command to its end, in a process of its own."""
        return self.start(*words, **extra).ended(limit_s)

    def look(self, *words: str, limit_s: float = SHORT_S) -> Called:
        """Run a command that measures nothing to its end, in a fork of this process: ten times as fast."""
        out, err, begun_s = self.scratch("out"), self.scratch("err"), time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            _be_hilrig(words, self, out, err)
        code = _waited(pid, limit_s)
        took_s = time.monotonic() - begun_s
        return Called(words=words, code=code, out=_text(out), err=_text(err), took_s=took_s)

    def scratch(self, kind: str) -> Path:
        """Return a new file beside the place."""
        self._n_said += 1
        return self._said / f"{self._n_said}.{kind}"

    def run_dirs(self) -> list[Path]:
        """Return the run directories, the oldest first."""
        found = self.reports.glob("2*") if self.reports.is_dir() else iter(())
        return sorted(path for path in found if path.is_dir() and not path.is_symlink())

    def processes(self) -> list[psutil.Process]:
        """Return the living processes of this round, whoever their parents are."""
        return [process for process in psutil.process_iter() if _is_marked(process, self.mark)]

    def role(self, name: str) -> list[psutil.Process]:
        """Return the processes of this round with this word in their command line."""
        return [process for process in self.processes() if any(name in word for word in _words(process))]

    def until(self, holds: Callable[[], bool], limit_s: float) -> bool:
        """Wait until it holds; return whether it came to that."""
        end_s = time.monotonic() + limit_s
        while not holds():
            if time.monotonic() > end_s:
                return False
            time.sleep(0.03)
        return True

    def is_lease_free(self) -> bool:
        """Return whether a next run would get the rig."""
        try:
            fd = os.open(self.home, os.O_RDONLY | os.O_DIRECTORY)  # locked with the file, which a round may pull
        except OSError:
            return True  # no folder, no lease
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(fd)
        return True

    def leftovers(self) -> list[str]:
        """Return what was left behind in TMPDIR and in /dev/shm."""
        in_tmp = [str(path.relative_to(self.folder)) for path in self.tmp.iterdir()] if self.tmp.is_dir() else []
        in_shm = [str(path) for path in set(SHM.iterdir()) - self._shm if "hilrig" in path.name]
        return [name for name in in_tmp + in_shm if name != ONNX_RUNTIME]

    def mount(self, folder: Path, *options: str) -> bool:
        """Mount something over a folder until the round ends; return whether this machine lets us."""
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", *options, str(folder)], capture_output=True, check=False)
        if done.returncode == 0:
            self._mounts.append(folder)
        return done.returncode == 0

    def unmount(self) -> None:
        """Take every mount away again, the newest first."""
        while self._mounts:
            subprocess.run(["umount", "--lazy", str(self._mounts.pop())], capture_output=True, check=False)

    def end_all(self) -> None:
        """Kill whatever lives of this round: by its own number, each one."""
        for process in self.processes():
            _kill(process)

    def close(self) -> None:
        """Leave nothing behind: no process, no mount, no file."""
        self.end_all()
        self.unmount()
        for folder in (self.folder, self._said):
            shutil.rmtree(folder, ignore_errors=True)


def digest_of(folder: Path) -> dict[str, str]:
    """Return what every entry below a folder is, by name: a changed byte, kind or target shows."""
    return {str(path.relative_to(folder)): _identity(path) for path in sorted(folder.rglob("*"))}


def _identity(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISREG(mode):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return str(path.readlink()) if stat.S_ISLNK(mode) else stat.filemode(mode)


def _be_hilrig(words: tuple[str, ...], place: Place, out: Path, err: Path) -> None:
    """Be the command, in a fork; never return."""
    code = 1
    try:
        os.setsid()
        os.chdir(place.folder)
        os.environ.update(place.environment())
        for fd, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), fd)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.stdout, sys.stderr = (
            os.fdopen(fd, "w") for fd in (1, 2)
        )  # this process may have its own, as in tests
        sys.argv = ["hilrig", *words]
        from hilrig.cli.main import main

        main()
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:  # noqa: BLE001 - what Python itself would do with it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _waited(pid: int, limit_s: float) -> int | None:
    end_s = time.monotonic() + limit_s
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end_s:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return None
        time.sleep(0.005)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(OPENING_BYTES).decode(errors="replace")


def _is_marked(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.Error:
        return
