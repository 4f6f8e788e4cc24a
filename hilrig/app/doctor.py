"""What this machine is and what hilrig could measure here, with the step that mends each gap."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from hilrig.app.preflight import needed_bytes
from hilrig.attest.keys import list_keys
from hilrig.core.errors import HilrigError
from hilrig.core.rig import RigInfo
from hilrig.core.telemetry import Capability
from hilrig.core.units import bytes_to_mib
from hilrig.rig.local import inspect_local
from hilrig.rig.software import onnxruntime_distribution
from hilrig.sampler.probe import probe_all

SMALLEST_DISK_MIB = 512
EIGHT_HOURS_S = 8 * 3600


class Health(str, Enum):
    """How one examined thing stands."""

    OK = "ok"
    LIMITED = "limited"  # hilrig runs, but can do or measure less
    BROKEN = "broken"  # no run until this is mended


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One thing that was looked at: what was found, and the step that mends it when it isn't well."""

    name: str
    health: Health
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything that was looked at, with the rig and what its channels answered."""

    rig: RigInfo
    examined: tuple[Examined, ...]
    capabilities: tuple[Capability, ...]

    @property
    def is_broken(self) -> bool:
        """Return whether something keeps hilrig from running here."""
        return any(item.health is Health.BROKEN for item in self.examined)


def diagnose(*, reports: Path, keys_folder: Path) -> Diagnosis:
    """Look at this machine; changes nothing."""
    return Diagnosis(
        rig=inspect_local(),
        examined=tuple(_examine(reports, keys_folder)),
        capabilities=probe_all(Path("/"), os.getpid()),
    )


def _examine(reports: Path, keys_folder: Path) -> Iterator[Examined]:
    yield _attempt("onnxruntime", onnxruntime_distribution)
    yield _attempt("opencv", _opencv_version)
    yield _key(keys_folder)
    yield _reports(reports)
    yield _real_time()


def _attempt(name: str, look: Callable[[], str]) -> Examined:
    try:
        return Examined(name=name, health=Health.OK, found=look())
    except HilrigError as error:
        return Examined(name=name, health=Health.BROKEN, found=error.message, remedy=error.hint)
    except ImportError as error:
        return Examined(name=name, health=Health.BROKEN, found=str(error), remedy="pip install 'hilrig[cpu]'")


def _opencv_version() -> str:
    import cv2

    return str(cv2.__version__)


def _key(folder: Path) -> Examined:
    try:
        keys = [key for key in list_keys(folder) if key.private_path is not None]
    except HilrigError as error:
        return Examined(name="signing key", health=Health.BROKEN, found=error.message, remedy=error.hint)
    if not keys:
        return Examined(
            name="signing key",
            health=Health.BROKEN,
            found=f"none in {folder}",
            remedy="hilrig keys new",
        )
    return Examined(
        name="signing key",
        health=Health.OK,
        found=", ".join(f"{key.name} {key.fingerprint}" for key in keys),
    )


def _reports(reports: Path) -> Examined:
    folder = next(folder for folder in (reports, *reports.absolute().parents) if folder.is_dir())
    if not os.access(folder, os.W_OK):
        return Examined(
            name="reports folder",
            health=Health.BROKEN,
            found=f"{folder} is not writable",
            remedy="choose another folder with --reports",
        )
    free_mib = bytes_to_mib(shutil.disk_usage(folder).free)
    health = Health.OK if free_mib >= SMALLEST_DISK_MIB else Health.LIMITED
    needed_mib = bytes_to_mib(needed_bytes(30 * EIGHT_HOURS_S, EIGHT_HOURS_S))
    remedy = "" if health is Health.OK else f"make room: an 8 h run at 30 fps needs about {needed_mib:.0f} MiB"
    return Examined(
        name="reports folder", health=health, found=f"{folder}, {free_mib:.0f} MiB free", remedy=remedy
    )


def _real_time() -> Examined:
    import resource

    allowed = os.geteuid() == 0 or resource.getrlimit(resource.RLIMIT_RTPRIO)[0] > 0
    return Examined(
        name="real-time priority",
        health=Health.OK if allowed else Health.LIMITED,
        found="permitted for the camera" if allowed else "not permitted: the camera may release frames late",
        remedy="" if allowed else "give the user rtprio 50 in /etc/security/limits.d/",
    )
