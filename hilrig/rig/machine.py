"""Facts about the machine under a root folder, without the accelerator: unknown facts are None."""

import re
import shlex
from pathlib import Path
from typing import Final

from hilrig.rig.device_tree import device_tree_text, has_device_tree_node
from hilrig.sampler.fact_file import online_cpus, read_fact

_BYTES_PER_KIB: Final = 1024
_HZ_PER_KHZ: Final = 1000
_CONTAINER_MARKERS: Final = (".dockerenv", "run/.containerenv", "run/systemd/container")
_TCG_MODEL: Final = "QEMU TCG CPU"
"""Of `-cpu max` on x86. Source: QEMU, target/i386/cpu.c, `max_x86_cpu_initfn`."""
_NO_IMPLEMENTER: Final = "0x00"
"""Of `-cpu max` on ARM: no real CPU has it. Source: QEMU, target/arm/cpu64.c, MIDR of `max`; Arm ARM, MIDR_EL1."""
_CONTAINER_CGROUPS: Final = re.compile(r"/(docker|kubepods|lxc|libpod|containerd)\b")


def os_name(root: Path) -> str | None:
    """Return the operating system's pretty name."""
    for line in (read_fact(root / "etc/os-release") or "").splitlines():
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return _unquoted(value)
    return None


def kernel(root: Path) -> str | None:
    """Return the kernel's release, as `uname -r` does."""
    return read_fact(root / "proc/sys/kernel/osrelease")


def architecture(root: Path) -> str | None:
    """Return `x86_64` or `aarch64`, from what the CPU says of itself."""
    if "lm" in _cpuinfo(root, "flags").split():  # long mode
        return "x86_64"
    return "aarch64" if _cpuinfo(root, "CPU architecture") == "8" else None


def cpu_model(root: Path) -> str | None:
    """Return the CPU's name; for ARM, whose kernel gives none, the codes of implementer and part."""
    name = _cpuinfo(root, "model name")
    if name or not _cpuinfo(root, "CPU part"):
        return name or None
    return f"implementer {_cpuinfo(root, 'CPU implementer')} part {_cpuinfo(root, 'CPU part')}"


def n_logical_cpus(root: Path) -> int | None:
    """Return how many logical CPUs are online."""
    return len(online_cpus(root)) or None


def memory_bytes(root: Path) -> int | None:
    """Return the memory that the kernel manages (MemTotal), in bytes."""
    match = re.search(r"^MemTotal:\s*(\d+) kB$", read_fact(root / "proc/meminfo") or "", re.MULTILINE)
    return int(match[1]) * _BYTES_PER_KIB if match else None


def governors(root: Path) -> list[str] | None:
    """Return the distinct CPU frequency governors, sorted."""
    found = {read_fact(cpu / "cpufreq/scaling_governor") for cpu in online_cpus(root)} - {None}
    return sorted(str(name) for name in found) or None


def cpu_clocks_hz(root: Path, bound: str) -> list[int] | None:
    """Return the distinct `min` or `max` clocks that the governors may choose for the online CPUs, sorted."""
    texts = {read_fact(cpu / f"cpufreq/scaling_{bound}_freq") for cpu in online_cpus(root)}
    return sorted(int(text) * _HZ_PER_KHZ for text in texts if text and text.isdecimal()) or None


def in_container(root: Path) -> bool | None:
    """Return whether this is a container; None where neither marker files nor the first process's group tell."""
    groups = read_fact(root / "proc/1/cgroup") or ""
    if any((root / marker).exists() for marker in _CONTAINER_MARKERS) or _CONTAINER_CGROUPS.search(groups):
        return True
    # `/` is no answer: it is also what a container with a namespace of its own sees.
    return False if groups.endswith("::/init.scope") else None


def virtualised(root: Path) -> bool | None:
    """Return whether a hypervisor runs this machine. x86 always says; ARM says only yes, never no."""
    flags = _cpuinfo(root, "flags").split()
    if flags:
        return "hypervisor" in flags
    hints = (root / "sys/hypervisor/type").exists() or has_device_tree_node(root, "hypervisor")
    return True if hints else None


def emulated(root: Path) -> str | None:
    """Return what emulates the CPU in software; None: nothing does, as far as can be seen.

    QEMU's own CPU model says so by its name; one that plays a real model is not seen.
    """
    if _cpuinfo(root, "model name").startswith(_TCG_MODEL) or _cpuinfo(root, "CPU implementer") == _NO_IMPLEMENTER:
        return "QEMU TCG"
    return None


def device_tree_model(root: Path) -> str | None:
    """Return the board's model line, on machines with a device tree."""
    return device_tree_text(root, "model")


def _cpuinfo(root: Path, key: str) -> str:
    match = re.search(rf"^{key}[ \t]*:[ \t]*(.*?)[ \t]*$", read_fact(root / "proc/cpuinfo") or "", re.MULTILINE)
    return match[1] if match else ""


def _unquoted(value: str) -> str | None:
    try:
        return " ".join(shlex.split(value)) or None
    except ValueError:  # an unbalanced quote
        return None
