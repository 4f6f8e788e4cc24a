"""From profile.yaml to a Profile.

`parse_profile` asks nothing of the machine it runs on, so an old run's copy can be read anywhere; `load_profile`
also holds the profile against what is installed and lies here.
"""

import os.path
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from hilrig.config.arrival_model import ArrivalKeys
from hilrig.config.arrival_trace import Trace, read_trace
from hilrig.config.block_reader import read_keys
from hilrig.config.document import Document, merge
from hilrig.config.document import Path as KeyPath
from hilrig.config.fault_model import fault_limits
from hilrig.config.limit_model import HeldLimit, PowerLossTest
from hilrig.config.plugin_options import named_plugin_problems, sampler_problems, target_problems
from hilrig.config.profile_model import FeedKeys, GoldenKeys, ModelKeys, PipelineKeys, ProfileKeys
from hilrig.config.profile_rules import broken_rules
from hilrig.config.source_file import not_found, read_bytes
from hilrig.config.subject_file import subject_problems
from hilrig.config.yaml_source import read_yaml
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import ConfigError, Problem, UsageError
from hilrig.core.metrics import METRICS
from hilrig.core.power_loss import PowerLossSpec
from hilrig.core.profile import (
    ArrivalSpec,
    BackendSpec,
    DecideSpec,
    FeedSpec,
    GoldenDrift,
    GoldenLimits,
    GoldenSpec,
    Limit,
    ModelSpec,
    PipelineSpec,
    PreprocessSpec,
    Profile,
    QueueSpec,
    TuningSpec,
)
from hilrig.core.units import S_PER_MIN

PROFILE_FILE: Final = "profile.yaml"
_FILES_HINT: Final = "paths start at the profile's folder"


def load_profile(path: Path) -> Profile:
    """Return the profile in a folder, or in the file itself, held against this machine.

    Names of feeds, backends, targets and samplers must be installed here, the first three with their options; the
    model's files must exist.

    Raises:
        ConfigError: there is no such file, or it has mistakes: all of them, in the order of the file.
        UsageError: it is a model.
    """
    file = path / PROFILE_FILE if path.is_dir() else path
    if file.suffix == ".onnx":
        raise UsageError(f"{path} is a model, not a profile", hint=f"hilrig init my-station --model {path}")
    if not file.is_file():
        beside = path if path.is_dir() else path.parent
        raise not_found(path, what="profile", known=_known_profiles(beside))
    data = read_bytes(file)
    document = read_yaml(data, file=str(file))
    trace, trace_problems = read_trace(document, file.parent)
    here = [*_problems_here(document, file.parent), *trace_problems]
    return _profile(document, data, folder=str(file.parent.resolve()), here=here, trace=trace)


def parse_profile(data: bytes, *, file: str, folder: str) -> Profile:
    """Return the profile in `data`; `file` is its name for messages, `folder` where its relative paths start.

    No other file is read: arrivals by a trace come without its gaps (a run's plan holds them).

    Raises:
        ConfigError: it has mistakes: all of them, in the order of the file.
    """
    return _profile(read_yaml(data, file=file), data, folder=folder, here=[], trace=None)


def _known_profiles(folder: Path) -> list[str]:
    return sorted(file.parent.name for file in folder.glob(f"*/{PROFILE_FILE}"))


def _problems_here(document: Document, folder: Path) -> list[Problem]:
    """Return what this machine lacks."""
    return [
        *named_plugin_problems(document, "feeds", ("feed",), key="source"),
        *named_plugin_problems(document, "feeds", ("golden", "feed"), key="source"),
        *named_plugin_problems(document, "backends", ("pipeline", "backend"), key="name"),
        *target_problems(document),
        *sampler_problems(document),
        *_missing_files(document, folder),
        *subject_problems(document, folder),
    ]


def _missing_files(document: Document, folder: Path) -> list[Problem]:
    files = document.get(("model", "files"))
    return [
        document.problem(("model", "files", index), "missing_file", f"no file '{name}' in {folder}", _FILES_HINT)
        for index, name in enumerate(files if isinstance(files, list) else [])
        if isinstance(name, str) and not os.path.isfile(folder / name)  # noqa: PTH113 - Path's raises on a long name
    ]


def _profile(document: Document, data: bytes, *, folder: str, here: list[Problem], trace: Trace | None) -> Profile:
    keys, key_problems = read_keys(document, ProfileKeys)
    in_file = [problem for problem in here if problem.file == document.file]
    problems = merge(document.problems, broken_rules(document), key_problems, in_file)
    problems += [problem for problem in here if problem.file != document.file]
    if keys is None or problems:
        raise ConfigError(problems)
    validation = keys.hil_validation
    rate_fps = validation.latency.frame_rate_fps * len(keys.arrivals.camera_offsets_ms)
    faults = tuple(fault.spec(rate_fps) for fault in keys.faults)
    return Profile(
        name=keys.name,
        description=keys.description,
        folder=folder,
        sha256=sha256_hex(data),
        device_classes=keys.device_class,
        model=_model(keys.model),
        pipeline=_pipeline(keys.pipeline),
        feed=_feed(keys.feed),
        queue=QueueSpec(depth=keys.queue.depth, on_full=keys.queue.on_full),
        golden=_golden(keys.golden) if keys.golden else None,
        actuation=keys.actuation.spec() if keys.actuation else None,
        frame_rate_fps=validation.latency.frame_rate_fps,
        duration_s=float(Fraction(repr(validation.latency.duration_minutes)) * S_PER_MIN),
        warmup_s=keys.run.warmup_s,
        telemetry_period_ms=keys.run.telemetry_period_ms,
        samplers=keys.run.samplers,
        tuning=TuningSpec(
            real_time=keys.run.real_time,
            lock_memory=keys.run.lock_memory,
            feeder_cpus=keys.run.feeder_cpus,
            worker_cpus=keys.run.worker_cpus,
            network=keys.run.network,
        ),
        arrivals=_arrivals(keys.arrivals, trace),
        self_test_s=keys.run.self_test_s,
        stop_when_failed=keys.run.stop_when_failed,
        faults=faults,
        companions=tuple(companion.spec() for companion in keys.companions),
        power_loss=_power_loss(keys),
        limits=(
            *(_limit(limit, document, at=("hil_validation", *limit.path)) for limit in validation.limits()),
            *_companion_limits(keys, document),
            *fault_limits(faults, document, file=PROFILE_FILE),
        ),
    )


def _model(keys: ModelKeys) -> ModelSpec:
    return ModelSpec(
        files=keys.files,
        bundle_sha256=keys.bundle_sha256,
        input_name=keys.input.name if keys.input else "",
        input_shape=keys.input.shape if keys.input else (),
        output_name=keys.output.name if keys.output else "",
        labels=keys.labels,
    )


def _pipeline(keys: PipelineKeys) -> PipelineSpec:
    return PipelineSpec(
        target=keys.target,
        target_options=keys.target_options,
        preprocess=PreprocessSpec(**keys.preprocess.model_dump()) if keys.preprocess else None,
        backend=BackendSpec(name=keys.backend.name, options=keys.backend.options) if keys.backend else None,
        decide=DecideSpec(thresholds=keys.decide.thresholds),
    )


def _feed(keys: FeedKeys) -> FeedSpec:
    return FeedSpec(
        source=keys.source, pool_frames=keys.pool_frames, fresh_every=keys.fresh_every, options=keys.options
    )


def _arrivals(keys: ArrivalKeys, trace: Trace | None) -> ArrivalSpec:
    spec = keys.spec()
    return replace(spec, trace_gaps_ns=trace.gaps_ns, trace_sha256=trace.sha256) if trace else spec


def _golden(keys: GoldenKeys) -> GoldenSpec:
    return GoldenSpec(
        feed=_feed(keys.feed),
        sha256=keys.sha256,
        min_precision=keys.min_precision,
        min_recall=keys.min_recall,
        max_false_reject=keys.max_false_reject,
        labels={label: GoldenLimits(**limits.model_dump()) for label, limits in keys.labels.items()},
        against_last=GoldenDrift(**keys.against_last.model_dump()) if keys.against_last else None,
    )


def _power_loss(keys: ProfileKeys) -> PowerLossSpec | None:
    if keys.power_loss is not None:
        return keys.power_loss.spec()
    recovery = keys.hil_validation.recovery
    is_required = recovery is not None and recovery.power_loss_test is PowerLossTest.REQUIRED
    return PowerLossSpec() if is_required else None


def _companion_limits(keys: ProfileKeys, document: Document) -> Iterator[Limit]:
    for index, companion in enumerate(keys.companions):
        for key, limit in companion.limits():
            yield _limit(limit, document, at=("companions", index, key))


def _limit(limit: HeldLimit, document: Document, *, at: KeyPath) -> Limit:
    """Return the limit at a path; one that holds without being stated points at the block that would state it."""
    mark = document.keys.get(at) or document.mark(at)
    return Limit(
        check_id=".".join(limit.path),
        metric=limit.holds.metric,
        comparator=limit.holds.comparator,
        limit=limit.limit,
        unit=METRICS[limit.holds.metric].unit,
        source=f"{PROFILE_FILE}:{mark.line}:{mark.column}",
    )
