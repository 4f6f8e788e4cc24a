"""The installed packages that decide what a model does."""

import re
from collections.abc import Collection
from email import message_from_string
from importlib.metadata import Distribution, distributions
from typing import Final

from hilrig.core.errors import PreconditionError
from hilrig.core.plugins import GROUP

_PACKAGES: Final = re.compile(r"numpy|onnxruntime.*|ort-nightly.*|opencv-.*")
_RUNTIMES: Final = re.compile(r"(onnxruntime|ort-nightly)(?!-(extensions|genai|tools|easy))(-.*)?")
"""Distributions that own the module `onnxruntime`; those named as exceptions have modules of their own."""


def package_versions() -> dict[str, str]:
    """Return name and version of numpy, ONNX Runtime, OpenCV and every package with a plug-in, sorted by name."""
    named = [(*_name_and_version(package), package) for package in distributions()]
    return dict(
        sorted(
            (name, version)
            for name, version, package in named
            if _PACKAGES.fullmatch(name) or any(point.group.startswith(GROUP) for point in package.entry_points)
        )
    )


def distribution_versions() -> dict[str, str]:
    """Return name and version of everything that is installed for this interpreter, sorted by name."""
    return dict(sorted(_name_and_version(package) for package in distributions()))


def onnxruntime_distribution(installed: Collection[str] | None = None) -> str:
    """Return the name of the one distribution that provides the module `onnxruntime`.

    Args:
        installed: names to choose from; the installed ones when None.

    Raises:
        PreconditionError: there is none, or several have overwritten each other's files.
    """
    names = sorted(filter(_RUNTIMES.fullmatch, package_versions() if installed is None else installed))
    if len(names) == 1:
        return names[0]
    install = "pip install 'hilrig[cpu]' (or 'hilrig[gpu]' for an NVIDIA card)"
    if not names:
        raise PreconditionError("expected one distribution of onnxruntime, found none", hint=install)
    raise PreconditionError(
        f"expected one distribution of onnxruntime, found {len(names)}: {', '.join(names)}; "
        "all own the module 'onnxruntime', so which one runs is chance",
        hint=f"pip uninstall -y {' '.join(names)}, then {install}",
    )


def _name_and_version(package: Distribution) -> tuple[str, str]:
    """Return both from the head of its metadata: below stands its README, whose parsing took a tenth of a run."""
    text = package.read_text("METADATA") or package.read_text("PKG-INFO") or package.read_text("") or ""
    head = message_from_string(text.partition("\n\n")[0])
    return _normal(head["Name"]), head["Version"]


def _normal(name: str | None) -> str:
    return re.sub(r"[-_.]+", "-", name or "").lower()  # a half-removed package has no name
