"""The channels that a Jetson's tools offer, named as the direct sources name them.

The tools are tegrastats and jtop.
"""

from collections.abc import Sequence
from typing import Final

from hilrig.core.channels import GPU_CLOCK, GPU_UTILIZATION, HW_ID, MEMORY_CLOCK, POWER, TEMPERATURE
from hilrig.core.telemetry import Channel, ChannelKind, Reason, Tier
from hilrig.sampler.source import Value

NOT_CONNECTED: Final = "NC"
"""What the firmware of a board calls an input of a power monitor that no rail leads to."""


def gpu_load(source: str) -> Channel:
    """Return the GPU's load."""
    return _channel(GPU_UTILIZATION, "1", source, ((HW_ID, "gpu0"),))


def gpu_clock(source: str) -> Channel:
    """Return the GPU's clock."""
    return _channel(GPU_CLOCK, "Hz", source, ((HW_ID, "gpu0"), ("domain", "graphics")))


def memory_clock(source: str) -> Channel:
    """Return the memory controller's clock."""
    return _channel(MEMORY_CLOCK, "Hz", source, ())


def zone_temperature(source: str, name: str) -> Channel:
    """Return the temperature of the thermal zone printed as `name`: both tools cut `-thermal` off its type."""
    return _channel(TEMPERATURE, "Cel", source, ((HW_ID, f"zone/{name.lower()}-thermal"),))


def chip_temperature(source: str, chip: str, label: str) -> Channel:
    """Return the temperature of a sensor chip."""
    return _channel(TEMPERATURE, "Cel", source, ((HW_ID, f"{chip}/{label}"),))


def rail_power(source: str, rail: str) -> Channel:
    """Return the power that a rail carries."""
    return _channel(POWER, "W", source, ((HW_ID, rail),))


def running_hz(clocks: Sequence[int], *, hz_per_unit: int) -> Value:
    """Return the lowest clock of the parts that run; a part at 0 is switched off, and so may be all of them."""
    running = [clock for clock in clocks if clock > 0]
    if not running:
        return Reason.OFFLINE if clocks else Reason.NOT_SUPPORTED
    return min(running) * hz_per_unit


def _channel(name: str, unit: str, source: str, attributes: tuple[tuple[str, str], ...]) -> Channel:
    return Channel(
        name=name, unit=unit, kind=ChannelKind.GAUGE, tier=Tier.SLOW, source=source, attributes=attributes
    )
