"""The libraries through which a runtime reaches an NVIDIA GPU: CUDA, TensorRT, cuDNN.

Several versions may be installed beside each other, and which of them a runtime loads is its own affair: so each
is named with where it was found, as dpkg, pip or NVIDIA's own file write it.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hilrig.rig.software import distribution_versions
from hilrig.sampler.fact_file import read_fact

_PACKAGES: Final = {
    "cuda": re.compile(r"cuda-cudart-\d+-\d+"),
    "tensorrt": re.compile(r"libnvinfer\d+"),
    "cudnn": re.compile(r"libcudnn\d+(-cuda-\d+)?"),
}
"""The libraries themselves as Debian packages. Source: NVIDIA's installation guides of the three."""

_DISTRIBUTIONS: Final = {
    "cuda": re.compile(r"nvidia-cuda-runtime(-cu\d+)?"),
    "tensorrt": re.compile(r"tensorrt(-cu\d+)?(-libs)?"),
    "cudnn": re.compile(r"nvidia-cudnn(-cu\d+)?"),
}
CUDA_TOOLKIT_FILE: Final = "usr/local/cuda/version.json"

Versions = dict[str, str]


def accelerator_stack(root: Path, packages: Mapping[str, str]) -> dict[str, Versions | None]:
    """Return the versions found of `cuda`, `tensorrt` and `cudnn`, by package; None where none is known.

    The Python distributions are those of this interpreter, whatever `root` is.

    Args:
        root: where `usr/local/cuda` is.
        packages: what dpkg has installed, with versions.
    """
    distributions = distribution_versions()
    stack = {
        library: _matching(_PACKAGES[library], packages) | _matching(_DISTRIBUTIONS[library], distributions)
        for library in _PACKAGES
    }
    stack["cuda"] |= _toolkit(root)
    return {library: versions or None for library, versions in stack.items()}


def _matching(name: re.Pattern[str], versions: Mapping[str, str]) -> Versions:
    return {found: versions[found] for found in sorted(versions) if name.fullmatch(found)}


def _toolkit(root: Path) -> Versions:
    try:
        version = json.loads(read_fact(root / CUDA_TOOLKIT_FILE) or "{}")["cuda"]["version"]
    except (ValueError, LookupError, TypeError):  # another form than NVIDIA's: unknown
        return {}
    return {"/usr/local/cuda": version} if isinstance(version, str) else {}
