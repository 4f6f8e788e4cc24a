"""The keys of a profile file: types, units, ranges, meanings.

Validation, the JSON schema and the generated reference come from these classes and those of `limit_model`. What
several keys together forbid stands in `profile_rules`.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from hilrig.config.actuation_model import ActuationKeys
from hilrig.config.arrival_model import ArrivalKeys
from hilrig.config.companion_model import COMPANIONS_MAX, CompanionKeys
from hilrig.config.fault_model import FAULTS_MAX, FaultKeys
from hilrig.config.keys import (
    NAME_PATTERN,
    EdgePx,
    Format,
    Keys,
    Label,
    Name,
    Positive,
    RelativePath,
    Sha256,
    Shape,
    Share,
    Text,
    ThreePlanes,
    ThreePositive,
)
from hilrig.config.limit_model import HilValidationKeys
from hilrig.config.power_loss_model import PowerLossKeys
from hilrig.core.profile import ColorOrder, Layout, OnFull


def _as_tuple(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, str) else value


DeviceClasses = Annotated[
    tuple[Name, ...],
    BeforeValidator(_as_tuple),
    Field(min_length=1, max_length=32),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": NAME_PATTERN},
                {"type": "array", "items": {"type": "string", "pattern": NAME_PATTERN}, "minItems": 1},
            ]
        }
    ),
]


class InputKeys(Keys):
    """The model's input."""

    name: Text = Field(description="Name of the model's input tensor.")
    shape: Shape = Field(
        description="Shape of the input, batch first: `[1, 3, height, width]` for `nchw`, `[1, height, width, 3]` "
        "for `nhwc`."
    )


class OutputKeys(Keys):
    """The model's output."""

    name: Text = Field(description="Name of the output tensor that holds one score per label.")


class ModelKeys(Keys):
    """The model under test."""

    files: Annotated[tuple[RelativePath, ...], Field(max_length=256)] = Field(
        description="The model's files, relative to the profile's folder: first the graph, then its external "
        "data. Empty only with the backend `null`."
    )
    bundle_sha256: Sha256 | None = Field(
        default=None,
        description="Pins the model: sha256 over the sorted lines `<sha256>  <path>` of all files. A run with "
        "other files is refused. Not pinned if left out.",
    )
    input: InputKeys | None = Field(
        default=None,
        description="Needed by the targets `in_process` and `open_inference`; others may leave it out.",
    )
    output: OutputKeys | None = None
    labels: Annotated[tuple[Label, ...], Field(min_length=1, max_length=1024)] = Field(
        description="What each score means, in the order of the output."
    )


class PreprocessKeys(Keys):
    """From a camera frame to the model's input: `(pixel * scale - mean) / std` for each colour plane."""

    width_px: EdgePx = Field(description="Width that a frame is resized to.")
    height_px: EdgePx = Field(description="Height that a frame is resized to.")
    color_order: ColorOrder = Field(description="Order of the colour planes that the model was trained with.")
    scale: Positive = Field(description="Factor on each 0..255 pixel value; 0.00392156862745098 is 1/255.")
    mean: ThreePlanes = Field(description="Subtracted after scaling, one number per plane in `color_order`.")
    std: ThreePositive = Field(description="Divisor after that, one number per plane in `color_order`.")
    layout: Layout = Field(description="Order of the tensor's dimensions.")
    dtype: Literal["float32", "float16", "uint8"] = Field(
        description="Number type of the model's input; uint8 takes the pixels as they are."
    )


class BackendKeys(Keys):
    """The runtime that executes the model."""

    name: str = Field(
        description="`onnx`, a plug-in's name, or `'null'` in quotes, which runs no model (for benchmarks)."
    )
    options: dict[str, Any] = Field(default={}, description="The runtime's own options, checked against it.")


class DecideKeys(Keys):
    """From scores to a decision."""

    thresholds: Annotated[dict[str, Share], Field(min_length=1)] = Field(
        description="Per label, the score from which it counts as found. Labels left out are ignored; at most 32 "
        "labels can have one."
    )


class PipelineKeys(Keys):
    """preprocess -> infer -> decide."""

    target: str = Field(
        default="in_process",
        description="What runs the pipeline: `in_process` (preprocess and backend below), `python` (a callable of "
        "yours), `ring` (a process of yours, over shared memory), `infer_service` or `open_inference` (an "
        "inference service over HTTP), or a plug-in's name.",
    )
    target_options: dict[str, Any] = Field(default={}, description="The target's own options, checked against it.")
    preprocess: PreprocessKeys | None = Field(
        default=None, description="Needed by `in_process` and `open_inference`; the other targets do their own."
    )
    backend: BackendKeys | None = Field(
        default=None, description="Needed by `in_process`, and by no other target."
    )
    decide: DecideKeys


class FeedKeys(Keys):
    """Where frames come from."""

    source: str = Field(
        description="`synthetic`, `noise`, `folder`, `video`, or a plug-in's name; see `feeds/README.md`."
    )
    pool_frames: Annotated[int, Field(ge=1, le=65536)] = Field(
        description="Distinct frames held in memory and shown in a cycle."
    )
    fresh_every: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=10,
        description="Every n-th frame gets new noise in its lowest bits, so that it was never shown before: a "
        "pipeline that remembers frames gives itself away. 0 never.",
    )
    options: dict[str, Any] = Field(default={}, description="The source's own options, checked against it.")


class QueueKeys(Keys):
    """The queue between camera and pipeline."""

    depth: Annotated[int, Field(ge=1, le=1024)] = Field(description="Frames that may wait.")
    on_full: OnFull = Field(
        description="What a full queue does: `drop_oldest` (as a camera's ring of buffers does), `drop_newest`, "
        "or `block` (the camera waits: only for throughput measurements)."
    )


class GoldenLabelKeys(Keys):
    """Limits of one label in the place of the general ones."""

    min_precision: Share | None = Field(default=None, description="Least precision of this label.")
    min_recall: Share | None = Field(default=None, description="Least recall of this label.")
    max_false_reject: Share | None = Field(
        default=None, description="Greatest share of good frames that may be found to have this label."
    )


class GoldenDriftKeys(Keys):
    """By how much each label may be worse than in the last release's golden report, on the same frames."""

    precision_drop_max: Share | None = Field(default=None, description="How far precision may fall.")
    recall_drop_max: Share | None = Field(default=None, description="How far recall may fall.")
    false_reject_rise_max: Share | None = Field(
        default=None, description="How far the share of false rejects may rise."
    )


class GoldenKeys(Keys):
    """Frames with known truth that the model was never trained on; without this block accuracy is not checked."""

    feed: FeedKeys
    sha256: Sha256 | None = Field(
        default=None,
        description="Pins the frames: sha256 over the pixels of all of them in order. Not pinned if left out.",
    )
    min_precision: Share | None = Field(
        default=None, description="Least precision of every label that has a threshold."
    )
    min_recall: Share | None = Field(default=None, description="Least recall of every label that has a threshold.")
    max_false_reject: Share | None = Field(
        default=None,
        description="Of the frames without a label, the greatest share that may be found to have it. This and the "
        "two limits above are held against the worse end of the Wilson interval at 95 %.",
    )
    labels: dict[str, GoldenLabelKeys] = Field(
        default={}, description="Limits of single labels, in the place of the three above."
    )
    against_last: GoldenDriftKeys | None = Field(
        default=None,
        description="Limits on what is worse than in the last release; `hilrig golden run --against` names its "
        "report.",
    )


Cpus = Annotated[tuple[Annotated[int, Field(ge=0, le=4095)], ...], Field(max_length=4096)]


class RunKeys(Keys):
    """How a run is conducted."""

    warmup_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=5, description="Time at the start that is not judged."
    )
    telemetry_period_ms: Annotated[int, Field(ge=10, le=1000)] = Field(
        default=100, description="Time between two readings of the fast telemetry."
    )
    samplers: Annotated[tuple[str, ...], Field(max_length=32)] = Field(
        default=(),
        description="Telemetry sources that must answer on the rig, built in or plug-ins: without one of them the "
        "run is refused. Every source that is installed there and answers is read, named here or not.",
    )
    self_test_s: Annotated[float, Field(ge=0.2, le=60)] = Field(
        default=10,
        description="How long a pipeline that does nothing is measured before the run: the floor below which no "
        "number of the report means anything.",
    )
    stop_when_failed: bool = Field(
        default=True, description="End the run as soon as no further frame can undo a FAIL."
    )
    real_time: bool = Field(
        default=True, description="Ask for real-time priority (SCHED_FIFO) for the camera and the stall sentinel."
    )
    lock_memory: bool = Field(default=True, description="Ask for their memory to stay resident (mlockall).")
    feeder_cpus: Cpus = Field(
        default=(), description="CPUs of the camera, the sentinel and the samplers. Empty: anywhere."
    )
    worker_cpus: Cpus = Field(default=(), description="CPUs of the target. Empty: anywhere, as in production.")
    network: bool = Field(
        default=True,
        description="`false`: the pipeline's process has no network for the whole run, so that a call that leaves "
        "the machine shows up as latency or as failed frames. Only for `in_process`, `python` and `ring`.",
    )


class ProfileKeys(Keys):
    """A whole profile file."""

    format: Format = Field(description="Format of this file: 1.")
    name: Name = Field(description="Name of the station, as it appears in run names and reports.")
    description: Annotated[str, Field(max_length=1000)] = Field(default="", description="One line for people.")
    device_class: DeviceClasses = Field(
        description="Hardware that this profile is for: one class or a list. A rig of another class is refused."
    )
    model: ModelKeys
    pipeline: PipelineKeys
    feed: FeedKeys
    arrivals: ArrivalKeys = ArrivalKeys()
    queue: QueueKeys
    golden: GoldenKeys | None = None
    actuation: ActuationKeys | None = None
    run: RunKeys = RunKeys()
    faults: Annotated[tuple[FaultKeys, ...], Field(max_length=FAULTS_MAX)] = Field(
        default=(),
        description="What is broken on purpose in a drill after the measured part; its frames count for no other "
        "limit.",
    )
    power_loss: PowerLossKeys | None = Field(
        default=None,
        description="How the power-loss test is made. Left out: the depths `file_calls` and `kill`, of hilrig's "
        "own node, where the test is required.",
    )
    companions: Annotated[tuple[CompanionKeys, ...], Field(max_length=COMPANIONS_MAX)] = Field(
        default=(),
        description="Services and loads beside the model, first measured without it, then while it runs. Their "
        "limits are checks like those of the model.",
    )
    hil_validation: HilValidationKeys
