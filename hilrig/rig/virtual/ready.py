"""Whether a virtual rig has come up: a real command over ssh.

An open port says nothing: QEMU takes the connection long before the guest does.
"""

import subprocess
import time
from collections.abc import Callable
from typing import Final

from hilrig.core.errors import RigLostError
from hilrig.core.rig import PowerState
from hilrig.core.rig_ports import PowerControl
from hilrig.rig.qemu_power import SERIAL_LOG
from hilrig.rig.ssh.options import reaching, ssh_environment, ssh_program
from hilrig.rig.virtual.machine import VirtualMachine

READY_LIMIT_S: Final = 300.0
"""Twenty times what a boot takes under emulation on two free cores: others may take most of them.
A kernel that panics ends the wait at once."""

_READY_WORD: Final = "RIG: ready"
_POLL_S: Final = 0.2
_LAST_LINES: Final = 5


def wait_ready(
    machine: VirtualMachine,
    power: PowerControl,
    *,
    limit_s: float = READY_LIMIT_S,
    tell: Callable[[float], None] = lambda _waited_s: None,
) -> None:
    """Wait until a command runs in the guest.

    Args:
        machine: the rig.
        power: its power control: a rig that lost its power is not waited for.
        limit_s: how long to wait at most.
        tell: takes the seconds that it has taken so far.

    Raises:
        RigLostError: it does not come up: with the last that it said on its serial line.
    """
    begin_s = time.monotonic()
    while not (_says_ready(machine) and _answers(machine)):
        waited_s = time.monotonic() - begin_s
        tell(waited_s)
        if power.state() is PowerState.OFF:
            raise _not_up(machine, "it switched itself off")
        if waited_s > limit_s:
            raise _not_up(machine, f"no answer within {limit_s:g} s")
        time.sleep(_POLL_S)


def _says_ready(machine: VirtualMachine) -> bool:
    return _READY_WORD in _serial_text(machine)


def _answers(machine: VirtualMachine) -> bool:
    argv = [ssh_program("ssh"), *reaching(machine.ssh, machine.folder), machine.ssh.host, "true"]
    try:
        ended = subprocess.run(
            argv,
            env=ssh_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=machine.ssh.connect_timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return ended.returncode == 0


def _not_up(machine: VirtualMachine, why: str) -> RigLostError:
    lines = _serial_text(machine).strip().splitlines()[-_LAST_LINES:]
    said = "; ".join("".join(c if c.isprintable() else " " for c in line).strip() for line in lines)
    return RigLostError(
        f"virtual rig {machine.name} did not come up: {why}; its last words: {said or 'none'}",
        hint=f"see {machine.folder / SERIAL_LOG}; or start anew: hilrig rigs virtual remove {machine.name}",
    )


def _serial_text(machine: VirtualMachine) -> str:
    try:
        return (machine.folder / SERIAL_LOG).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
