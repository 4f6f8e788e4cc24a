"""The rig that hilrig itself runs on."""

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hilrig import __version__
from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.rig import RigInfo
from hilrig.rig import jetson, machine, nvidia
from hilrig.rig.accelerator_stack import accelerator_stack
from hilrig.rig.device_class import device_classes
from hilrig.rig.dpkg import dpkg_versions
from hilrig.rig.identity import boot_id, serial_sha256
from hilrig.rig.software import package_versions
from hilrig.sampler.jetson.mode import nvpmodel_mode
from hilrig.sampler.nvml.facts import nvml_facts
from hilrig.sampler.nvml.sampler import NvmlSampler

_STACK_FACTS: Final = (
    "os",
    "kernel",
    "architecture",
    "cpu_model",
    "cpus_logical",
    "virtualised",
    "nvidia_cards",
    "nvidia_driver",
    "cuda",
    "tensorrt",
    "cudnn",
    "l4t",
    "jetpack",
    "power_mode",
    "python",
    "packages",
)
"""Facts that change what a model computes here, or how fast.

The power mode is among them: it is chosen once, holds over reboots, switches CPUs off and caps clocks. Not among
them: governors and bounds of the clocks, which services move while a machine is up and telemetry therefore watches
in every run, and the usable memory, which differs from boot to boot.
"""


def inspect_local(root: Path = Path("/"), *, name: str = "local") -> RigInfo:
    """Return what this machine is.

    Args:
        root: where `proc`, `sys` and `etc` are.
        name: the rig's name.

    Raises:
        PreconditionError: the identifier of the boot can't be read.
    """
    facts = _facts(root)
    return RigInfo(
        name=name,
        device_classes=device_classes(root),
        boot_id=boot_id(root),
        serial_sha256=serial_sha256(root),
        facts=facts,
        stack_sha256=stack_sha256(facts),
    )


def stack_sha256(facts: Mapping[str, Any]) -> str:
    """Return the sha256 over those `facts` that change what a model does: equal stacks, equal digests."""
    return sha256_hex(canonical_json({key: facts[key] for key in _STACK_FACTS}))


def _facts(root: Path) -> dict[str, Any]:
    packages = dpkg_versions(root)
    l4t = jetson.l4t_version(root, packages)
    nvml = nvml_facts() if NvmlSampler.is_here(root) else {}
    return {
        "os": machine.os_name(root),
        "kernel": machine.kernel(root),
        "architecture": machine.architecture(root),
        "board": machine.device_tree_model(root),
        "cpu_model": machine.cpu_model(root),
        "cpus_logical": machine.n_logical_cpus(root),
        "memory_bytes": machine.memory_bytes(root),
        "governors": machine.governors(root),
        "cpu_clock_min_hz": machine.cpu_clocks_hz(root, "min"),
        "cpu_clock_max_hz": machine.cpu_clocks_hz(root, "max"),
        "container": machine.in_container(root),
        "virtualised": machine.virtualised(root),
        "emulated": machine.emulated(root),
        "nvidia_cards": list(nvidia.card_models(root)),
        "nvidia_driver": nvidia.driver_version(root) or nvml.get("driver_version"),
        "nvidia_gpus": nvml.get("gpus"),
        "cuda_driver": nvml.get("cuda_driver_version"),
        **accelerator_stack(root, packages),
        "l4t": l4t,
        "jetpack": jetson.jetpack_version(l4t, packages),
        "power_mode": nvpmodel_mode(root),
        "gpu_clock_min_hz": jetson.gpu_clock_hz(root, "min"),
        "gpu_clock_max_hz": jetson.gpu_clock_hz(root, "max"),
        "python": platform.python_version(),
        "packages": package_versions(),
        "hilrig": __version__,
    }
