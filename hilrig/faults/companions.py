"""A run's companions, seen from the run.

A keeper process has them; it is told when to go on and when to end.
"""

import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from hilrig.config.noun_json import to_json
from hilrig.core.errors import PreconditionError, RigLostError, RunAbortedError
from hilrig.faults.companion_keeper import TOGETHER, KeeperSetup
from hilrig.faults.companion_process import end_marked, wait_readable

LOOK_S: Final = 0.05
END_S: Final = 20.0
"""The last probes' timeout (10 s at most), then SIGTERM and SIGKILL for all companions."""

LOG_NAME: Final = "companions.log"
NOT_READY: Final = "start it by hand in the profile's folder, and ask its probe"


class Companions:
    """The keeper of a run's companions: started by `kept`, which also ends it."""

    def __init__(self, setup: KeeperSetup) -> None:
        self._run_id = setup.run_id
        self._pending = b""
        self._heard: deque[Mapping[str, Any]] = deque()
        with (Path(setup.run_dir) / LOG_NAME).open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hilrig.faults.companion_keeper"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                cwd="/",  # `-m` looks into the current folder first: nobody's files are there
                start_new_session=True,  # signals come to the run, which decides
            )
        self._tell(to_json(setup))
        assert self._process.stdout is not None  # noqa: S101 - it was started with pipes
        self._said_fd = self._process.stdout.fileno()

    def measure_alone(self, stop: Callable[[], bool]) -> None:
        """Return when every companion is well and was measured without the model; `stop` is asked meanwhile.

        Raises:
            PreconditionError: one does not start, is not well, or ended by itself.
            RunAbortedError: stopped.
            RigLostError: the keeper itself was lost.
        """
        for reached in ("ready", "alone"):
            self._await(reached, stop)

    def go_together(self, stop: Callable[[], bool]) -> None:
        """Have the probes beside the model begin.

        Raises:
            RigLostError: the keeper was lost.
        """
        self._tell(TOGETHER)
        self._await("together", stop)

    def end(self) -> None:
        """End the probes and every companion with all that it started; the journal is whole when this returns."""
        assert self._process.stdin is not None  # noqa: S101 - it was started with pipes
        assert self._process.stdout is not None  # noqa: S101 - it was started with pipes
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        if self._process.returncode != 0:  # nobody else is left to end them
            end_marked(self._run_id)

    def _tell(self, line: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was started with pipes
        with suppress(BrokenPipeError):  # what it said last tells why
            self._process.stdin.write(line + b"\n")

    def _await(self, kind: str, stop: Callable[[], bool]) -> None:
        while True:
            self._listen()
            while self._heard:
                said = self._heard.popleft()
                if said["kind"] == "refused":
                    raise PreconditionError(said["message"], hint=NOT_READY)
                if said["kind"] == kind:
                    return
            if stop():
                raise RunAbortedError("stopped while the companions were measured alone: no frame was offered")

    def _listen(self) -> None:
        """Take in what the keeper said; wait a moment for it."""
        if not wait_readable([self._said_fd], timeout_s=LOOK_S):
            return
        data = os.read(self._said_fd, 1 << 16)
        if not data:
            raise RigLostError(
                f"the process that keeps the companions was lost: status {self._process.wait()}",
                hint=f"its last words are in {LOG_NAME}",
            )
        *lines, self._pending = (self._pending + data).split(b"\n")
        self._heard.extend(map(json.loads, lines))


@contextmanager
def kept(setup: KeeperSetup) -> Iterator[Companions]:
    """Give the companions of a run; all of them have ended when the body is through, however it went."""
    companions = Companions(setup)
    try:
        yield companions
    finally:
        companions.end()
