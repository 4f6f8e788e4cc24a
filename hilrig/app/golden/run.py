"""The golden regression: the profile's golden set through its whole pipeline, held against its limits."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig import __version__
from hilrig.app.golden.pipeline import golden_pipeline
from hilrig.app.golden.shown_set import GoldenFrame, Shown, ask_about_all, golden_spec
from hilrig.app.soak.preflight import device_class, load_rig_in_place
from hilrig.config.noun_json import from_json, to_json
from hilrig.config.profile import load_profile
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import Clock
from hilrig.core.errors import PreconditionError, RecordError, UsageError
from hilrig.core.golden import GOLDEN_SCHEMA, GoldenReport
from hilrig.core.profile import Profile
from hilrig.core.units import BYTES_PER_MIB
from hilrig.gate.golden_limits import hold_golden_limits, refuse_other_set
from hilrig.gate.golden_score import DecidedFrame, golden_status, score_labels, why_impossible
from hilrig.record.run_directory import write_atomic
from hilrig.record.untrusted_file import read_untrusted
from hilrig.record.utc import utc_text
from hilrig.rig.local import inspect_local
from hilrig.target.identity import pipeline_sha256
from hilrig.target.model_files import bundle_sha256

REPORT_BYTES_MAX: Final = 4 * BYTES_PER_MIB
"""1,024 labels with every check and its sentence are below 3 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenRequest:
    """What to run. `rig_file` states this machine as a rig; `against` is the last release's golden.json."""

    profile: Path
    rig_file: Path | None = None
    against: Path | None = None


def run_golden(request: GoldenRequest, *, clock: Clock, shown: Shown) -> GoldenReport:
    """Return the golden report of a profile on this machine.

    Raises:
        ConfigError: the profile has mistakes.
        UsageError: it has no golden set, or no limits that `against` could be held to.
        PreconditionError: the pipeline does not run here, the set is not the pinned one, or that of `against`.
        RecordError: `against` is no golden report.
    """
    profile = load_profile(request.profile)
    spec = golden_spec(profile)
    last, against_sha256 = (None, "") if request.against is None else read_golden(request.against)
    if last is not None and spec.against_last is None:
        raise UsageError(
            f"{profile.name} sets no golden.against_last: there is nothing to hold {request.against} to",
            hint="add golden.against_last to profile.yaml, or leave out --against",
        )
    here = class_here(profile, request.rig_file)
    with golden_pipeline(profile) as pipeline:
        set_sha256, frames = ask_about_all(profile, pipeline, _decided, clock=clock, shown=shown)
        if last is not None:
            refuse_other_set(last, set_sha256)
    n_not_decided = sum(frame.found is None for frame in frames)
    thresholds = profile.pipeline.decide.thresholds
    scores = score_labels(frames, [label for label in profile.model.labels if label in thresholds])
    checks = hold_golden_limits(spec, scores, n_frames=len(frames), n_not_decided=n_not_decided, last=last)
    return GoldenReport(
        hilrig_version=__version__,
        made_at_utc=utc_text(clock.triple().realtime_ns),
        profile_name=profile.name,
        profile_sha256=profile.sha256,
        device_class=here,
        bundle_sha256=bundle_sha256(pipeline.model_files_sha256),
        model_files_sha256=dict(pipeline.model_files_sha256),
        pipeline_sha256=pipeline_sha256(profile.pipeline, profile.model),
        set_sha256=set_sha256,
        against_sha256=against_sha256,
        n_frames=len(frames),
        n_not_decided=n_not_decided,
        labels=scores,
        checks=checks,
        status=golden_status(checks),
    )


def class_here(profile: Profile, rig_file: Path | None) -> str:
    """Return the device class that this machine and the profile have in common.

    Raises:
        PreconditionError: none: what is decided here says nothing about the profile's hardware.
    """
    rig = load_rig_in_place(rig_file)
    info = inspect_local(name=rig.name)
    common = device_class(profile, rig, info)
    if common is None:
        raise PreconditionError(
            f"{profile.name} is for device class {' or '.join(profile.device_classes)}, "
            f"this machine is {' or '.join(info.device_classes)}",
            hint="run the golden set on a rig of that class",
        )
    return common


def read_golden(path: Path) -> tuple[GoldenReport, str]:
    """Return the golden report in a file, with the sha256 of the file.

    Raises:
        RecordError: there is none, it is no golden report, or its numbers contradict each other.
    """
    data = read_untrusted(path, max_bytes=REPORT_BYTES_MAX)
    if data is None:
        raise RecordError(f"there is no golden report {path}", hint=f"hilrig golden run PROFILE --out {path}")
    return parse_golden(data, what=str(path)), sha256_hex(data)


def parse_golden(data: bytes, *, what: str) -> GoldenReport:
    """Return the golden report in `data`; `what` names the file.

    Raises:
        RecordError: it is no golden report, or its numbers contradict each other.
    """
    report = from_json(GoldenReport, data, what=what)
    if report.schema != GOLDEN_SCHEMA:
        raise RecordError(f"{what} should have schema {GOLDEN_SCHEMA}, found '{report.schema[:80]}'")
    why = why_impossible(report)
    if why:
        raise RecordError(f"{what} cannot be a golden report: {why}", hint="run the golden set again")
    return report


def write_golden(path: Path, report: GoldenReport) -> None:
    """Write a report, whole or not at all.

    Raises:
        UsageError: it cannot be written there.
    """
    try:
        write_atomic(path, to_json(report))
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}", hint="give a file in a folder that is there: --out FILE"
        ) from error


def _decided(frame: GoldenFrame) -> DecidedFrame:
    found = frame.answer.found
    return DecidedFrame(truth=frozenset(frame.truth), found=None if found is None else frozenset(found))
