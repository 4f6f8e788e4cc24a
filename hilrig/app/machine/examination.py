"""What hilrig needs of a machine before any run, each with the step that mends it."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import partial
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from hilrig.app.soak.preflight import needed_bytes
from hilrig.attest.keys import list_keys
from hilrig.core import plugins
from hilrig.core.errors import HilrigError
from hilrig.core.registry import BUILT_IN, Kind, load
from hilrig.core.units import bytes_to_mib
from hilrig.faults.block_log import why_not_block_log
from hilrig.rig.device_class import is_jetson
from hilrig.rig.nvidia import driver_version, n_pci_cards
from hilrig.rig.software import onnxruntime_distribution

SMALLEST_DISK_MIB: Final = 512
EIGHT_HOURS_S: Final = 8 * 3600
_CPU_RUNTIME: Final = "onnxruntime"
"""The distribution without any provider for NVIDIA hardware."""


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


def examine(*, reports: Path, keys_folder: Path, root: Path = Path("/")) -> Iterator[Examined]:
    """Look at everything but the telemetry; changes nothing.

    Args:
        reports: where runs are to be written.
        keys_folder: where the signing key should be.
        root: where `proc` and `sys` are.
    """
    yield _attempt("onnxruntime", onnxruntime_distribution)
    yield _attempt("opencv", _opencv_version)
    yield from examine_nvidia(root)
    yield from examine_plugins()
    yield _key(keys_folder)
    yield _reports(reports)
    yield _real_time()
    yield _power_loss()


def _power_loss() -> Examined:
    """Return which depths of a power-loss test can run on this machine; none is needed for a run without one."""
    found, reason = "file_calls, kill", why_not_block_log()
    return Examined(
        name="power-loss test",
        health=Health.OK,
        found=f"{found}; not block_log: {reason}" if reason else f"{found}, block_log",
    )


def examine_nvidia(root: Path) -> Iterator[Examined]:
    """Look at what an NVIDIA GPU needs to be used and measured; nothing where there is none."""
    n_cards, driver = n_pci_cards(root), driver_version(root)
    if n_cards and driver is None:
        yield Examined(
            name="nvidia driver",
            health=Health.LIMITED,
            found=f"{n_cards} NVIDIA card(s) without a driver: nothing can use them",
            remedy="install NVIDIA's driver (Ubuntu: sudo ubuntu-drivers install) and start the machine again",
        )
    if driver is not None and find_spec("pynvml") is None:
        yield Examined(
            name="nvidia-ml-py",
            health=Health.LIMITED,
            found=f"missing: nothing of the card is measured, though its driver {driver} is there",
            remedy="pip install 'hilrig[gpu]', or only nvidia-ml-py",
        )
    if driver is not None or is_jetson(root):
        yield from _gpu_runtime(jetson=is_jetson(root))


def examine_plugins() -> Iterator[Examined]:
    """Look at every installed plug-in: what it is called, who brings it, whether it can be loaded."""
    for kind, built_in in BUILT_IN.items():
        try:
            points = plugins.installed(kind, built_in=built_in)
        except HilrigError as error:
            yield Examined(name="plug-in", health=Health.BROKEN, found=error.message, remedy=error.hint)
            continue
        yield from (_attempt("plug-in", partial(_plugin, kind, point)) for point in points.values())


def _plugin(kind: Kind, point: EntryPoint) -> str:
    load(kind, point.name)
    return plugins.described(kind, point)


def _gpu_runtime(*, jetson: bool) -> Iterator[Examined]:
    try:
        found = onnxruntime_distribution()
    except HilrigError:
        return  # said already
    if found != _CPU_RUNTIME:
        return
    install = (
        "install the onnxruntime-gpu that is built for your JetPack" if jetson else "pip install 'hilrig[gpu]'"
    )
    yield Examined(
        name="gpu runtime",
        health=Health.LIMITED,
        found="onnxruntime is installed, which has no provider for this GPU: models run on the CPU",
        remedy=f"pip uninstall -y onnxruntime, then {install}",
    )


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
