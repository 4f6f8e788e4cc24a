"""Which samplers answer on this machine."""

from pathlib import Path
from typing import Final

from hilrig.core.ports import Sampler
from hilrig.core.registry import load
from hilrig.core.telemetry import Capability
from hilrig.sampler.combined import CombinedSampler

_NAMES_AND_MARKERS: Final = (("host", "proc/stat"),)
"""Sampler names, the preferred one first, each with the file under the root that says it is worth opening."""


def open_samplers(root: Path, pid: int) -> list[Sampler]:
    """Return a sampler of every kind whose hardware is here, the preferred ones first; the caller closes them.

    Raises:
        UsageError: a sampler needs a library that is not installed.
    """
    builders = [load("samplers", name) for name, marker in _NAMES_AND_MARKERS if (root / marker).exists()]
    return [build(root, pid) for build in builders]


def probe_all(root: Path, pid: int) -> tuple[Capability, ...]:
    """Return what every channel of this machine answers now.

    Raises:
        UsageError: a sampler needs a library that is not installed.
    """
    sampler = CombinedSampler(open_samplers(root, pid))
    try:
        return tuple(sampler.probe())
    finally:
        sampler.close()
