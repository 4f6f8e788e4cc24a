"""GPU memory of the target's process. NVML names processes by the host's pids, also inside a container."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hilrig.core.channels import PROCESS_GPU_MEMORY, PROCESS_GPU_MEMORY_PEAK, UNIFIED
from hilrig.core.telemetry import Exactness, Reason, Tier
from hilrig.sampler.nvml.calls import NOT_FOUND, RefusedError, number
from hilrig.sampler.nvml.source import CallSource, Device, first_answering, is_refused_as
from hilrig.sampler.pid_namespace import has_pids_of_its_own
from hilrig.sampler.silent import SilentSource
from hilrig.sampler.source import Source

_COMPUTE: Final = ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2")
_GRAPHICS: Final = ("nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2")
_MODE: Final = "nvmlDeviceGetAccountingMode"
_STATS: Final = "nvmlDeviceGetAccountingStats"
_DISABLED: Final = 0


def process_sources(device: Device, pid: int, *, is_unified: bool) -> list[Source]:
    """Return what the process uses now, and the highest it ever used.

    Args:
        device: the GPU.
        pid: the process.
        is_unified: the GPU has no memory of its own, so the same bytes count as host memory.
    """
    attributes = (device.hw_id, UNIFIED) if is_unified else (device.hw_id,)
    calls = _lists(device)
    now = device.channel(PROCESS_GPU_MEMORY, "By", Tier.FAST, " + ".join(calls), attributes=attributes)
    peak = device.channel(
        PROCESS_GPU_MEMORY_PEAK,
        "By",
        Tier.EDGE,
        f"{_STATS} maxMemoryUsage",
        attributes=attributes,
        exactness=Exactness.EXACT,
    )
    if has_pids_of_its_own(Path("/")):
        why = "the driver knows processes by the host's pids: start the container with --pid=host"
        return [SilentSource([now], Reason.NOT_SUPPORTED, why), SilentSource([peak], Reason.NOT_SUPPORTED, why)]
    return [
        CallSource((now,), lambda: (_used_bytes(device, calls, pid),)),
        CallSource((peak,), lambda: (_peak_bytes(device, pid),)),
    ]


def _lists(device: Device) -> Sequence[str]:
    """Return the calls to make; a device without graphics has no list of graphics processes."""
    compute, graphics = (first_answering(names, device.ask) for names in (_COMPUTE, _GRAPHICS))
    if is_refused_as(Reason.NOT_SUPPORTED, lambda: device.ask(graphics)):
        return (compute,)
    return (compute, graphics)


def _used_bytes(device: Device, calls: Sequence[str], pid: int) -> int:
    uses = [_use_bytes(device, call, pid) for call in calls]
    if not any(uses):
        raise RefusedError(
            Reason.OFFLINE,
            f"process {pid} uses no memory of this GPU",
        )
    # A process that computes and draws is in both lists with all of its memory: the sum would count it twice.
    return max(sum(use) for use in uses if use)


def _use_bytes(device: Device, call: str, pid: int) -> Sequence[int]:
    """Return the memory of every entry of the process: a GPU that is divided has one for each part."""
    return [number(f"{call} usedGpuMemory", one.usedGpuMemory) for one in device.ask(call) if one.pid == pid]


def _peak_bytes(device: Device, pid: int) -> int:
    if device.ask(_MODE) == _DISABLED:
        raise RefusedError(
            Reason.NOT_SUPPORTED,
            "accounting is off: as root, before the process starts: nvidia-smi --accounting-mode=1",
        )
    try:
        stats = device.ask(_STATS, pid)
    except RefusedError as refused:
        if refused.status == NOT_FOUND:
            raise _not_accounted(pid) from refused
        raise
    if not stats.isRunning:  # the books of an earlier process with the same pid
        raise _not_accounted(pid)
    return number(f"{_STATS} maxMemoryUsage", stats.maxMemoryUsage)


def _not_accounted(pid: int) -> RefusedError:
    return RefusedError(Reason.OFFLINE, f"process {pid} is not in the driver's accounts")
