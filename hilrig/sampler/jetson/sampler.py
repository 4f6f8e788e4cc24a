"""The Jetson sampler of an Orin, Xavier or Thor, from /sys.

It reads GPU, throttling, rails and power mode.
"""

from pathlib import Path

from hilrig.sampler.grouped import GroupedSampler
from hilrig.sampler.jetson.gpu import gpu_sources
from hilrig.sampler.jetson.memory import memory_sources
from hilrig.sampler.jetson.mode import mode_sources
from hilrig.sampler.jetson.rails import rail_sources
from hilrig.sampler.jetson.throttle import throttle_sources
from hilrig.sampler.jetson.tree import chip_of
from hilrig.sampler.jetson.trips import trip_sources


class JetsonSampler(GroupedSampler):
    """Reads what a Jetson has beside the things of every Linux machine, which the host sampler reads.

    Args:
        root: where `sys`, `proc`, `etc` and `var` are; `/` on a real board.
        pid: the target process.
    """

    def __init__(self, root: Path, pid: int) -> None:
        super().__init__(
            [
                *gpu_sources(root),
                *memory_sources(root, pid),
                *throttle_sources(root),
                *trip_sources(root),
                *rail_sources(root),
                *mode_sources(root),
            ]
        )

    @staticmethod
    def is_here(root: Path) -> bool:
        """Return whether the device tree is that of a Jetson."""
        return chip_of(root) is not None
