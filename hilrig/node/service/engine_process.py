"""The inference process seen from the service: started, asked over a socket, fed through shared memory, ended."""

import json
import mmap
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hilrig.node.service.messages import MESSAGE_BYTES_MAX, Answer, Kind, Told, pack_ask, unpack_answer

REAP_S: Final = 10.0
"""Between SIGKILL and the end: what holds a GPU takes seconds to let go of it."""
EXIT_S: Final = 0.05
"""Between the end of a process's socket and its exit status: the kernel closes its files just before."""


class EngineProcess:
    """A process that holds one release's model. To be made in the main thread: it ends with the thread's end.

    Args:
        folder: of the release in the store.
        release_sha256: what that folder must hold.
        slot_bytes: the largest input.
        n_slots: inputs that fit into shared memory at once.
        niceness: 0, or what makes a model in shadow mode give way.

    Raises:
        OSError: there is no memory or no process left for it.
    """

    def __init__(
        self, folder: Path, *, release_sha256: str, slot_bytes: int, n_slots: int, niceness: int = 0
    ) -> None:
        self._link, child_link = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._link.setblocking(False)
        memory_fd = os.memfd_create("hilrig-input")
        os.ftruncate(memory_fd, slot_bytes * n_slots)
        told = Told(
            release_sha256=release_sha256,
            folder=str(folder.absolute()),
            parent_pid=os.getpid(),
            socket_fd=child_link.fileno(),
            memory_fd=memory_fd,
            slot_bytes=slot_bytes,
            n_slots=n_slots,
            niceness=niceness,
        )
        self._slot_bytes = slot_bytes
        try:
            self._memory = memoryview(mmap.mmap(memory_fd, slot_bytes * n_slots))
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hilrig.node.service.engine_child", json.dumps(told.as_json())],
                stdin=subprocess.DEVNULL,
                stdout=2,  # our stdout is for the service's own words
                pass_fds=[child_link.fileno(), memory_fd],
                cwd="/",  # `-m` looks into the current folder first
            )
        finally:
            child_link.close()
            os.close(memory_fd)

    @property
    def pid(self) -> int:
        """Return the process's number."""
        return self._process.pid

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when the process says something or ends."""
        return self._link.fileno()

    def slot(self, number: int) -> memoryview:
        """Return the shared memory of one slot."""
        begin = number * self._slot_bytes
        return self._memory[begin : begin + self._slot_bytes]

    def ask(self, ticket: int, slot: int, kind: Kind) -> None:
        """Have the input in `slot` decided.

        Raises:
            OSError: the process is gone.
        """
        try:
            self._link.send(pack_ask(ticket, slot, kind))
        except OSError:
            self._await_status()
            raise

    def facts(self) -> dict[str, Any] | None:
        """Return its first message; None when it ended without one."""
        data = self._received()
        facts: dict[str, Any] | None = json.loads(data) if data else None
        return facts

    def answer(self) -> Answer | None:
        """Return its next answer; None when it is gone."""
        data = self._received()
        return unpack_answer(data) if data else None

    def end(self) -> str:
        """End it without waiting; return how it had ended, in words. It holds nothing that could be lost."""
        code = self._process.poll()
        self._process.kill()
        self._link.close()
        if code is None:
            return "ended by the service"
        return f"killed by signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"

    def reap(self) -> None:
        """Wait until it is gone: for a thread, because freeing a large model takes as long as some requests."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(REAP_S)

    def _received(self) -> bytes:
        try:
            data = self._link.recv(MESSAGE_BYTES_MAX)
        except OSError:  # reset, because it had not read all that it was asked
            data = b""
        if not data:
            self._await_status()
        return data

    def _await_status(self) -> None:
        """Wait for the status of a process that has ended by itself."""
        if self._link.fileno() >= 0:  # else it was ended by us
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(EXIT_S)
