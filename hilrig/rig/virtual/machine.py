"""One virtual rig: its folder with the program that is the machine."""

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hilrig.core.errors import PreconditionError
from hilrig.rig.qemu_power import MACHINE_FILE, SERIAL_LOG
from hilrig.rig.ssh.options import SshOptions
from hilrig.rig.virtual.accelerator import Accelerator
from hilrig.rig.virtual.build import Image
from hilrig.rig.virtual.programs import run_program
from hilrig.rig.virtual.seed import CLIENT_KEY, KNOWN_HOSTS, SEED, USER, make_seed, write_known_hosts

N_CPUS: Final = 2
MEMORY_MIB: Final = 2048
LOOPBACK: Final = "127.0.0.1"
DISK: Final = "disk.img"
CONNECT_TIMEOUT_S: Final = 30.0
"""A login takes a second under emulation, more while the guest computes."""

_KERNEL: Final = "vmlinuz"
_INITRAMFS: Final = "initramfs.gz"
_KERNEL_OPTIONS: Final = (
    "console=ttyS0 quiet panic=-1 net.ifnames=0 "
    "mitigations=off "  # nobody but the owner is in there
    "tsc=reliable clocksource=tsc"  # else the kernel takes the HPET, which costs a microsecond for each look
)
_CPU: Final = {Accelerator.KVM: "host", Accelerator.TCG: "max"}
_OWNER_ONLY: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualMachine:
    """A virtual rig on this machine.

    Args:
        name: of the rig.
        folder: disk, kernel, keys, logs; readable by its owner alone.
        port: on loopback, where its ssh answers.
        accelerator: what executes its instructions.
    """

    name: str
    folder: Path
    port: int
    accelerator: Accelerator

    @property
    def ssh(self) -> SshOptions:
        """How it is reached."""
        return SshOptions(
            host=LOOPBACK,
            user=USER,
            port=self.port,
            key_file=str(self.folder / CLIENT_KEY),
            known_hosts=str(self.folder / KNOWN_HOSTS),
            connect_timeout_s=CONNECT_TIMEOUT_S,
            config_file="/dev/null",
        )


def make_machine(folder: Path, *, name: str, image: Image, accelerator: Accelerator, port: int) -> VirtualMachine:
    """Make the folder of a new rig: a disk and keys of its own. Either it is whole, or not there.

    Raises:
        PreconditionError: no space, or a program of this machine fails.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=folder.parent) as work_name:  # 0700: keys are in it
        made = Path(work_name) / name
        made.mkdir(mode=0o700)
        for file, kept in ((image.kernel, _KERNEL), (image.initramfs, _INITRAMFS)):
            shutil.copyfile(file, made / kept)
        run_program(["cp", "--sparse=always", "--reflink=auto", str(image.disk), str(made / DISK)])
        (made / DISK).chmod(_OWNER_ONLY)
        make_seed(made, name=name)
        machine = VirtualMachine(name=name, folder=made, port=port, accelerator=accelerator)
        write_machine(machine)
        made.rename(folder)
    return VirtualMachine(name=name, folder=folder, port=port, accelerator=accelerator)


def write_machine(machine: VirtualMachine) -> None:
    """Write what depends on the port: qemu.json and known_hosts."""
    write_known_hosts(machine.folder, host=LOOPBACK, port=machine.port)
    stated = {
        "name": machine.name,
        "port": machine.port,
        "accelerator": machine.accelerator.value,
        "argv": _argv(machine),
    }
    draft = machine.folder / f"{MACHINE_FILE}.new"
    draft.write_text(json.dumps(stated, indent=1) + "\n", encoding="utf-8")
    draft.replace(machine.folder / MACHINE_FILE)


def read_machine(folder: Path) -> VirtualMachine:
    """Return the rig that lies in a folder.

    Raises:
        PreconditionError: there is none, or its file is damaged.
    """
    path = folder / MACHINE_FILE
    try:
        stated: Mapping[str, Any] = json.loads(path.read_bytes())
        return VirtualMachine(
            name=str(stated["name"]),
            folder=folder,
            port=int(stated["port"]),
            accelerator=Accelerator(stated["accelerator"]),
        )
    except FileNotFoundError as error:
        raise PreconditionError(
            f"there is no virtual rig {folder.name}", hint=f"hilrig rigs virtual up {folder.name}"
        ) from error
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise PreconditionError(
            f"{path}: expected the description of a virtual rig, found: {error}",
            hint=f"hilrig rigs virtual remove {folder.name}, then up {folder.name}",
        ) from error


def free_port(taken: Collection[int] = ()) -> int:
    """Return a port on loopback that nobody listens at, and that no other rig is to have."""
    while True:
        with socket.socket() as asked:
            asked.bind((LOOPBACK, 0))
            port = int(asked.getsockname()[1])
        if port not in taken:
            return port


def is_free(port: int) -> bool:
    """Return whether a port on loopback can be had."""
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as QEMU does: a closed line is no listener
        try:
            asked.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _argv(machine: VirtualMachine) -> list[str]:
    """Return QEMU's arguments; it is started in the rig's folder."""
    accelerator = machine.accelerator
    return [
        "qemu-system-x86_64",
        *("-name", f"hilrig-{machine.name}"),
        *("-nodefaults", "-no-user-config", "-no-reboot"),
        *("-display", "none"),
        *("-machine", "q35"),
        *("-accel", "kvm" if accelerator is Accelerator.KVM else "tcg,thread=multi"),
        *("-cpu", _CPU[accelerator]),
        *("-smp", str(min(N_CPUS, os.cpu_count() or 1))),
        *("-m", str(MEMORY_MIB)),
        *("-kernel", _KERNEL, "-initrd", _INITRAMFS, "-append", _KERNEL_OPTIONS),
        # cache=none: what the guest has flushed is on this machine's disk, too.
        *("-drive", f"file={DISK},format=raw,if=virtio,cache=none"),
        *("-drive", f"file={SEED},format=raw,if=virtio,readonly=on"),
        # restrict=on: no way out of the guest but this one way in.
        *("-nic", f"user,model=virtio-net-pci,restrict=on,hostfwd=tcp:{LOOPBACK}:{machine.port}-:22"),
        *("-serial", f"file:{SERIAL_LOG}"),
    ]
