"""What this machine is and what hilrig could measure here, with the step that mends each gap."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path

from hilrig.app.folders import lease_folder
from hilrig.app.preflight import describe_feed, needed_bytes
from hilrig.app.self_test import floor_plan, measure_floor
from hilrig.attest.keys import list_keys
from hilrig.config.profile import load_profile
from hilrig.core.clock import SystemClock
from hilrig.core.errors import HilrigError
from hilrig.core.floor import Floor
from hilrig.core.frame import FeedInfo
from hilrig.core.rig import RigInfo
from hilrig.core.telemetry import Capability
from hilrig.core.units import NS_PER_S, bytes_to_mib
from hilrig.rig.lease import RigLease
from hilrig.rig.local import inspect_local
from hilrig.rig.software import onnxruntime_distribution
from hilrig.sampler.probe import probe_all

SMALLEST_DISK_MIB = 512
_LATENESS_OF_PERIOD = 0.05  # as the run's own self-check feeder.lateness
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
class SelfTest:
    """What hilrig measures itself with: frame rate, frame size, for how long."""

    frame_rate_fps: Fraction
    feed_info: FeedInfo
    seconds: float


DEFAULT_SELF_TEST = SelfTest(
    frame_rate_fps=Fraction(30), feed_info=FeedInfo(n_frames=2, height_px=512, width_px=512), seconds=10
)
"""Where no profile says anything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything that was looked at: the rig, what its channels answered, the floor if it was measured."""

    rig: RigInfo
    examined: tuple[Examined, ...]
    capabilities: tuple[Capability, ...]
    floor: Floor | None

    @property
    def is_broken(self) -> bool:
        """Return whether something keeps hilrig from running here."""
        return any(item.health is Health.BROKEN for item in self.examined)


def diagnose(*, reports: Path, keys_folder: Path, self_test: SelfTest | None) -> Diagnosis:
    """Look at this machine; changes nothing.

    Args:
        reports: where runs are to be written.
        keys_folder: where the signing key should be.
        self_test: what to measure hilrig itself with; None looks only.
    """
    examined = list(_examine(reports, keys_folder))
    floor = None
    if self_test is not None:
        floor, found = _self_test(self_test)
        examined.append(found)
    return Diagnosis(
        rig=inspect_local(),
        examined=tuple(examined),
        capabilities=probe_all(Path("/"), os.getpid()),
        floor=floor,
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


def self_test_of(profile_path: Path) -> SelfTest:
    """Return the self-test that a run of this profile would begin with.

    Raises:
        HilrigError: the profile has mistakes, or its feed cannot be read.
    """
    profile = load_profile(profile_path)
    rate_fps = profile.frame_rate_fps * len(profile.arrivals.camera_offsets_ms)
    return SelfTest(frame_rate_fps=rate_fps, feed_info=describe_feed(profile), seconds=profile.self_test_s)


def _self_test(asked: SelfTest) -> tuple[Floor | None, Examined]:
    """Measure hilrig itself; a rig that is busy with a run is left alone."""
    plan = floor_plan(NS_PER_S / asked.frame_rate_fps, asked.feed_info, self_test_s=asked.seconds)
    try:
        with tempfile.TemporaryDirectory(prefix="hilrig-") as folder, RigLease(lease_folder(), run_id="self-test"):
            log_path = Path(folder) / "run.log"
            floor = measure_floor(
                plan, asked.feed_info, clock=SystemClock(), stop=lambda: False, log_path=log_path
            )
    except HilrigError as error:
        return None, Examined(
            name="self-test", health=Health.LIMITED, found=error.message, remedy=error.hint or "hilrig doctor"
        )
    late_us = _LATENESS_OF_PERIOD * 1e6 / float(asked.frame_rate_fps)
    is_good = floor.lateness_p99_us <= late_us and not floor.n_undecided
    found = (
        f"at {floor.frame_rate_fps:g} fps doing nothing takes {floor.latency_p50_us:.0f} us (p50), "
        f"{floor.latency_p99_us:.0f} us (p99); camera late by {floor.lateness_p99_us:.0f} us (p99); "
        f"{floor.n_undecided} of {floor.n + floor.n_undecided} frames lost"
    )
    return floor, Examined(
        name="self-test",
        health=Health.OK if is_good else Health.LIMITED,
        found=found,
        remedy="" if is_good else "stop other load, allow real-time priority, or use a rig with more cores",
    )
