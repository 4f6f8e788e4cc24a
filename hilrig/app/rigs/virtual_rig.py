"""Virtual rigs of this user: made, started, listed, removed; each with a rig file like any other rig's."""

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.app.folders import hilrig_home
from hilrig.config.keys import NAME_PATTERN
from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.rig import PowerState
from hilrig.rig.qemu_power import MACHINE_FILE, QemuPower, QemuPowerOptions
from hilrig.rig.virtual.accelerator import Accelerator, choose_accelerator
from hilrig.rig.virtual.build import get_image
from hilrig.rig.virtual.machine import (
    VirtualMachine,
    free_port,
    is_free,
    make_machine,
    read_machine,
    write_machine,
)
from hilrig.rig.virtual.programs import TO_RUN, require_programs
from hilrig.rig.virtual.ready import wait_ready

BOOT_EXPECTED_S: Final = 6.0
"""From power to the first command, emulated on two cores; only for the bar on the terminal."""

_BUILD_SHARE: Final = 0.8
"""Of the bar, when the image has to be built first."""

Tell = Callable[[str, float], None]

RIG_FILE: Final = """\
# A virtual rig, made by `hilrig rigs virtual up`: Debian under QEMU. Not for promotion when its CPU is emulated.
format: 1
name: {name}
transport: ssh
transport_options:
  host: {host}
  port: {port}
  user: {user}
  key_file: {key_file}
  known_hosts: {known_hosts}
  connect_timeout_s: {connect_timeout_s}
  config_file: /dev/null
device_class: x86-cpu
labels:
  board: qemu-{accelerator}
power: qemu
power_options:
  folder: {folder}
python: /usr/bin/python3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedRig:
    """What `up` did.

    Args:
        machine: the rig, which answers.
        rig_file: the file that states it.
        boot_s: from power to the first command over ssh; 0 when it was up already.
    """

    machine: VirtualMachine
    rig_file: Path
    boot_s: float


def images_folder() -> Path:
    """Return where built images are kept: they can be built again."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "hilrig" / "virtual"


def machines_folder() -> Path:
    """Return where this user's virtual rigs lie, with their disks and keys; `HILRIG_HOME` moves it."""
    if (home := hilrig_home()) is not None:
        return home / "virtual"
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local/state") / "hilrig" / "virtual"


def power_of(machine: VirtualMachine) -> QemuPower:
    """Return the power control of a virtual rig."""
    return QemuPower(QemuPowerOptions(folder=str(machine.folder)), machine.name, machine.folder)


def up(name: str, rigs_folder: Path, *, tell: Tell) -> StartedRig:
    """Start a virtual rig and wait until it answers; what is missing (image, disk, keys, rig file) is made first.

    Raises:
        UsageError: the name cannot be a rig's, or another rig has it.
        PreconditionError: this machine lacks something, which is named.
        RigLostError: it does not come up.
    """
    _check_name(name)
    require_programs(TO_RUN, purpose="run a virtual rig")
    rig_file = rigs_folder / f"{name}.yaml"
    folder = machines_folder() / name
    _refuse_foreign(rig_file, folder)
    with _alone():
        machine = _with_own_port(read_machine(folder)) if _is_made(folder) else _make(folder, tell)
        _write_rig_file(machine, rig_file)
        power = power_of(machine)
        was_on = power.state() is PowerState.ON
        begun_s = time.monotonic()
        tell("booting", 0.0)
        power.on()
    wait_ready(machine, power, tell=lambda s: tell("booting", 1 - 0.1 ** (s / BOOT_EXPECTED_S)))
    boot_s = 0.0 if was_on else time.monotonic() - begun_s
    return StartedRig(machine=machine, rig_file=rig_file, boot_s=boot_s)


def down(name: str) -> VirtualMachine:
    """Cut a virtual rig's power; its disk keeps what the guest has flushed.

    Raises:
        UsageError: the name cannot be a rig's.
        PreconditionError: there is no such virtual rig.
    """
    machine = machine_named(name)
    power_of(machine).off()
    return machine


def machine_named(name: str) -> VirtualMachine:
    """Return one of this user's virtual rigs.

    Raises:
        UsageError: the name cannot be a rig's.
        PreconditionError: there is no such virtual rig.
    """
    _check_name(name)
    return read_machine(machines_folder() / name)


def all_machines() -> tuple[VirtualMachine, ...]:
    """Return this user's virtual rigs, sorted by name; those that cannot be read are left out."""
    return tuple(_readable(machines_folder()))


def remove(name: str, rigs_folder: Path) -> Path:
    """Cut a virtual rig's power, then remove its disk, its keys and its rig file; return the folder that is gone.

    Raises:
        UsageError: the name cannot be a rig's.
        PreconditionError: there is no such virtual rig.
    """
    _check_name(name)
    folder = machines_folder() / name
    if not folder.is_dir():
        raise PreconditionError(f"there is no virtual rig {name}", hint="hilrig rigs virtual status")
    if _is_made(folder):
        QemuPower(QemuPowerOptions(folder=str(folder)), name, folder).off()
    rig_file = rigs_folder / f"{name}.yaml"
    if _states(rig_file, folder):
        rig_file.unlink()
    shutil.rmtree(folder)
    return folder


def _make(folder: Path, tell: Tell) -> VirtualMachine:
    images = images_folder()
    image = get_image(images, tell=lambda words, share: tell(words, share * _BUILD_SHARE))
    tell("making the rig's disk", _BUILD_SHARE)
    accelerator = choose_accelerator(image, memory_file=images / "accelerator.json")
    taken = {machine.port for machine in all_machines()}
    return make_machine(folder, name=folder.name, image=image, accelerator=accelerator, port=free_port(taken))


def _with_own_port(machine: VirtualMachine) -> VirtualMachine:
    """Return the machine; with another port when it is off and somebody has taken its port meanwhile."""
    if is_free(machine.port) or power_of(machine).state() is PowerState.ON:
        return machine
    moved = VirtualMachine(
        name=machine.name,
        folder=machine.folder,
        port=free_port({other.port for other in all_machines()}),
        accelerator=machine.accelerator,
    )
    write_machine(moved)
    return moved


def _write_rig_file(machine: VirtualMachine, rig_file: Path) -> None:
    ssh = machine.ssh
    text = RIG_FILE.format(
        name=machine.name,
        host=ssh.host,
        port=ssh.port,
        user=ssh.user,
        key_file=json.dumps(ssh.key_file),
        known_hosts=json.dumps(ssh.known_hosts),
        connect_timeout_s=ssh.connect_timeout_s,
        accelerator=machine.accelerator.value,
        folder=json.dumps(str(machine.folder)),
    )
    rig_file.parent.mkdir(parents=True, exist_ok=True)
    rig_file.write_text(text, encoding="utf-8")


def _refuse_foreign(rig_file: Path, folder: Path) -> None:
    if rig_file.exists() and not _states(rig_file, folder):
        raise UsageError(
            f"{rig_file} is there already, and is not the file of this virtual rig",
            hint="take another name, or another folder with --rigs",
        )


def _states(rig_file: Path, folder: Path) -> bool:
    try:
        return json.dumps(str(folder)) in rig_file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def _is_made(folder: Path) -> bool:
    return (folder / MACHINE_FILE).is_file()


def _readable(folder: Path) -> Iterator[VirtualMachine]:
    for path in sorted(folder.glob(f"*/{MACHINE_FILE}")):
        with suppress(PreconditionError):
            yield read_machine(path.parent)


def _check_name(name: str) -> None:
    if not re.fullmatch(NAME_PATTERN.strip("^$"), name):
        raise UsageError(
            f"'{name}' cannot be a rig's name",
            hint="small letters, digits and hyphens, at most 64, the first no hyphen",
        )


@contextmanager
def _alone() -> Iterator[None]:
    folder = machines_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def accelerator_words(accelerator: Accelerator) -> str:
    """Return what a person should know of it."""
    if accelerator is Accelerator.KVM:
        return "KVM: at the speed of this machine's CPU"
    return "emulated CPU (QEMU TCG): its times say nothing about hardware, runs on it are never PASS"
