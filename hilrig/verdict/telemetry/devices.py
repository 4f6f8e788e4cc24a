"""The devices of a rig, as the attribute `hw.id` of their channels names them."""

from typing import Final

from hilrig.core import channels
from hilrig.core.telemetry import Channel

CPU: Final = "CPU"
"""What a device without `hw.id` is called."""

GPU_PREFIX: Final = "gpu"
FIRST_GPU: Final = "gpu0"


def device_of(channel: Channel) -> str:
    """Return which device a channel is of; empty for the CPU and the machine as a whole."""
    return dict(channel.attributes).get(channels.HW_ID, "")


def is_gpu(hw_id: str) -> bool:
    """Return whether a device is a GPU as NVML numbers them, not an alert or a rail that is called after one."""
    return hw_id.startswith(GPU_PREFIX) and hw_id.removeprefix(GPU_PREFIX).isdigit()
