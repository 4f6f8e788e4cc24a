"""The device tree that the firmware of an ARM board hands to the kernel."""

from pathlib import Path
from typing import Final

from hilrig.sampler.fact_file import read_fact

_FOLDERS: Final = ("sys/firmware/devicetree/base", "proc/device-tree")
"""`/proc/device-tree` is a link to the first one: with an absolute target, so it leads out of any other root."""


def device_tree_text(root: Path, name: str) -> str | None:
    """Return a property such as `model` or `compatible`; its strings are separated by NULs."""
    texts = (read_fact(root / folder / name) for folder in _FOLDERS)
    return next((text for text in texts if text is not None), None)


def has_device_tree_node(root: Path, name: str) -> bool:
    """Return whether the tree has a node, which may be without any property."""
    return any((root / folder / name).exists() for folder in _FOLDERS)
