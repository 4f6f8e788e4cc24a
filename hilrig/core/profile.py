"""A profile: what a station's run is asked for, resolved from its YAML.

It holds model, pipeline, feed and limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Any

from hilrig.core.actuation import ActuationSpec
from hilrig.core.companion import CompanionSpec
from hilrig.core.fault import FaultSpec
from hilrig.core.power_loss import PowerLossSpec


class Layout(str, Enum):
    """Order of a tensor's dimensions."""

    NCHW = "nchw"
    NHWC = "nhwc"


class OnFull(str, Enum):
    """What happens to a frame when the queue is full."""

    DROP_OLDEST = "drop_oldest"  # what a camera's ring of buffers does
    DROP_NEWEST = "drop_newest"
    BLOCK = "block"  # the camera waits: only for throughput measurements


class ArrivalModel(str, Enum):
    """When frames are due; the mean rate of each camera is the profile's frame rate in every model."""

    FIXED = "fixed"  # a free-running camera: equal periods
    BURST = "burst"  # a hardware trigger that takes several frames of one part in quick succession
    JITTER = "jitter"  # a camera whose period wanders around the grid
    POISSON = "poisson"  # parts that come independently of each other
    TRACE = "trace"  # arrivals as they were recorded on a line, again and again


class Comparator(str, Enum):
    """How an observed value is held against a limit."""

    LE = "<="
    GE = ">="


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    r"""The model as the profile states it: `files[0]` is the graph, the others its external data.

    Paths are relative to the profile's folder. `bundle_sha256` is the sha256 over the sorted lines
    `<sha256>  <path>\n` of all files; None when the profile does not pin it. Names and shape are empty when
    a target that brings its own pipeline leaves them out.
    """

    files: tuple[str, ...]
    bundle_sha256: str | None
    input_name: str
    input_shape: tuple[int, ...]
    output_name: str
    labels: tuple[str, ...]


class ColorOrder(str, Enum):
    """Order of the colour planes in a tensor."""

    BGR = "bgr"
    RGB = "rgb"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreprocessSpec:
    """From a BGR uint8 frame to the model's input: `(pixel * scale - mean) / std` for each plane.

    `mean` and `std` are in the order of `color_order`. `dtype` is a numpy name: float32, float16 or uint8.
    """

    width_px: int
    height_px: int
    color_order: ColorOrder
    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    layout: Layout
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendSpec:
    """The runtime inside the target, by its registered name, with that runtime's own options."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideSpec:
    """A label is found when its score reaches its threshold. Labels without a threshold are ignored."""

    thresholds: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSpec:
    """preprocess -> infer -> decide.

    `target` is what runs it, by registered name, with its own options. A target that brings its own pipeline has
    no `preprocess` (None) and no `backend` (None).
    """

    target: str
    target_options: Mapping[str, Any] = field(default_factory=dict)
    preprocess: PreprocessSpec | None
    backend: BackendSpec | None
    decide: DecideSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSpec:
    """Where frames come from, by registered name. `pool_frames` distinct frames are held in memory, in a cycle.

    Every `fresh_every`-th frame is a pool frame with new noise in its lowest bits, so that it was never shown
    before; 0 never. A pipeline that remembers frames gives itself away on these.
    """

    source: str
    pool_frames: int
    fresh_every: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalSpec:
    """When frames are due.

    Args:
        model: the law of their arrival.
        camera_offsets_ms: one camera for each number, with its phase after the first frame's; all have one rate.
        burst_frames: frames of one trigger (BURST).
        burst_spacing_ms: time between two frames of one trigger (BURST).
        jitter_ms: a frame is due up to this much before or after its place on the grid (JITTER).
        seed: of JITTER and POISSON.
        trace_gaps_ns: time from each frame to the next, in a cycle (TRACE); empty in a profile that was parsed
            without its files.
        trace_sha256: of the file that the gaps were read from (TRACE).
    """

    model: ArrivalModel = ArrivalModel.FIXED
    camera_offsets_ms: tuple[float, ...] = (0.0,)
    burst_frames: int = 1
    burst_spacing_ms: float = 0.0
    jitter_ms: float = 0.0
    seed: int = 0
    trace_gaps_ns: tuple[int, ...] = ()
    trace_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningSpec:
    """What the run's processes ask of the system; what they got is in the record.

    Args:
        real_time: SCHED_FIFO for feeder and sentinel.
        lock_memory: mlockall for feeder and sentinel.
        feeder_cpus: where feeder, sentinel and sampler may run; empty anywhere.
        worker_cpus: where the target may run; empty anywhere.
        network: whether the target has a network; without one no run starts that could not take it away.
    """

    real_time: bool = True
    lock_memory: bool = True
    feeder_cpus: tuple[int, ...] = ()
    worker_cpus: tuple[int, ...] = ()
    network: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSpec:
    """The bounded queue between camera and target: `depth` frames may wait."""

    depth: int
    on_full: OnFull


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenLimits:
    """Limits on the decisions about one label, as shares; None: the golden set's general limit holds."""

    min_precision: float | None = None
    min_recall: float | None = None
    max_false_reject: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenDrift:
    """By how much a label may be worse than in the last release, as a difference of shares; None: not limited."""

    precision_drop_max: float | None = None
    recall_drop_max: float | None = None
    false_reject_rise_max: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenSpec:
    """The golden set: frames with known truth that the model was never trained on.

    Args:
        sha256: over the pixels of all frames in order, so that a generated set is pinned to the byte.
        min_precision: of every label; this and the two others hold unless `labels` says otherwise.
        max_false_reject: of the frames without a label, the most that may be found to have it.
        labels: limits of single labels.
        against_last: None: not held against the last release.
    """

    feed: FeedSpec
    sha256: str | None
    min_precision: float | None
    min_recall: float | None
    max_false_reject: float | None = None
    labels: Mapping[str, GoldenLimits] = field(default_factory=dict)
    against_last: GoldenDrift | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit of a profile.

    Args:
        check_id: the key's path in the YAML, for example `latency.p99_max_ms`.
        metric: the measurement it refers to, for example `latency_p99_ms`; one of `hilrig.core.metrics`.
        limit: in `unit`.
        source: where the limit is written, `profile.yaml:14:5`.
    """

    check_id: str
    metric: str
    comparator: Comparator
    limit: float
    unit: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A whole profile.

    Args:
        folder: where its relative paths start.
        sha256: over profile.yaml's bytes.
        samplers: names of those that must answer on the rig; what else is installed there is read as well.
    """

    name: str
    description: str
    folder: str
    sha256: str
    device_classes: tuple[str, ...]
    model: ModelSpec
    pipeline: PipelineSpec
    feed: FeedSpec
    queue: QueueSpec
    golden: GoldenSpec | None
    frame_rate_fps: Fraction
    duration_s: float
    warmup_s: float
    telemetry_period_ms: int
    limits: tuple[Limit, ...]
    samplers: tuple[str, ...] = ()
    arrivals: ArrivalSpec = field(default_factory=ArrivalSpec)
    tuning: TuningSpec = field(default_factory=TuningSpec)
    self_test_s: float = 10.0
    stop_when_failed: bool = True
    faults: tuple[FaultSpec, ...] = ()
    companions: tuple[CompanionSpec, ...] = ()
    power_loss: PowerLossSpec | None = None
    actuation: ActuationSpec | None = None
