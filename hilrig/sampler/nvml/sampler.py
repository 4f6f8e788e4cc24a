"""The NVML sampler: the GPUs behind NVIDIA's driver.

They are cards, and those Jetsons whose NVML answers.
"""

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hilrig.core.clock import Clock, SystemClock
from hilrig.core.telemetry import Reason
from hilrig.sampler.grouped import GroupedSampler
from hilrig.sampler.nvml.calls import Driver, MissingDriver, RefusedError, open_driver
from hilrig.sampler.nvml.device import device_sources
from hilrig.sampler.nvml.source import Device

_LIBRARY: Final = "libnvidia-ml.so.1"


class NvmlSampler(GroupedSampler):
    """Reads every GPU that NVML knows, `hw.id` in its order; where it knows none, one that has only reasons.

    It opens NVML when it is built: in the process that reads, for NVML does not outlive a fork.

    Args:
        root: not read: NVML knows only the machine that it runs on.
        pid: the target process, as the host numbers it.
        clock: what the age of a utilisation is taken from; a `ManualClock` in tests.
    """

    def __init__(self, root: Path, pid: int, *, clock: Clock | None = None) -> None:
        del root
        self._driver = open_driver()
        ticking = clock or SystemClock()
        super().__init__(
            [source for device in _devices(self._driver) for source in device_sources(device, pid, ticking)]
        )

    @staticmethod
    def is_here(root: Path) -> bool:
        """Return whether this machine has NVIDIA's library; its driver is not asked."""
        if root != Path("/"):
            return False
        try:
            ctypes.CDLL(_LIBRARY)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Close all sources, then NVML."""
        super().close()
        self._driver.close()


def _devices(driver: Driver) -> Sequence[Device]:
    try:
        count = driver.ask("nvmlDeviceGetCount")
    except RefusedError as refused:
        return [_missing(0, refused)]
    if count == 0:
        return [_missing(0, RefusedError(Reason.ABSENT, "the driver knows no GPU"))]
    return [_device(driver, index) for index in range(count)]


def _device(driver: Driver, index: int) -> Device:
    try:
        handle = driver.ask("nvmlDeviceGetHandleByIndex", index)
    except RefusedError as refused:
        return _missing(index, refused)
    return Device(driver=driver, index=index, handle=handle)


def _missing(index: int, refused: RefusedError) -> Device:
    return Device(driver=MissingDriver(refused.reason, refused.detail), index=index, handle=None)
