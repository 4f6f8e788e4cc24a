"""Where the parts of a Jetson are: found by name, because the numbers in /sys move between boots."""

from collections.abc import Iterable
from itertools import chain, count
from pathlib import Path
from typing import Final

from hilrig.sampler.fact_file import numbered, read_fact
from hilrig.sampler.source import natural

ORIN: Final = "nvidia,tegra234"

_CHIP_PREFIX: Final = "nvidia,tegra"
_COMPATIBLE: Final = (
    "sys/firmware/devicetree/base/compatible",
    "proc/device-tree/compatible",  # a link to the former, and an absolute one: useless under another root
)


def chip_of(root: Path) -> str | None:
    """Return the chip as the device tree has it, for example `nvidia,tegra234`; None on anything but a Jetson."""
    for path in _COMPATIBLE:
        for name in (read_fact(root / path) or "").split("\0"):
            if name.startswith(_CHIP_PREFIX):
                return name
    return None


def hwmon_chips(root: Path, name: str) -> list[Path]:
    """Return the folder of every hwmon chip called `name`."""
    return [chip for chip in numbered(root / "sys/class/hwmon", "hwmon*") if read_fact(chip / "name") == name]


def told_apart(names: Iterable[str]) -> list[str]:
    """Return `names`, with ` #2` after the second of one name, as the host's temperatures are told apart."""
    taken: list[str] = []
    for name in names:
        candidates = chain([name], (f"{name} #{number}" for number in count(2)))
        taken.append(next(candidate for candidate in candidates if candidate not in taken))
    return taken


def integer(text: bytes) -> int:
    """Return the decimal number that `text` is, a minus sign allowed.

    Raises:
        ValueError: it is anything else.
    """
    stripped = text.strip()
    return -natural(stripped[1:]) if stripped.startswith(b"-") else natural(stripped)
