"""What NVIDIA's own files say: cards, driver, Jetson Linux release."""

import re
from pathlib import Path

from hilrig.sampler.fact_file import numbered, read_fact


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


def l4t_version(root: Path) -> str | None:
    """Return the Jetson Linux release, for example `36.4.3`; 36 belongs to JetPack 6, 38 and 39 to JetPack 7."""
    text = read_fact(root / "etc/nv_tegra_release") or ""
    match = re.match(r"# R(\d+) \(release\), REVISION: (\d+(?:\.\d+)*)", text)
    return f"{match[1]}.{match[2]}" if match else None
