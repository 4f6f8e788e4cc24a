"""What a person calls a telemetry channel.

Its values are given in the unit in which people read them.
"""

import re
from math import isfinite
from typing import Final

from hilrig.core import channels
from hilrig.core.units import NS_PER_MS, NS_PER_US, bytes_to_mib
from hilrig.report.values import missing, number, one_line, quantity

_KEY: Final = re.compile(r"(?P<name>[^{]*)(?:\{(?P<inner>.*)\})?", re.DOTALL)
_PAIR: Final = re.compile(r"([\w.]+)=(.*?)(?=,[\w.]+=|\Z)", re.DOTALL)
_HZ_PER_MHZ: Final = 1e6
_US_PER_MS: Final = NS_PER_MS / NS_PER_US
_RATIOS: Final = (channels.GPU_UTILIZATION, channels.FAN_SPEED)

_LABELS: Final = {
    channels.GPU_MEMORY: "device",
    channels.PROCESS_GPU_MEMORY: "target",
    "process.memory.usage": "target",
    "system.memory.usage": "host",
    "queue.depth": "in the queue",
}
"""Channels that stand on one panel with others of the same device."""

_TITLES: Final = {
    channels.TEMPERATURE: "temperature",
    channels.GPU_CLOCK: "GPU clock",
    channels.MEMORY_CLOCK: "memory clock",
    channels.CPU_FREQUENCY: "CPU clock",
    channels.POWER: "power",
    channels.GPU_UTILIZATION: "GPU utilisation",
    channels.GPU_MEMORY: "GPU memory",
    channels.PROCESS_GPU_MEMORY: "GPU memory",
    channels.FAN_SPEED: "fan",
    channels.THROTTLE_STATE: "throttled",
    "process.memory.usage": "memory",
    "system.memory.usage": "memory",
}
"""What the channels that are looked at most are called in a sentence."""


def name_of(key: str) -> str:
    """Return the name of a channel from its key: `hw.temperature`."""
    matched = _KEY.fullmatch(key)
    return matched["name"] if matched else key


def attributes_of(key: str) -> dict[str, str]:
    """Return the attributes in a channel's key: `{"hw.id": "gpu0"}`."""
    matched = _KEY.fullmatch(key)
    return dict(_PAIR.findall(matched["inner"])) if matched and matched["inner"] else {}


def detail_of(key: str) -> str:
    """Return the attributes as people read them: `hw.id gpu0, domain graphics`; empty without any."""
    return one_line(", ".join(f"{name} {value}" for name, value in attributes_of(key).items()))


def short_label(key: str) -> str:
    """Return what tells a channel from the others of its panel: `gpu-thermal`, `gpu0 target`, `all CPUs`."""
    attributes = attributes_of(key)
    if attributes.get("cpu.logical_number") == "*":
        return "all CPUs"
    words = [attributes.get(channels.HW_ID, "").removeprefix("zone/"), _LABELS.get(name_of(key), "")]
    others = [] if any(words) else [f"{name} {value}" for name, value in attributes.items()]
    return one_line(" ".join([*filter(None, words), *others])) or name_of(key)


def title_of(key: str) -> str:
    """Return what a person calls a channel: `temperature gpu-thermal`; its name where nobody has another."""
    name, label = name_of(key), short_label(key)
    return one_line(f"{_TITLES.get(name, name)} {'' if label == name else label}")


def in_words(key: str, unit: str, value: float | None, reason: str = "") -> str:
    """Return a channel's value for a person: MiB for bytes, MHz for Hz, per cent for a ratio, ms for ns."""
    if value is None or not isfinite(value):
        return missing(reason)
    if unit == "1" and name_of(key) in _RATIOS:
        return f"{number(100 * value)} %"
    if unit == "Hz":
        return f"{number(value / _HZ_PER_MHZ)} MHz"
    if unit in {"ns", "us"}:
        return f"{number(value / (NS_PER_MS if unit == 'ns' else _US_PER_MS))} ms"
    if unit == "By":
        return f"{_tenths(bytes_to_mib(value))} MiB"
    return quantity(value, unit, reason)


def _tenths(value: float) -> str:
    """Return a number with at most one decimal where more would only make a column wider."""
    return number(round(value, 1)) if abs(value) >= 1 else number(value)
