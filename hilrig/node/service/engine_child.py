"""The inference process: loads one verified release, proves that it runs, then answers one input at a time.

It is a process, not a thread: a runtime that hangs can only be ended from outside. It ends with its parent.
"""

import ctypes
import json
import mmap
import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, Final

from hilrig.core.errors import HilrigError
from hilrig.node.service.messages import MESSAGE_BYTES_MAX, Told, pack_answer, unpack_ask
from hilrig.node.service.model_runner import ModelRunner

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


def main() -> None:
    """Load, report, answer until the parent closes the socket."""
    told = Told(**json.loads(sys.argv[1]))
    _end_with_parent(told.parent_pid)
    os.nice(told.niceness)
    link = socket.socket(fileno=told.socket_fd)
    begin_s = time.monotonic()
    try:
        runner = ModelRunner(Path(told.folder), release_sha256=told.release_sha256)
        facts = runner.prepare()
    except HilrigError as error:
        _report(link, error=error.message, hint=error.hint)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - a runtime's own exceptions share no public base class
        _report(link, error=f"{type(error).__name__}: {error}", hint="")
        sys.exit(1)
    _report(link, **facts, load_time_ms=round((time.monotonic() - begin_s) * 1000, 1), peak_ram_mb=_peak_ram_mib())
    _answer(link, runner, told)


def _answer(link: socket.socket, runner: ModelRunner, told: Told) -> None:
    memory = memoryview(mmap.mmap(told.memory_fd, told.slot_bytes * told.n_slots, prot=mmap.PROT_READ))
    while asked := link.recv(MESSAGE_BYTES_MAX):
        ticket, slot, kind = unpack_ask(asked)
        begin = slot * told.slot_bytes
        link.send(pack_answer(runner.run(ticket, kind, memory[begin : begin + told.slot_bytes])))


def _report(link: socket.socket, **facts: Any) -> None:
    link.send(json.dumps(facts).encode()[:MESSAGE_BYTES_MAX])


def _peak_ram_mib() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _end_with_parent(parent_pid: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: the parent decides
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # it was gone before the line above
        sys.exit(1)


if __name__ == "__main__":
    main()
