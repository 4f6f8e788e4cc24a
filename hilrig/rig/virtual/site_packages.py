"""hilrig's dependencies for a virtual rig: the same versions as here, for the Python of its Debian."""

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hilrig.core.errors import PreconditionError
from hilrig.rig.virtual.programs import run_program

EXTRAS: Final = ("cpu", "node")
"""What runs on a rig: the model's runtime, and the edge node whose updates are cut."""
PYTHON_VERSION: Final = "3.11"
"""Of Debian 12, which the image is made of."""

_GLIBC: Final = "manylinux_2_28_x86_64"
_PRUNED_FOLDERS: Final = ("tests", "test", "include")
"""What nobody imports on a rig: 50 of 630 MiB, and a tenth of the build's time."""


def required() -> list[str]:
    """Return hilrig's requirements with these extras, sorted."""
    return sorted(str(one) for one in _requirements("hilrig", frozenset(EXTRAS)))


def pins() -> list[str]:
    """Return `name==version` of everything that these requirements bring on this machine, sorted.

    What is not installed here is left to the installer.
    """
    found: dict[str, str] = {}
    open_ones = [Requirement(f"hilrig[{','.join(EXTRAS)}]")]
    while open_ones:
        asked = open_ones.pop()
        for one in _requirements(asked.name, frozenset(asked.extras)):
            name = canonicalize_name(one.name)
            if name not in found and (version := _version(name)) is not None:
                found[name] = version
                open_ones.append(one)
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def install(folder: Path) -> None:
    """Install the requirements into `folder`, from the package index that this machine uses.

    Raises:
        PreconditionError: no installer is here, or it fails.
    """
    constraints = folder.with_suffix(".pins")
    constraints.write_text("\n".join(pins()) + "\n", encoding="utf-8")
    run_program([*_installer(), "--constraint", str(constraints), "--target", str(folder), *required()])
    _prune(folder)


def _installer() -> list[str]:
    if importlib.util.find_spec("uv"):
        platform = ["--python-platform", f"x86_64-{_GLIBC.removesuffix('_x86_64')}"]
        command = [sys.executable, "-m", "uv", "pip", "install", *platform]
    elif importlib.util.find_spec("pip"):
        command = [sys.executable, "-m", "pip", "install", "--no-compile", "--platform", _GLIBC]
    else:
        raise PreconditionError(
            "no installer for Python packages here: neither uv nor pip", hint=f"{sys.executable} -m ensurepip"
        )
    return [*command, "--quiet", "--python-version", PYTHON_VERSION, "--only-binary", ":all:"]


def _requirements(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    """Yield what a distribution here asks for, with these extras; markers are those of this Python."""
    try:
        texts = distribution(name).requires or []
    except PackageNotFoundError:
        return
    for one in map(Requirement, texts):
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in (extras or {""})):
            one.marker = None
            yield one


def _version(name: str) -> str | None:
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return None


def _prune(folder: Path) -> None:
    for name in _PRUNED_FOLDERS:
        for found in sorted(folder.glob(f"*/**/{name}")):
            if found.is_dir():
                shutil.rmtree(found)
