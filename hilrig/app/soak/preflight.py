"""Before a run: whether this rig can do what the profile asks; everything that is missing is said at once."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import psutil

from hilrig.app.soak.accelerator import prove_accelerator, with_evidence
from hilrig.app.soak.limits_here import condition, obstacle
from hilrig.config.profile import load_profile
from hilrig.config.rig_file import load_rig
from hilrig.core.accelerator import AcceleratorProof
from hilrig.core.errors import HilrigError, PreconditionError, UsageError
from hilrig.core.fault import FaultKind
from hilrig.core.frame import FeedInfo
from hilrig.core.metrics import METRICS
from hilrig.core.profile import Limit, Profile, TuningSpec
from hilrig.core.rig import RigInfo, RigSpec
from hilrig.core.telemetry import Capability
from hilrig.core.units import bytes_to_mib
from hilrig.faults.companion_command import missing_programs
from hilrig.feed.opening import open_feed
from hilrig.report.assets import require_assets
from hilrig.rig.local import inspect_local
from hilrig.rig.software import onnxruntime_distribution
from hilrig.run.clock_step import why_no_step
from hilrig.sampler.probe import probe_all, silent
from hilrig.target.model_files import hash_model_files
from hilrig.target.opening import open_target

LOCAL_RIG: Final = RigSpec(name="local", transport="local", device_class="auto")
CLOCK_LIMIT: Final = "gpu_clock_lowest_mhz"
POOL_SHARE_MAX: Final = 0.5  # of the memory that is free: the target needs room as well
BYTES_PER_FRAME: Final = 200  # record, journal and Parquet together: 109 in the sample run
BYTES_PER_SECOND: Final = 16_000  # telemetry at 10 Hz: 7,000 in the sample run, on a rig with few sensors
FIXED_BYTES: Final = 32 << 20  # report, picture, reserve

PROBE_S: Final = 60

STDOUT_FD: Final = 1
STDERR_FD: Final = 2

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A profile on a rig that can run it. `warnings` are what a run will find, told before it."""

    profile: Profile
    rig: RigSpec
    rig_info: RigInfo
    device_class: str
    feed_info: FeedInfo
    model_files_sha256: dict[str, str]
    accelerator: AcceleratorProof | None
    warnings: tuple[str, ...] = ()


def load_rig_in_place(rig_file: Path | None) -> RigSpec:
    """Return the rig of a file, this machine as that file states it; without one, this machine as it is.

    Raises:
        ConfigError: the file has mistakes.
        UsageError: the rig is elsewhere: what is asked for here would be answered for the wrong machine.
        PreconditionError: the rig is out of service.
    """
    rig = LOCAL_RIG if rig_file is None else load_rig(rig_file)
    if rig.work_folder is not None:
        raise UsageError(
            f"rig {rig.name} is elsewhere, and this is done on the machine itself",
            hint=f"hilrig run PROFILE --rig {rig.name}, or this command over there",
        )
    if rig.disabled:
        raise PreconditionError(f"rig {rig.name} is out of service: {rig.disabled}", hint="hilrig rigs list")
    return rig


def preflight(profile_path: Path, rig: RigSpec) -> Ready:
    """Return what a run can be planned from.

    Raises:
        ConfigError: the profile has mistakes.
        PreconditionError: this rig lacks something; the message has one line for each thing.
    """
    profile = load_profile(profile_path)
    info = inspect_local(name=rig.name)
    common_class = device_class(profile, rig, info)
    problems: list[str] = [] if common_class else [_wrong_class(profile, rig, info)]
    capabilities = probe_all(Path("/"), os.getpid())
    problems += _unmeasurable(profile.limits, capabilities, common_class or "")
    problems += (f"run.samplers: {line}" for line in silent(profile.samplers, Path("/"), os.getpid()))
    problems += _missing_cpus(profile.tuning)
    problems += _no_namespace(profile)
    problems += _fixed_clock(profile)
    problems += missing_programs(profile.companions, Path(profile.folder))
    problems += _uncuttable(profile)
    _attempt(problems, require_assets)
    digests = _attempt(problems, lambda: hash_model_files(profile.model, Path(profile.folder)))
    feed_info = _attempt(problems, lambda: describe_feed(profile))
    proof = None if digests is None else _attempt(problems, lambda: check_target(profile))
    if feed_info is not None:
        problems += _too_large(profile, feed_info)
    if problems or common_class is None or feed_info is None or digests is None:
        raise PreconditionError(
            f"{profile.name} cannot run on rig {rig.name}:\n" + "\n".join(f"  - {line}" for line in problems),
            hint="hilrig doctor shows what this rig can measure",
        )
    return Ready(
        profile=profile,
        rig=rig,
        rig_info=info,
        device_class=common_class,
        feed_info=feed_info,
        model_files_sha256=digests,
        accelerator=proof,
        warnings=tuple(_conditional(profile.limits, capabilities)),
    )


def device_class(profile: Profile, rig: RigSpec, info: RigInfo) -> str | None:
    """Return the class that profile and rig have in common; None when there is none."""
    found = info.device_classes
    if rig.device_class != "auto" and rig.device_class not in found:
        return None
    offered = found if rig.device_class == "auto" else (rig.device_class,)
    return next((name for name in offered if name in profile.device_classes), None)


def needed_bytes(n_frames: int, duration_s: float) -> int:
    """Return how much disk a run fills, in bytes, rounded up."""
    return FIXED_BYTES + n_frames * BYTES_PER_FRAME + round(duration_s * BYTES_PER_SECOND)


def check_target(profile: Profile) -> AcceleratorProof | None:
    """Load the target once and release it; return the proof of the accelerator, None when none is asked for.

    Raises:
        PreconditionError: the model, its runtime or its inputs and outputs are not as declared, nothing proves
            that the accelerator would do the work, or a limit is about the memory of a process that is not ours.
    """
    proof = _prove_accelerator(profile)
    try:
        _load_target(profile)
    except PreconditionError as error:
        if proof is None:
            raise
        raise with_evidence(error, proof) from error
    return proof


def _prove_accelerator(profile: Profile) -> AcceleratorProof | None:
    backend = profile.pipeline.backend
    if backend is None or backend.name != "onnx":
        return None
    distribution = onnxruntime_distribution()
    return prove_accelerator(backend, profile.model, Path(profile.folder), distribution=distribution)


def _load_target(profile: Profile) -> None:
    """Load the target and release it; what a foreign pipeline prints goes to stderr, where logs go."""
    with _stdout_on_stderr():
        target = open_target(profile.pipeline, profile.model, Path(profile.folder))
        if getattr(target, "runs_elsewhere", False):
            _refuse_process_limits(profile)
        target.prepare()
        target.close()


@contextmanager
def _stdout_on_stderr() -> Iterator[None]:
    """Let stdout lead to stderr, also for libraries that write to the descriptor: others read our own lines."""
    sys.stdout.flush()
    kept = os.dup(STDOUT_FD)
    os.dup2(STDERR_FD, STDOUT_FD)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, STDOUT_FD)
        os.close(kept)


def _refuse_process_limits(profile: Profile) -> None:
    """Refuse limits that would be held against hilrig's own client: a service could grow and still pass."""
    for limit in profile.limits:
        needs = METRICS[limit.metric].needs
        if needs and all("process." in need.name for need in needs):
            raise PreconditionError(
                f"{limit.check_id} ({limit.source}) is about the memory of the target's process, but the target "
                f"{profile.pipeline.target} runs in a process that hilrig neither starts nor measures",
                hint="leave this limit out, or measure the pipeline with the target in_process, python or ring",
            )


def describe_feed(profile: Profile) -> FeedInfo:
    """Return the size of the profile's feed.

    Raises:
        PreconditionError: its files are missing or unreadable.
    """
    feed = open_feed(profile.feed, Path(profile.folder))
    try:
        return feed.describe()
    finally:
        feed.close()


def _attempt(problems: list[str], action: Callable[[], _T]) -> _T | None:
    """Return what `action` returns; put its error with the other problems."""
    try:
        return action()
    except HilrigError as error:
        problems.append(f"{error.message} ({error.hint})" if error.hint else error.message)
        return None


def _wrong_class(profile: Profile, rig: RigSpec, info: RigInfo) -> str:
    found = " or ".join(info.device_classes)
    if rig.device_class not in {"auto", *info.device_classes}:
        return f"the rig file says device class {rig.device_class}, this machine is {found}"
    return f"the profile is for device class {' or '.join(profile.device_classes)}, this machine is {found}"


def _unmeasurable(limits: Sequence[Limit], capabilities: Sequence[Capability], device_class: str) -> Iterator[str]:
    for limit in limits:
        why = obstacle(limit.metric, capabilities, device_class)
        if why:
            yield f"{limit.check_id} ({limit.source}) cannot be measured here: {why}"


def _conditional(limits: Sequence[Limit], capabilities: Sequence[Capability]) -> Iterator[str]:
    """Yield what keeps a limit from a PASS on this rig, though it may FAIL."""
    if any(limit.metric == CLOCK_LIMIT for limit in limits):
        return
    for limit in limits:
        also = condition(limit.metric, capabilities)
        if also:
            yield f"{limit.check_id} ({limit.source}) cannot pass here as it is: {also}"


def _missing_cpus(tuning: TuningSpec) -> Iterator[str]:
    here = os.sched_getaffinity(0)
    for key, cpus in (("feeder_cpus", tuning.feeder_cpus), ("worker_cpus", tuning.worker_cpus)):
        absent = sorted(set(cpus) - here)
        if absent:
            names = ", ".join(map(str, absent))
            yield f"run.{key}: no CPU {names} here; this process may use {', '.join(map(str, sorted(here)))}"


def _uncuttable(profile: Profile) -> Iterator[str]:
    """Yield why a depth of the power-loss test that the profile requires cannot run here."""
    if profile.power_loss is None:
        return
    from hilrig.app.power_loss.power_loss import PowerLossRequest, why_not_here  # few profiles ask for the test

    try:
        yield from why_not_here(PowerLossRequest(spec=profile.power_loss, folder=Path(profile.folder)))
    except HilrigError as error:
        yield f"power_loss: {error.message}"


def _no_namespace(profile: Profile) -> Iterator[str]:
    """Yield why the network cannot be taken away here; a process of its own tries: there is no way back."""
    if profile.tuning.network:
        return
    command = [sys.executable, "-m", "hilrig.run.no_network"]
    probe = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PROBE_S)
    if probe.returncode:
        last = (probe.stderr.strip().splitlines() or ["no reason was given"])[-1]
        yield f"run.network: false cannot be kept here: {last.rpartition('PreconditionError: ')[2]}"


def _fixed_clock(profile: Profile) -> Iterator[str]:
    """Yield why a fault's step of the wall clock cannot be made here, at the place of the fault."""
    places = {limit.check_id: limit.source for limit in profile.limits}
    for fault in profile.faults:
        reason = why_no_step() if fault.kind is FaultKind.CLOCK_STEPS else ""
        if reason:
            place = places[fault.recovery_check_id]
            yield f"the fault {fault.name} ({place}) cannot set this machine's clock: {reason}"


def _too_large(profile: Profile, info: FeedInfo) -> Iterator[str]:
    n_frames = min(profile.feed.pool_frames, info.n_frames)
    pool_bytes = n_frames * info.height_px * info.width_px * 3
    free_bytes = psutil.virtual_memory().available
    if pool_bytes > free_bytes * POOL_SHARE_MAX:
        yield (
            f"{n_frames} frames of {info.width_px}x{info.height_px} fill {bytes_to_mib(pool_bytes):.0f} MiB, "
            f"more than half of the {bytes_to_mib(free_bytes):.0f} MiB that are free: lower feed.pool_frames"
        )
