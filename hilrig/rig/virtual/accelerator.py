"""Whether KVM runs the guest, or QEMU has to emulate its CPU (TCG).

That /dev/kvm can be opened proves nothing: under some hypervisors a guest aborts there or hangs. A boot with a
deadline does.
"""

import json
import os
import subprocess
from enum import Enum
from pathlib import Path
from typing import Final

from hilrig.rig.identity import boot_id
from hilrig.rig.virtual.build import Image

KVM_DEVICE: Final = Path("/dev/kvm")
PROBE_LIMIT_S: Final = 10.0
"""Under KVM the kernel says its word after half a second, on a busy machine after two; a hung guest never."""

_PROBE_WORD: Final = b"RIG: probe"


class Accelerator(str, Enum):
    """What executes the guest's instructions."""

    KVM = "kvm"
    TCG = "tcg"


def choose_accelerator(image: Image, *, memory_file: Path, device: Path = KVM_DEVICE) -> Accelerator:
    """Return KVM if a guest boots with it here, else TCG; what was found counts until this machine reboots.

    Args:
        image: whose kernel is started.
        memory_file: where the answer is kept.
        device: where KVM is offered.
    """
    here = boot_id(Path("/"))
    if (known := _remembered(memory_file, here)) is not None:
        return known
    is_offered = os.access(device, os.R_OK | os.W_OK)
    found = Accelerator.KVM if is_offered and _boots_with_kvm(image) else Accelerator.TCG
    memory_file.write_text(json.dumps({"boot_id": here, "accelerator": found.value}), encoding="ascii")
    return found


def _remembered(path: Path, here: str) -> Accelerator | None:
    try:
        kept = json.loads(path.read_bytes())
        return Accelerator(kept["accelerator"]) if kept["boot_id"] == here else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _boots_with_kvm(image: Image) -> bool:
    machine = ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio", "-m", "256"]
    cpu = ["-machine", "q35", "-accel", Accelerator.KVM.value, "-cpu", "host", "-smp", "2"]
    kernel = ["-kernel", str(image.kernel), "-initrd", str(image.initramfs)]
    argv = ["qemu-system-x86_64", *machine, *cpu, *kernel, "-append", "console=ttyS0 quiet panic=-1 rig.probe"]
    try:
        ended = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:  # it hangs; it was killed
        return False
    return _PROBE_WORD in ended.stdout
