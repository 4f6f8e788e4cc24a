"""The power of a virtual rig: starting QEMU is power, killing it is a hard cut.

A kill takes the guest's page cache and leaves the host's: what the guest has flushed is kept. So it finds a
missing fsync in the guest, not a disk that loses its own write cache.
"""

import fcntl
import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hilrig.core.errors import PreconditionError, RigLostError
from hilrig.core.rig import PowerState
from hilrig.rig.agent.keeper_file import Process, process_of
from hilrig.rig.qemu_process import kill, read_process, write_process

MACHINE_FILE: Final = "qemu.json"
PID_FILE: Final = "qemu.pid"
PROCESS_FILE: Final = "process.json"
LOCK_FILE: Final = "power.lock"
SERIAL_LOG: Final = "serial.log"
KERNEL_WORD: Final = "RIG: kernel"
"""What the first program in the guest says, before it looks at the disk."""
START_LIMIT_S: Final = 30.0
"""QEMU puts itself into the background once the machine runs: under a second, more on a busy machine."""
KERNEL_LIMIT_S: Final = 60.0
"""Emulated on two busy cores it takes four seconds."""
N_STARTS: Final = 3
_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class QemuPowerOptions:
    """Where the virtual rig lies.

    Args:
        folder: the folder that `hilrig rigs virtual up` made; a relative path starts at the rig file's folder.
    """

    folder: str


class QemuPower:
    """Switches a virtual rig: `qemu.json` in its folder has `argv`, the program that is the machine."""

    Options = QemuPowerOptions

    def __init__(self, options: QemuPowerOptions, name: str, folder: Path) -> None:
        self._name = name
        self._folder = (folder / Path(options.folder).expanduser()).absolute()

    def off(self) -> None:
        """Kill QEMU: nothing in the guest gets a chance to save anything.

        Raises:
            PreconditionError: there is no such virtual rig.
            RigLostError: it cannot be killed.
        """
        with self._alone():
            process = self._process()
            if process is not None:
                kill(process)

    def on(self) -> None:
        """Start QEMU in the background and wait for its kernel; nothing happens when it runs already.

        An emulated kernel was seen to hang before its first program ran (once in some 200 boots; why is unknown).
        Nothing has looked at the disk by then: neither it nor a node under test is to blame. It is started anew.

        Raises:
            PreconditionError: there is no such virtual rig, or no QEMU here.
            RigLostError: QEMU does not start, or its kernel never comes up.
        """
        with self._alone():
            if self._process() is None:
                self._start_until_its_kernel_runs()

    def state(self) -> PowerState:
        """Return ON while QEMU runs.

        Raises:
            PreconditionError: there is no such virtual rig.
        """
        self._machine()
        return PowerState.OFF if self._process() is None else PowerState.ON

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One at a time: two machines on one disk would ruin it."""
        self._machine()
        with (self._folder / LOCK_FILE).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _process(self) -> Process | None:
        return read_process(self._folder / PROCESS_FILE)

    def _start_until_its_kernel_runs(self) -> None:
        for _ in range(N_STARTS):
            self._start()
            if self._kernel_runs():
                return
            if (process := self._process()) is not None:
                kill(process)
        raise self._not_started(f"its kernel never came up, in {N_STARTS} starts")

    def _kernel_runs(self) -> bool:
        """Return whether the kernel comes up in time; False also when QEMU ends before."""
        give_up_s = time.monotonic() + KERNEL_LIMIT_S
        while not (said := self._has_said_its_word()) and self._process() is not None:
            if time.monotonic() > give_up_s:
                return False
            time.sleep(_POLL_S)
        return said or self._has_said_its_word()

    def _has_said_its_word(self) -> bool:
        try:
            return KERNEL_WORD in (self._folder / SERIAL_LOG).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return False

    def _start(self) -> None:
        (self._folder / SERIAL_LOG).unlink(missing_ok=True)
        argv = [*self._machine()["argv"], "-daemonize", "-pidfile", PID_FILE]
        try:
            ended = subprocess.run(
                argv,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=START_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise self._not_started(f"nothing within {START_LIMIT_S:g} s") from error
        except OSError as error:
            raise PreconditionError(
                f"virtual rig {self._name}: {argv[0]} can't be started: {error.strerror}",
                hint="sudo apt install qemu-system-x86",
            ) from error
        if ended.returncode:
            raise self._not_started(ended.stderr.decode(errors="replace").strip()[-500:])
        self._keep_process()

    def _keep_process(self) -> None:
        process = process_of(int((self._folder / PID_FILE).read_text(encoding="ascii")))
        if process is None:
            raise self._not_started("it ended at once")
        write_process(self._folder / PROCESS_FILE, process)

    def _not_started(self, why: str) -> RigLostError:
        return RigLostError(
            f"virtual rig {self._name} does not start: {why}",
            hint=f"hilrig rigs virtual remove {self._name}, then hilrig rigs virtual up {self._name}",
        )

    def _machine(self) -> Mapping[str, Any]:
        path = self._folder / MACHINE_FILE
        try:
            machine = json.loads(path.read_bytes())
            if isinstance(machine, dict) and isinstance(machine.get("argv"), list) and machine["argv"]:
                return machine
            found = "no `argv` in it"
        except (OSError, ValueError) as error:
            found = str(error)
        raise PreconditionError(
            f"{path}: expected the description of a virtual rig, found: {found}",
            hint=f"hilrig rigs virtual up {self._name}",
        )
