"""The QEMU process of a virtual rig, told from any other that later has its pid."""

import json
import os
import select
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Final

from hilrig.core.errors import RigLostError
from hilrig.rig.agent.keeper_file import Process

END_LIMIT_S: Final = 10.0
"""A killed process is gone at once; one that waits for a dead disk is not, and nothing here can help it."""


def kill(process: Process) -> None:
    """End a process at once, as a power cut does; return when it is gone.

    Raises:
        RigLostError: it is not ours to kill, or does not go.
    """
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        if process.lives:  # the handle came first: what is checked here is what is killed
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            _wait_gone(process, handle)
    except OSError as error:
        raise RigLostError(
            f"QEMU (pid {process.pid}) can't be killed: {error.strerror}",
            hint="it belongs to another user: ask the one who started the virtual rig",
        ) from error
    finally:
        os.close(handle)


def _wait_gone(process: Process, handle: int) -> None:
    """Wait for the last of its threads, which on a busy machine outlives the first: it holds the files' locks."""
    ended = select.poll()
    ended.register(handle, select.POLLIN)
    if not ended.poll(END_LIMIT_S * 1000):
        raise RigLostError(
            f"QEMU (pid {process.pid}) is still there {END_LIMIT_S:g} s after it was killed",
            hint="it waits for a disk that does not answer: see `dmesg`",
        )


def write_process(path: Path, process: Process) -> None:
    """Keep which process it is, for whoever cuts the power later."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(process)), encoding="ascii")
    draft.replace(path)


def read_process(path: Path) -> Process | None:
    """Return the process that was kept, if it lives; None also when the file is missing or damaged."""
    try:
        process = Process(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return process if process.lives else None
