"""What the live state says of heat."""

from enum import Enum


class ThermalState(str, Enum):
    """What the thermal throttle channels said last."""

    NOMINAL = "nominal"
    THROTTLED = "throttled"
    UNKNOWN = "unknown"  # no such channel has answered
