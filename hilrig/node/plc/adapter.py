"""The service's end of the PLC adapter: hands decisions over without ever waiting."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any, Final

from hilrig.core.plc import FailSafeReason
from hilrig.node.plc.decision import Decision, decided, pack, undecided
from hilrig.node.plc.link import open_link
from hilrig.node.plc.url import read_plc_url

END_S: Final = 2.0
"""How long the write loop may take for its last write, after the service has let go of it."""


def open_adapter(url: str, *, node: str = "") -> "PlcAdapter":
    """Return an adapter that writes to the PLC at `url` from now on, in a process of its own.

    `node` is what its log lines call this node.

    A process, because a thread would wait for the interpreter whenever the service parses a large request.

    Raises:
        UsageError: the URL cannot be meant, or the library for its protocol is missing.
    """
    open_link(read_plc_url(url)).close()  # a mistake is told here, not in the log of another process
    return PlcAdapter(url, node=node)


class PlcAdapter:
    """Decisions go in, the PLC's registers come out; also without any decision, as fail-safe.

    Calls take some microseconds and never block: where the write loop has stopped reading, a decision is counted
    as refused, and what the PLC sees is a heartbeat that stands still.

    Attributes:
        n_refused: decisions that the write loop could not be given.
    """

    def __init__(self, url: str, *, node: str = "") -> None:
        self.n_refused = 0
        self._report = b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hilrig.node.plc", url, node],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # a Ctrl-C for the service must not take the last fail-safe write away
        )
        self._in_fd, self._out_fd = _fd_of(self._process.stdin), _fd_of(self._process.stdout)
        os.set_blocking(self._in_fd, False)
        os.set_blocking(self._out_fd, False)

    @property
    def pid(self) -> int:
        """Return the process of the write loop."""
        return self._process.pid

    def submit(
        self, *, sequence: int, is_defective: bool, score: float, decided_ns: int, deadline_ns: int
    ) -> None:
        """Hand over what the model decided.

        Args:
            sequence: the number that the PLC sees; its lowest 32 bits.
            is_defective: what goes to the PLC.
            score: one that is not finite fails safe, whatever was decided.
            decided_ns: CLOCK_MONOTONIC.
            deadline_ns: the end of the ceiling; a decision after it fails safe.
        """
        self._send(
            decided(
                sequence=sequence,
                is_defective=is_defective,
                score=score,
                decided_ns=decided_ns,
                deadline_ns=deadline_ns,
            )
        )

    def submit_error(self, *, sequence: int, reason: FailSafeReason = FailSafeReason.SERVICE_ERROR) -> None:
        """Hand over that a frame gets no decision."""
        self._send(undecided(sequence=sequence, now_ns=time.monotonic_ns(), reason=reason))

    def status(self) -> dict[str, Any]:
        """Return the write loop's last report; empty before its first one, which comes within a second."""
        with suppress(BlockingIOError):
            while chunk := os.read(self._out_fd, 1 << 16):
                self._report += chunk
        *whole, rest = self._report.rsplit(b"\n", 2)
        if not whole:
            return {}
        self._report = whole[-1] + b"\n" + rest
        report: dict[str, Any] = json.loads(whole[-1])
        return {**report, "n_refused": self.n_refused, "running": self._process.poll() is None}

    def close(self) -> None:
        """Let the write loop write the fail-safe output once more, then end it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _send(self, decision: Decision) -> None:
        try:
            os.write(self._in_fd, pack(decision))
        except (BlockingIOError, BrokenPipeError):
            self.n_refused += 1


def _fd_of(pipe: Any) -> int:
    fd: int = pipe.fileno()
    return fd
