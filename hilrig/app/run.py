"""Have a run done by its own process, follow its status, hand on what came of it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any, Final

from hilrig.app.folders import hilrig_home
from hilrig.app.request import RunRequest
from hilrig.config.noun_json import to_json
from hilrig.core import errors, files
from hilrig.core.errors import ConfigError, HilrigError, Problem, RigLostError, UsageError

STATUS_PERIOD_S: Final = 0.5
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Status = Mapping[str, Any]
"""The live state of a run as in status.json; `phase` is `preflight`, `self-test` before, `judging` after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A run that came to its end: its directory and the exit code of its verdict."""

    run_dir: Path
    exit_code: int


def run(request: RunRequest, *, on_status: Callable[[Status], None]) -> Finished:
    """Do a run; `on_status` is called about twice a second with its live state.

    SIGINT, SIGTERM and SIGHUP end it in order; a second one kills it.

    Raises:
        HilrigError: whatever kept the run from starting or from being judged.
    """
    _refuse_closed(request.passphrase_fd)
    with tempfile.TemporaryFile() as log, _started(request, log) as process, _signals_forwarded(process):
        progress = _Progress(on_status)
        progress.follow(process)
        return progress.outcome(process, log)


def _refuse_closed(passphrase_fd: int | None) -> None:
    if passphrase_fd is None:
        return
    try:
        os.fstat(passphrase_fd)
    except OSError as error:
        raise UsageError(
            f"descriptor {passphrase_fd} is not open", hint="redirect into it, as in 3<FILE"
        ) from error


class _Progress:
    """What the run's process has said so far."""

    def __init__(self, on_status: Callable[[Status], None]) -> None:
        self._on_status = on_status
        self._said: dict[str, Mapping[str, Any]] = {}
        self._text = b""

    def follow(self, process: subprocess.Popen[bytes]) -> None:
        """Return when the process has ended."""
        self._on_status(self._status())
        while not _ended_within(process, STATUS_PERIOD_S):
            self._listen(process)
            self._on_status(self._status())
        self._listen(process)

    def outcome(self, process: subprocess.Popen[bytes], log: IO[bytes]) -> Finished:
        """Return what came of the run, or raise what it reported."""
        if "error" in self._said:
            raise _rebuilt(self._said["error"])
        if "finished" in self._said:
            return Finished(
                run_dir=Path(self._said["started"]["run_dir"]), exit_code=self._said["finished"]["exit_code"]
            )
        log.seek(0)
        words = log.read().decode(errors="replace").strip().splitlines()
        run_dir = self._said.get("started", {}).get("run_dir")
        raise RigLostError(
            f"the run's process ended with status {process.returncode}: {words[-1] if words else 'no last words'}",
            hint=f"hilrig recover {run_dir}" if run_dir else "hilrig doctor",
        )

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        self._text += process.stdout.read() or b""
        *lines, self._text = self._text.split(b"\n")
        for line in lines:
            said = json.loads(line)
            self._said[said.pop("kind")] = said

    def _status(self) -> Status:
        if "judging" in self._said:
            return {"phase": "judging"}
        if "started" not in self._said:
            return {"phase": "preflight"}
        if "self_test" in self._said and "measuring" not in self._said:
            return {"phase": "self-test", "warnings": self._said["started"]["warnings"]}
        try:
            return dict(json.loads((Path(self._said["started"]["run_dir"]) / files.STATUS).read_bytes()))
        except FileNotFoundError:
            return {"phase": "loading"}


def _ended_within(process: subprocess.Popen[bytes], wait_s: float) -> bool:
    try:
        process.wait(wait_s)
    except subprocess.TimeoutExpired:
        return False
    return True


@contextmanager
def _started(request: RunRequest, log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    passed = () if request.passphrase_fd is None else (request.passphrase_fd,)
    process = subprocess.Popen(
        [sys.executable, "-m", "hilrig.app.soak", to_json(request).decode()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        pass_fds=passed,
        env=os.environ | ({"HILRIG_HOME": str(hilrig_home())} if hilrig_home() else {}),  # for the other folder
        cwd="/",  # `-m` looks into the current folder first: no module of the user's may stand in for ours
        start_new_session=True,  # the terminal's Ctrl-C comes to this process only, which passes it on
    )
    assert process.stdout is not None  # noqa: S101 - it was started with a pipe
    os.set_blocking(process.stdout.fileno(), False)
    try:
        yield process
    finally:
        process.stdout.close()
        process.wait()


@contextmanager
def _signals_forwarded(process: subprocess.Popen[bytes]) -> Iterator[None]:
    seen = 0

    def forward(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's form
        nonlocal seen
        seen += 1
        process.send_signal(signal.SIGTERM if seen == 1 else signal.SIGKILL)

    heeded = [number for number in STOP_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # nohup ignores
    before = {number: signal.signal(number, forward) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _rebuilt(described: Mapping[str, Any]) -> HilrigError:
    """Return the error that the other process raised."""
    if "problems" in described:
        return ConfigError([Problem(**problem) for problem in described["problems"]], hint=described["hint"])
    kind: type[HilrigError] = getattr(errors, described["type"])
    return kind(described["message"], hint=described["hint"])
