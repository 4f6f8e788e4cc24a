"""A profile: one station's model, pipeline, feed and limits, resolved from its YAML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Any

from hilrig.core.frame import ColorOrder


class Layout(str, Enum):
    """Order of a tensor's dimensions."""

    NCHW = "nchw"
    NHWC = "nhwc"


class OnFull(str, Enum):
    """What happens to a frame when the queue is full."""

    DROP_OLDEST = "drop_oldest"  # what a camera's ring of buffers does
    DROP_NEWEST = "drop_newest"
    BLOCK = "block"  # the camera waits: only for throughput measurements


class Comparator(str, Enum):
    """How an observed value is held against a limit."""

    LE = "<="
    GE = ">="


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    r"""The model as the profile states it: `files[0]` is the graph, the others its external data.

    Paths are relative to the profile's folder. `bundle_sha256` is the sha256 over the sorted lines
    `<sha256>  <path>\n` of all files; None when the profile does not pin it.
    """

    files: tuple[str, ...]
    bundle_sha256: str | None
    input_name: str
    input_shape: tuple[int, ...]
    output_name: str
    labels: tuple[str, ...]


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
    """preprocess -> infer -> decide."""

    target: str
    preprocess: PreprocessSpec
    backend: BackendSpec
    decide: DecideSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSpec:
    """Where frames come from, by registered name. `pool_frames` distinct frames are held in memory, in a cycle."""

    source: str
    pool_frames: int
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSpec:
    """The bounded queue between camera and target: `depth` frames may wait."""

    depth: int
    on_full: OnFull


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenSpec:
    """The golden set: frames with known truth that the model was never trained on.

    `sha256` is over the pixels of all frames in order, so that a generated set is pinned to the byte.
    """

    feed: FeedSpec
    sha256: str | None
    min_precision: float | None
    min_recall: float | None


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
    """A whole profile. `folder` is where its relative paths start; `sha256` is over profile.yaml's bytes."""

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
