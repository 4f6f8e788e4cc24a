"""What a rig is like right now, as far as its files tell: one reading of each, None for what is not known."""

import os
import pwd
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Final

from hilrig.core.errors import RigBusyError
from hilrig.rig.agent.arguments import work_folder_of
from hilrig.rig.agent.disk import free_mib
from hilrig.rig.agent.gpu_users import gpu_users
from hilrig.rig.agent.keeper_file import boot_id
from hilrig.rig.agent.layout import WorkFolder
from hilrig.rig.agent.lease_record import standing_lease
from hilrig.sampler.fact_file import numbered, read_fact

NEEDED: Final = (
    "numpy",
    "pyarrow",
    "pydantic",
    "pandas",
    "matplotlib",
    "psutil",
    "PyYAML",
    "jinja2",
    "securesystemslib",
    "cryptography",
)
"""Distributions that a run needs whatever the profile is; the command line's own are not among them."""

PACKAGES: Final = (
    *NEEDED,
    "typer",
    "rich",
    "onnxruntime",
    "onnxruntime-gpu",
    "opencv-python",
    "opencv-python-headless",
)
"""Distributions that are told: what hilrig or a backend of it needs."""

MODULES: Final = ("cv2", "onnxruntime")
"""What JetPack brings as modules without a distribution."""

_MILLI: Final = 1000
_SWITCHED_OFF_MC: Final = -256_000  # what older Jetson kernels answer for a sensor without power
_NVPMODEL_STATUS: Final = "var/lib/nvpmodel/status"
_NVPMODEL_CONFIGURATION: Final = "etc/nvpmodel.conf"


def facts(arguments: Mapping[str, Any], stream: BinaryIO) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - a verb's form
    """Answer what the rig is like. `gpu_of` in the arguments: pids that are the caller's own."""
    work, root = work_folder_of(arguments), Path("/")
    ours = frozenset(arguments.get("gpu_of") or ())
    processes, is_complete = gpu_users(root, ours=ours)
    yield {
        "boot_id": boot_id(),
        "free_mib": round(free_mib(work.path), 1),
        "temperatures": temperatures(root),
        "power_mode": power_mode(root),
        "gpu_processes": processes,
        "gpu_processes_complete": is_complete,
        "packages": {name: _version(name) for name in PACKAGES},
        "modules": {name: find_spec(name) is not None for name in MODULES},
        "user": _user(),
        "hostname": os.uname().nodename,
        "lease": _lease(work),
        "lock_folder": os.environ.get("HILRIG_LOCK_FOLDER") or f"{tempfile.gettempdir()}/hilrig",
        "realtime_ns": time.time_ns(),  # last: the answer is on its way at once
        "boottime_ns": time.clock_gettime_ns(time.CLOCK_BOOTTIME),
    }


def temperatures(root: Path) -> list[dict[str, Any]]:
    """Return `name` and `cel` (degrees Celsius, None when unreadable) of every sensor, named as in telemetry.

    A zone that the kernel mirrors as a hwmon chip is there once, as the chip.
    """
    chips = numbered(root / "sys/class/hwmon", "hwmon*")
    mirrored = {read_fact(chip / "name") for chip in chips}
    found = [reading for chip in chips for reading in _chip(chip)]
    for zone in numbered(root / "sys/class/thermal", "thermal_zone*"):
        kind = read_fact(zone / "type") or zone.name
        if kind.replace("-", "_") not in mirrored:  # the kernel mirrors most, with `_` for `-`
            found.append({"name": f"zone/{kind}", "cel": _celsius(zone / "temp")})
    return found


def _chip(chip: Path) -> Iterator[dict[str, Any]]:
    name = read_fact(chip / "name") or chip.name
    for path in numbered(chip, "temp*_input"):
        sensor = path.name[: -len("_input")]
        yield {"name": f"{name}/{read_fact(chip / f'{sensor}_label') or sensor}", "cel": _celsius(path)}


def _celsius(path: Path) -> float | None:
    try:
        milli_celsius = int(read_fact(path) or "")
    except ValueError:
        return None
    return None if milli_celsius <= _SWITCHED_OFF_MC else milli_celsius / _MILLI


def power_mode(root: Path) -> str | None:
    """Return the power mode as nvpmodel names it, for example `MAXN (0)`; None where it is not known."""
    status = re.search(r"^pmode:(\d+)$", read_fact(root / _NVPMODEL_STATUS) or "", re.MULTILINE)
    if status is None:
        return None
    number = int(status[1])
    text = read_fact(root / _NVPMODEL_CONFIGURATION) or ""
    name = re.search(rf"^\s*<\s*POWER_MODEL\s+ID={number}\s+NAME=(\S+)\s*>", text, re.MULTILINE)
    return f"{name[1] if name else 'mode'} ({number})"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user id without a name, as in many containers
        return str(os.getuid())


def _lease(work: WorkFolder) -> dict[str, Any] | None:
    """Return the lease that counts; one whose record is damaged is said so in its note: it may hold the rig."""
    try:
        lease = standing_lease(work)
    except RigBusyError as error:
        return {"holder": "", "run_id": "", "note": error.message}
    return None if lease is None else asdict(lease)
