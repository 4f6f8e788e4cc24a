"""A subject's commands, run one by one.

They are its installation and its steps; what they print is read here.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.core.errors import PreconditionError, RunAbortedError
from hilrig.core.power_loss import UpdateSubject

Progress = Callable[[str, int, int], None]
"""Told what goes on, how much of it is done and how much there is."""

INSTALL_EPISODE: Final = "install"
"""The episode that starts from nothing."""
TRACE_VARIABLE: Final = "HILRIG_DISK_TRACE"
CRASH_VARIABLE: Final = "HILRIG_CRASH_AT"
STEP_TIMEOUT_S: Final = 120.0
"""A step brings a small model into a store: minutes mean that it hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """A command that has ended: its exit code (negative: a signal), its time, the events that it printed."""

    returncode: int
    took_s: float
    events: tuple[str, ...]
    stderr: str


def run_step(
    argv: Sequence[str], store: Path, *, environment: Mapping[str, str] | None = None, kill_after_s: float = 0.0
) -> Stepped:
    """Run a command of a subject on a store; end it after `kill_after_s` with SIGKILL (0: let it end by itself).

    Raises:
        PreconditionError: there is no such command, or it hangs.
    """
    line = [word.replace("{store}", str(store)) for word in argv]
    began_s = time.monotonic()
    try:
        process = subprocess.Popen(
            line,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # what it started dies with it
        )
    except OSError as error:
        raise PreconditionError(
            f"{line[0]} cannot be started: {error.strerror}", hint="is it installed?"
        ) from error
    out, err = _output(process, timeout_s=kill_after_s or STEP_TIMEOUT_S)
    took_s = time.monotonic() - began_s
    if process.returncode == -signal.SIGKILL and not kill_after_s and took_s >= STEP_TIMEOUT_S:
        raise PreconditionError(
            f"`{' '.join(line)}` did not end within {STEP_TIMEOUT_S:g} s", hint="run it by hand and see why"
        )
    return Stepped(returncode=process.returncode, took_s=took_s, events=_events(out), stderr=err)


def _output(process: "subprocess.Popen[str]", *, timeout_s: float) -> tuple[str, str]:
    try:
        return process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def require_done(done: Stepped, *, name: str, subject: UpdateSubject) -> Stepped:
    """Return a step that ended with 0.

    Raises:
        PreconditionError: it did not: nothing can be learnt from an update that fails anyway.
    """
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise PreconditionError(
            f"{subject.name}: {name} ended with {done.returncode} although nothing was cut: {' '.join(said[-3:])}",
            hint="run the update by hand until it works, then test it",
        )
    return done


def install(subject: UpdateSubject, store: Path) -> None:
    """Make the store with release A in it.

    Raises:
        PreconditionError: it cannot be made.
    """
    require_done(run_step(subject.install, store), name="install", subject=subject)
    if not store.is_dir():
        raise PreconditionError(
            f"{subject.name}: install made no folder {store}",
            hint="put {store} where the command takes the folder",
        )


def copy_store(source: Path, target: Path) -> None:
    """Make a store anew as a copy of another, hard links included; a source that is not there leaves none."""
    shutil.rmtree(target, ignore_errors=True)
    if source.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(source, target, {})


def _copy(source: Path, target: Path, copied: dict[int, Path]) -> None:
    target.mkdir()
    for entry in os.scandir(source):
        place = target / entry.name
        if entry.is_dir(follow_symlinks=False):
            _copy(Path(entry.path), place, copied)
        elif entry.is_file(follow_symlinks=False) and entry.inode() in copied:
            place.hardlink_to(copied[entry.inode()])
        else:
            shutil.copy2(entry.path, place, follow_symlinks=False)
            copied[entry.inode()] = place


def start_of(episode: str, base: Path, store: Path) -> None:
    """Make the store that an episode starts from: the installed one, or nothing."""
    if episode == INSTALL_EPISODE:
        shutil.rmtree(store, ignore_errors=True)
        store.mkdir(parents=True)
    else:
        copy_store(base, store)


def stop_if(should_stop: Callable[[], bool]) -> None:
    """End the test where that was asked for.

    Raises:
        RunAbortedError: it was.
    """
    if should_stop():
        raise RunAbortedError("the power-loss test was stopped", hint="start it again when there is time for it")


def _events(out: str) -> tuple[str, ...]:
    """Return the names of the events in what a command printed."""
    return tuple(filter(None, map(_event, out.splitlines())))


def _event(line: str) -> str:
    if not line.startswith("{"):
        return ""
    try:
        name = json.loads(line).get("event", "")
    except ValueError:
        return ""
    return name if isinstance(name, str) else ""
