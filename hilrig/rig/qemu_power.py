"""The power of a virtual rig: starting QEMU is power, killing it is a hard cut.

A kill takes the guest's page cache and leaves the host's: what the guest has flushed is kept. So it finds a
missing fsync in the guest, not a disk that loses its own write cache.
"""

import fcntl
import json
import subprocess
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
START_LIMIT_S: Final = 30.0
"""QEMU puts itself into the background once the machine runs: under a second, more on a busy machine."""


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
        """Start QEMU in the background; nothing happens when it runs already.

        Raises:
            PreconditionError: there is no such virtual rig, or no QEMU here.
            RigLostError: QEMU does not start.
        """
        with self._alone():
            if self._process() is None:
                self._start()

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

    def _start(self) -> None:
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
