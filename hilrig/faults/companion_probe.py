"""One question to a companion: over HTTP, or by a command. No answer outlasts its deadline."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from hilrig.core.companion import ProbeSpec
from hilrig.core.units import NS_PER_S
from hilrig.faults.companion_command import program
from hilrig.faults.companion_process import Children
from hilrig.faults.probing import Ask

HTTP_PORT: Final = 80
HEAD_BYTES_MAX: Final = 16 << 10
"""A service whose head is longer answers no health check."""

_WELL: Final = re.compile(rb"HTTP/1\.[01] 2\d\d[ \r]")  # RFC 9112, 4
_END_OF_HEAD: Final = b"\r\n\r\n"


def asker(probe: ProbeSpec, *, folder: Path, children: Children, environment: Mapping[str, str]) -> Ask:
    """Return what asks as a probe says."""
    if probe.url is not None:
        return AskUrl(probe.url)
    return AskCommand(probe.argv, folder=folder, children=children, environment=environment)


class AskUrl:
    """Well when the service answers 2xx; the answer is there when its head is.

    Every question has a connection of its own: a kept one would not notice that nobody accepts any more.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or HTTP_PORT)
        path = parts.path or "/"
        query = f"?{parts.query}" if parts.query else ""
        lines = (
            f"GET {path}{query} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Connection: close",
            "Accept: */*",
            "",
            "",
        )
        self._request = "\r\n".join(lines).encode()

    def __call__(self, *, deadline_ns: int) -> bool:
        """Return whether it answered 2xx before `deadline_ns` on CLOCK_MONOTONIC."""
        try:
            with socket.create_connection(self._address, timeout=_left_s(deadline_ns)) as line:
                line.settimeout(_left_s(deadline_ns))
                line.sendall(self._request)
                return _WELL.match(_head(line, deadline_ns)) is not None
        except OSError:  # refused, broken off, too late
            return False


class AskCommand:
    """Well when the command exits 0."""

    def __init__(
        self, argv: tuple[str, ...], *, folder: Path, children: Children, environment: Mapping[str, str]
    ) -> None:
        self._argv = [program(argv[0], folder) or argv[0], *argv[1:]]
        self._folder = folder
        self._children = children
        self._environment = dict(environment)

    def __call__(self, *, deadline_ns: int) -> bool:
        """Return whether it exited 0 before `deadline_ns`; what it started ends with it."""
        try:
            process = self._children.start(
                self._argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self._folder,
                env=self._environment,
                start_new_session=True,
            )
        except OSError:
            return False
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, (deadline_ns - time.monotonic_ns()) / NS_PER_S))
        is_well = process.returncode == 0
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._children.forget(process)
        return is_well


def _head(line: socket.socket, deadline_ns: int) -> bytes:
    """Return the head of an answer; nothing when the service closed before its end, or said too much."""
    data = b""
    while _END_OF_HEAD not in data and len(data) < HEAD_BYTES_MAX:
        line.settimeout(_left_s(deadline_ns))
        piece = line.recv(4096)
        if not piece:
            break
        data += piece
    return data if _END_OF_HEAD in data else b""


def _left_s(deadline_ns: int) -> float:
    left_s = (deadline_ns - time.monotonic_ns()) / NS_PER_S
    if left_s <= 0:
        raise TimeoutError
    return left_s
