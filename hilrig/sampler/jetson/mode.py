"""The settings of a Jetson that decide its speed: power mode, memory clock, fan."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hilrig.core.channels import FAN_SPEED, HW_ID, MEMORY_CLOCK, POWER_MODE
from hilrig.core.telemetry import Channel, ChannelKind, Reason, Tier
from hilrig.sampler.fact_file import numbered, read_fact
from hilrig.sampler.jetson.tree import hwmon_chips, told_apart
from hilrig.sampler.kept_file import KeptFile
from hilrig.sampler.source import FileSource, Source, Value, labelled, natural

_STATUS: Final = "var/lib/nvpmodel/status"
_CONFIGURATION: Final = "etc/nvpmodel.conf"
_MODE_LABEL: Final = b"pmode:"
_EMC: Final = "sys/kernel/debug/bpmp/debug/clk/emc"
_THOR_EMC: Final = "sys/class/devfreq/bwmgr"
_EMC_CAP: Final = "sys/kernel/nvpmodel_clk_cap/emc"
_PWM_MAX: Final = 255


def mode_sources(root: Path) -> list[Source]:
    """Return the settings that must stay as they are, the memory clock and the fans."""
    return [
        NvpmodelSource(root / _STATUS),
        _setting("emc_cap", "Hz", root / _EMC_CAP),
        _setting("emc_locked", "1", root / _EMC / "mrq_rate_locked"),
        _memory_clock(root),
        *_fans(root),
    ]


def nvpmodel_mode(root: Path) -> str | None:
    """Return the power mode as nvpmodel names it, for example `MAXN (0)`; None where it is not known."""
    try:
        number = labelled((read_fact(root / _STATUS) or "").encode(), _MODE_LABEL)
    except ValueError:
        return None
    if isinstance(number, Reason):
        return None
    text = read_fact(root / _CONFIGURATION) or ""
    match = re.search(rf"^\s*<\s*POWER_MODEL\s+ID={number}\s+NAME=(\S+)\s*>", text, re.MULTILINE)
    return f"{match[1] if match else 'mode'} ({number})"


def _mode_channel(setting: str, unit: str, source: str) -> Channel:
    return Channel(
        name=POWER_MODE,
        unit=unit,
        kind=ChannelKind.STATE,
        tier=Tier.SLOW,
        source=source,
        attributes=(("setting", setting),),
    )


class NvpmodelSource:
    """The number of the power mode. Opened anew each time: unlike one of /sys, this file may be replaced."""

    def __init__(self, path: Path) -> None:
        self.channels: tuple[Channel, ...] = (_mode_channel("nvpmodel", "1", f"/{_STATUS}"),)
        self._path = path
        self._detail = ""
        self._is_closed = False

    def read(self) -> Sequence[Value]:
        """Return the number, or why it is not known."""
        if self._is_closed:
            return (Reason.LOST,)
        source = FileSource(self.channels, KeptFile(self._path), lambda data: (labelled(data, _MODE_LABEL),))
        values = source.read()
        self._detail = source.detail()
        source.close()
        return values

    def detail(self) -> str:
        """Return in words what the last reason means."""
        return self._detail

    def close(self) -> None:
        """Answer LOST from here on."""
        self._is_closed = True


def _setting(setting: str, unit: str, path: Path) -> Source:
    channel = _mode_channel(setting, unit, "/".join(path.parts[-2:]))
    return FileSource([channel], KeptFile(path), lambda data: (natural(data),))


def _memory_clock(root: Path) -> Source:
    is_thor = any(numbered(root / _THOR_EMC, "cur_freq"))
    channel = Channel(
        name=MEMORY_CLOCK,
        unit="Hz",
        kind=ChannelKind.GAUGE,
        tier=Tier.SLOW,
        source="devfreq bwmgr/cur_freq" if is_thor else "bpmp clk/emc/rate",
    )
    file = KeptFile(root / _THOR_EMC / "cur_freq" if is_thor else root / _EMC / "rate")
    return FileSource([channel], file, lambda data: (natural(data),))


def _fans(root: Path) -> list[Source]:
    chips = hwmon_chips(root, "pwmfan")
    return [_fan(hw_id, chip) for hw_id, chip in zip(told_apart("pwmfan" for _ in chips), chips, strict=True)]


def _fan(hw_id: str, chip: Path) -> Source:
    channel = Channel(
        name=FAN_SPEED,
        unit="1",
        kind=ChannelKind.GAUGE,
        tier=Tier.SLOW,
        source="pwmfan pwm1",
        attributes=((HW_ID, hw_id),),
    )
    return FileSource([channel], KeptFile(chip / "pwm1"), _pwm_share)


def _pwm_share(data: bytes) -> Sequence[Value]:
    pwm = natural(data)
    if pwm > _PWM_MAX:
        raise ValueError("a duty cycle over 255")
    return (pwm / _PWM_MAX,)
