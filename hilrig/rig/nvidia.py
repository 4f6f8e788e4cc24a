"""NVIDIA cards by what files say of them.

The files are those of the kernel and of the driver itself.
"""

import re
from pathlib import Path
from typing import Final

from hilrig.sampler.fact_file import numbered, read_fact

_VENDOR: Final = "0x10de"
_DISPLAY_CLASS: Final = "0x03"  # PCI base class 03h: display controllers, 3D ones without an output included


def n_pci_cards(root: Path) -> int:
    """Return how many NVIDIA GPUs are in the machine, whether or not a driver runs them."""
    folders = numbered(root / "sys/bus/pci/devices", "*")
    return sum(
        read_fact(folder / "vendor") == _VENDOR and (read_fact(folder / "class") or "").startswith(_DISPLAY_CLASS)
        for folder in folders
    )


def card_models(root: Path) -> tuple[str, ...]:
    """Return the model of every NVIDIA card that the driver runs, in the order of their PCI addresses."""
    files = [folder / "information" for folder in numbered(root / "proc/driver/nvidia/gpus", "*")]
    matches = [re.search(r"^Model:[ \t]*(\S.*?)[ \t]*$", read_fact(file) or "", re.MULTILINE) for file in files]
    return tuple(match[1] for match in matches if match)


def driver_version(root: Path) -> str | None:
    """Return the version of the NVIDIA kernel driver, for example `550.54.15`."""
    text = read_fact(root / "proc/driver/nvidia/version") or ""
    match = re.search(r"^NVRM version:.*?\s(\d+\.\d+(?:\.\d+)*)\s", text, re.MULTILINE)
    return match[1] if match else None
