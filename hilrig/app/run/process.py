"""The process that does a run, seen from the one that started it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from hilrig.app.folders import hilrig_home
from hilrig.app.run.request import RunRequest
from hilrig.config.noun_json import to_json
from hilrig.core import errors
from hilrig.core.errors import ConfigError, HilrigError, Problem, RecordError, RigLostError, UsageError
from hilrig.record.heartbeat import read_status

Status: TypeAlias = Mapping[str, Any]
"""The live state of a run as in status.json, with its `run_dir`; before there is one, `phase` is `preflight`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A run that came to its end: its directory and the exit code of its verdict."""

    run_dir: Path
    exit_code: int


class RunProcess:
    """A started process that prints what a run reaches; in a session of its own, out of a terminal's reach.

    Args:
        module: what it runs, with its `argument`; the number of this process comes behind that.
        pass_fds: descriptors that it keeps.
    """

    def __init__(self, module: str, argument: str, *, pass_fds: tuple[int, ...] = ()) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as this; the process keeps its own
        self._said: dict[str, Mapping[str, Any]] = {}
        self._text = b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, argument, str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            pass_fds=pass_fds,
            env=os.environ
            | ({"HILRIG_HOME": str(hilrig_home())} if hilrig_home() else {}),  # for its other folder
            cwd="/",  # `-m` looks into the current folder first: no module of the user's may stand in for ours
            start_new_session=True,  # the terminal's Ctrl-C comes to this process only, which passes it on
        )
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe
        self._pipe = self._process.stdout
        os.set_blocking(self._pipe.fileno(), False)

    @property
    def run_dir(self) -> Path | None:
        """Return the run directory; None before there is one."""
        return Path(self._said["started"]["run_dir"]) if "started" in self._said else None

    def ended_within(self, wait_s: float) -> bool:
        """Wait up to `wait_s`, take in what it said; return whether it has ended."""
        try:
            self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self._listen()
            return False
        self._listen()
        return True

    def status(self) -> Status:
        """Return the newest live state."""
        if self.run_dir is None:
            return {"phase": "preflight", **self._said.get("status", {})}
        try:
            status = read_status(self.run_dir)
        except RecordError:
            status = None
        return {"phase": "loading", **(status or {}), "run_dir": str(self.run_dir)}

    def outcome(self) -> Finished:
        """Return what came of the ended run, or raise what it reported.

        Raises:
            HilrigError: whatever kept the run from starting or from being judged.
        """
        if "error" in self._said:
            raise rebuilt(self._said["error"])
        if "finished" in self._said and self.run_dir is not None:
            return Finished(run_dir=self.run_dir, exit_code=self._said["finished"]["exit_code"])
        self._log.seek(0)
        words = self._log.read().decode(errors="replace").strip().splitlines()
        raise RigLostError(
            f"the run's process ended with status {self._process.returncode}: "
            f"{words[-1] if words else 'no last words'}",
            hint=f"hilrig recover {self.run_dir}" if self.run_dir else "hilrig doctor",
        )

    def send(self, number: int) -> None:
        """Send it a signal; nothing happens when it has ended."""
        self._process.send_signal(number)

    def wait(self) -> None:
        """Return when it has ended."""
        self._process.wait()

    def close(self) -> None:
        """Listen no more; the process goes on."""
        self._pipe.close()
        self._log.close()

    def _listen(self) -> None:
        self._text += self._pipe.read() or b""
        *lines, self._text = self._text.split(b"\n")
        for line in lines:
            said = json.loads(line)
            self._said[said.pop("kind")] = said


class SoakProcess(RunProcess):
    """A started run.

    Raises:
        UsageError: the passphrase's descriptor is not open.
    """

    def __init__(self, request: RunRequest) -> None:
        _refuse_closed(request.passphrase_fd)
        pass_fds = () if request.passphrase_fd is None else (request.passphrase_fd,)
        super().__init__("hilrig.app.soak.main", to_json(request).decode(), pass_fds=pass_fds)


def rebuilt(described: Mapping[str, Any]) -> HilrigError:
    """Return the error that the other process described."""
    if "problems" in described:
        return ConfigError([Problem(**problem) for problem in described["problems"]], hint=described["hint"])
    kind: type[HilrigError] = getattr(errors, described["type"])
    return kind(described["message"], hint=described["hint"])


def _refuse_closed(passphrase_fd: int | None) -> None:
    if passphrase_fd is None:
        return
    try:
        os.fstat(passphrase_fd)
    except OSError as error:
        raise UsageError(
            f"descriptor {passphrase_fd} is not open", hint="redirect into it, as in 3<FILE"
        ) from error
