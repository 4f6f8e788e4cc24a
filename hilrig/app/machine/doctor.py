"""What hilrig could measure on this machine, with the step that mends each gap."""

import os
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from hilrig.app.folders import lease_folder
from hilrig.app.machine.capability_table import Section, capability_table
from hilrig.app.machine.examination import Examined, Health, examine
from hilrig.app.soak.limits_here import LimitHere, limits_here
from hilrig.app.soak.preflight import describe_feed
from hilrig.app.soak.self_test import floor_plan, measure_floor
from hilrig.config.profile import load_profile
from hilrig.core.clock import SystemClock
from hilrig.core.errors import HilrigError
from hilrig.core.floor import Floor
from hilrig.core.frame import FeedInfo
from hilrig.core.rig import RigInfo
from hilrig.core.units import NS_PER_S
from hilrig.rig.lease import RigLease
from hilrig.rig.local import inspect_local
from hilrig.sampler.probe import probe_all

_ROOT: Final = Path("/")
_LATENESS_OF_PERIOD: Final = 0.05  # as the run's own self-check feeder.lateness


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
    """Everything that was looked at: the rig, its channels by question, its limits, the floor if measured."""

    rig: RigInfo
    examined: tuple[Examined, ...]
    capabilities: tuple[Section, ...]
    limits: tuple[LimitHere, ...]
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
    examined = list(examine(reports=reports, keys_folder=keys_folder))
    floor = None
    if self_test is not None:
        floor, found = _self_test(self_test)
        examined.append(found)
    rig = inspect_local()
    capabilities = probe_all(_ROOT, os.getpid())
    return Diagnosis(
        rig=rig,
        examined=tuple(examined),
        capabilities=capability_table(capabilities, container=bool(rig.facts["container"])),
        limits=limits_here(capabilities, next(iter(rig.device_classes), "")),
        floor=floor,
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
