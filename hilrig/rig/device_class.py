"""The classes of hardware that a machine belongs to, the most specific first.

A class names what decides how fast a model runs: the accelerator, or the CPU's kind where there is none.

    Jetson         jetson-<module>-<memory>gb, arm64-cpu     jetson-orin-nx-16gb
    NVIDIA cards   x86-<card>, x86-cpu                       x86-rtx4000-ada
    anything else  x86-cpu or arm64-cpu
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hilrig.rig.device_tree import device_tree_text
from hilrig.rig.machine import architecture, device_tree_model, memory_bytes
from hilrig.rig.nvidia import card_models
from hilrig.sampler.jetson.tree import chip_of

_PREFIX: Final = {"x86_64": "x86", "aarch64": "arm64"}

_JETSON_MODULES: Final = (
    (r"p3767-000[01]|orin nx", "orin-nx"),
    (r"p3767-000[345]|orin nano", "orin-nano"),
    (r"p3701-|agx orin", "agx-orin"),
    (r"p3834-|agx thor", "agx-thor"),
    (r"p3668-|xavier nx", "xavier-nx"),
    (r"p2888-|agx xavier", "agx-xavier"),
)
"""Part number of the module in the device tree, or its name in the model line: the first row that matches.

Part numbers come first: a carrier board's vendor may change the model line. Source: NVIDIA Jetson Linux developer
guide, "Jetson modules and configurations".
"""

_VENDOR_WORDS: Final = frozenset({"nvidia", "quadro", "geforce", "tesla", "generation", "graphics", "gpu"})
_GIB: Final = 1 << 30


def device_classes(root: Path) -> tuple[str, ...]:
    """Return every class of the machine under `root`; empty when not even its kind of CPU can be read."""
    prefix = _PREFIX.get(architecture(root) or "")
    if prefix is None:
        return ()
    if is_jetson(root):
        return (*_jetson(root), f"{prefix}-cpu")
    slugs = dict.fromkeys(map(card_slug, card_models(root)))
    return (*(f"{prefix}-{slug}" for slug in slugs if slug), f"{prefix}-cpu")


def card_slug(model: str) -> str:
    """Return a card's name for a class: `NVIDIA RTX 4000 Ada Generation` gives `rtx4000-ada`."""
    words = re.findall(r"[a-z0-9]+", model.lower())
    slug = "-".join(word for word in words if word not in _VENDOR_WORDS)
    return re.sub(r"\b(rtx|gtx)-(?=\d)", r"\1", slug)


def is_jetson(root: Path) -> bool:
    """Return whether the device tree is that of a Jetson."""
    return chip_of(root) is not None


def _jetson(root: Path) -> Iterator[str]:
    size_gb, module = _memory_size_gb(root), _jetson_module(root)
    if size_gb is not None and module is not None:
        yield f"jetson-{module}-{size_gb}gb"


def _jetson_module(root: Path) -> str | None:
    for text in (device_tree_text(root, "compatible") or "", device_tree_model(root) or ""):
        for pattern, module in _JETSON_MODULES:
            if re.search(pattern, text.lower()):
                return module
    return None


def _memory_size_gb(root: Path) -> int | None:
    # Modules carry 4, 8, 16 ... GiB; MemTotal is what the firmware and the kernel leave of it.
    usable_bytes = memory_bytes(root)
    return None if usable_bytes is None else 1 << (-(-usable_bytes // _GIB) - 1).bit_length()
