"""The processes of a run: starting one, what it is told, what it reports, that it never outlives its parent."""

import ctypes
import json
import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from hilrig.core.errors import HilrigError
from hilrig.core.run import RunPlan
from hilrig.run.shared_block import Layout, SharedBlock

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
EXIT_REPORTED: Final = 3  # the child told its parent what was wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a process of a run is told: plan, the folders of run and profile, shared block, descriptors."""

    plan: RunPlan
    run_folder: Path
    profile_folder: Path
    layout: Layout
    block_fd: int
    report_fd: int
    frames_fd: int  # eventfd: one count for each released frame
    space_fd: int  # eventfd: one count for each frame taken from the queue

    def block(self) -> SharedBlock:
        """Return this process's view of the shared memory."""
        return SharedBlock(self.block_fd, self.layout)

    def report(self, kind: str, **detail: Any) -> None:
        """Tell the supervisor something: `ready`, `done` or `error`, with JSON detail."""
        os.write(self.report_fd, json.dumps({"kind": kind, **detail}).encode() + b"\n")


def run_child(body: Callable[[Setup], None]) -> None:
    """Run a child's body; report what goes wrong to the supervisor, end with the parent."""
    _end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor decides how a run ends
    setup: Setup = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own parent wrote it into a file without a name
    try:
        body(setup)
    except HilrigError as error:
        setup.report("error", message=error.message, hint=error.hint)
        sys.exit(EXIT_REPORTED)
    except Exception as error:  # noqa: BLE001 - the parent is told of every fault
        traceback.print_exc()
        setup.report("error", message=f"{type(error).__name__}: {error}", hint="see run.log")
        sys.exit(EXIT_REPORTED)


class Child:
    """A started process of a run, seen from the supervisor."""

    def __init__(self, module: str, setup: Setup, *, log_fd: int, folder: Path) -> None:
        self._read_fd, write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        self._pending = b""
        with told_file(replace(setup, report_fd=write_fd)) as told_fd:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"hilrig.run.{module}"],
                stdin=told_fd,
                stdout=log_fd,
                stderr=log_fd,
                pass_fds=[write_fd, setup.block_fd, setup.frames_fd, setup.space_fd],
                cwd=folder,  # `-m` looks into the current folder first: only our own files are here
            )
        os.close(write_fd)

    def reports(self) -> Sequence[Mapping[str, Any]]:
        """Return what the child reported since the last call; never waits."""
        try:
            while chunk := os.read(self._read_fd, 1 << 16):
                self._pending += chunk
        except BlockingIOError:
            pass  # nothing more just now
        *lines, self._pending = self._pending.split(b"\n")
        return [json.loads(line) for line in lines]

    def is_running(self) -> bool:
        """Return whether the process lives."""
        return self.process.poll() is None

    def death(self) -> str:
        """Return how the process ended, in words."""
        code = self.process.returncode
        if code is not None and code < 0:
            return f"killed by signal {signal.Signals(-code).name}"
        return f"exit status {code}"

    def end(self, *, grace_s: float) -> None:
        """Wait for the process to end by itself, then end it; reaps it and closes its pipe."""
        try:
            self.process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self._read_fd)


@contextmanager
def told_file(setup: Setup) -> Iterator[int]:
    """Yield a file without a name that has the setup, as a process reads it from its stdin.

    Pickled: a plan as JSON is read with pydantic, whose import and schema cost each process of a run 0.1 s of CPU.
    """
    fd = os.memfd_create("hilrig-setup")
    try:
        os.write(fd, pickle.dumps(setup))
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def _end_with_parent() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == 1:  # it was gone before the line above
        sys.exit(EXIT_REPORTED)
