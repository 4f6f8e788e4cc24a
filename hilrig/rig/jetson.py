"""What a Jetson says of itself: Jetson Linux, JetPack, bounds of the GPU's clock."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hilrig.core.channels import GPU_CLOCK_LIMIT
from hilrig.core.telemetry import Channel, Reason
from hilrig.sampler.fact_file import read_fact
from hilrig.sampler.jetson.gpu import gpu_sources
from hilrig.sampler.source import Source

_JETPACK_OF_L4T: Final = {"32": "4", "35": "5", "36": "6", "38": "7", "39": "7"}
"""JetPack's major version by that of Jetson Linux. Source: NVIDIA's JetPack archive, as of JetPack 7.2."""


def l4t_version(root: Path, packages: Mapping[str, str]) -> str | None:
    """Return the Jetson Linux release, for example `36.4.3`; `packages` is what dpkg has installed."""
    text = read_fact(root / "etc/nv_tegra_release") or ""
    match = re.match(r"# R(\d+) \(release\), REVISION: (\d+(?:\.\d+)*)", text)
    if match:
        return f"{match[1]}.{match[2]}"
    # Images without that file still have its package: 36.4.3-20250107174145.
    match = re.match(r"\d+(\.\d+)+", packages.get("nvidia-l4t-core", ""))
    return match[0] if match else None


def jetpack_version(l4t: str | None, packages: Mapping[str, str]) -> str | None:
    """Return the version of the package nvidia-jetpack; without it only the major one, by Jetson Linux."""
    installed = packages.get("nvidia-jetpack")
    return installed or _JETPACK_OF_L4T.get((l4t or "").partition(".")[0])


def gpu_clock_hz(root: Path, bound: str) -> int | None:
    """Return the `min` or `max` clock that the governor may choose for the GPU, as the sampler reads it."""
    sources = gpu_sources(root)
    try:
        return next((_value(source) for source in sources if _is_limit(source.channels[0], bound)), None)
    finally:
        for source in sources:
            source.close()


def _is_limit(channel: Channel, bound: str) -> bool:
    return channel.name == GPU_CLOCK_LIMIT and ("bound", bound) in channel.attributes


def _value(source: Source) -> int | None:
    (value,) = source.read()
    return None if isinstance(value, Reason) else int(value)
