"""The profile that `hilrig init` writes to start from."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hilrig.config.scalars import resolve
from hilrig.core.frame import N_LABELS_MAX
from hilrig.core.profile import Layout

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_WIDTH: Final = 115

_TEMPLATE: Final = """\
# A station's profile: its model, its pipeline, where frames come from, its limits.
# Every key is explained in profiles/README.md; `hilrig check` finds every mistake, `hilrig run` starts a run.
format: 1
name: {name}
description: ""  # one line for people
# The hardware that this model is meant for; `hilrig doctor` names yours.
device_class: {device_class}

model:
  # The graph first, then its external data; relative to this folder.
  files: [{model_files}]
  input: {{name: {input_name}, shape: [{shape}]}}
  output: {{name: {output_name}}}
  # What each score means, in the order of the output.
{labels}

pipeline:
  # From a camera's frame to the model's input: (pixel * scale - mean) / std, for each plane in `color_order`.
{normalization}
  preprocess:
    width_px: {width_px}
    height_px: {height_px}
    color_order: rgb
    scale: {scale}
    mean: [0, 0, 0]
    std: [1, 1, 1]
    layout: {layout}
    dtype: {dtype}
  # More threads make the middle faster, and the tail slower as soon as they outnumber the free cores.
  backend: {{name: onnx, options: {{providers: [CPUExecutionProvider], intra_op_threads: 1}}}}
  decide:
{about_thresholds}
    thresholds:
{thresholds}

# Pictures of nothing: they cost the model what real ones cost it, what it finds in them means nothing. So there is
# no limit on precision and recall below. With pictures of your own (feeds/README.md), and their truth in a table:
#   source: folder
#   options: {{path: images, truth: truth.csv}}
# and under hil_validation:  detection: {{min_precision: ..., min_recall: ...}}
feed:
  source: noise
  pool_frames: 60  # distinct frames, held in memory and shown in a cycle
  options: {{seed: 1, width_px: 640, height_px: 480}}  # the size of your camera's pictures

queue: {{depth: 4, on_full: drop_oldest}}

# Examples all: put the numbers of your station here. Each limit becomes one check of the verdict.
hil_validation:
  latency:
    p99_max_ms: 45  # from the moment a frame was due to its decision: the actuation budget
    p95_max_ms: 30
    duration_minutes: 10  # heat shows after about ten minutes; a run with a shorter --duration can fail, not pass
    frame_rate_fps: 30  # the line's real rate
  frames:
    drop_max_pct: 0.5
    consecutive_drops_max: 5
    failed_max_pct: 0
  resources:
    host_memory_max_mb: 1024  # MiB
"""

_NORMALIZATION: Final = """\
  # The model's file does not say which; it must be that of the training, or the model sees other pictures than it
  # knows. Its speed is the same with any. Usual ones:
  #   0 to 1:                 scale 0.00392156862745098 (1/255), mean [0, 0, 0], std [1, 1, 1]
  #   ImageNet (torchvision): scale 0.00392156862745098, mean [0.485, 0.456, 0.406], std [0.229, 0.224, 0.225]
  #   -1 to 1:                scale 0.00784313725490196 (2/255), mean [1, 1, 1], std [1, 1, 1]
  #   Caffe:                  color_order bgr, scale 1, mean [104, 117, 123], std [1, 1, 1]"""
_BYTES: Final = """\
  # This model takes the camera's bytes as they are, so nothing may change them here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstProfile:
    """What a model says of itself, for its first profile. `is_share`: its scores lie within 0 to 1."""

    name: str
    device_class: str
    model_files: Sequence[str]
    input_name: str
    input_shape: Sequence[int]
    layout: Layout
    dtype: str
    output_name: str
    labels: Sequence[str]
    is_share: bool


def profile_template(first: FirstProfile) -> str:
    """Return a commented profile for an image model; `load_profile` takes it once the model lies beside it."""
    nchw = first.layout is Layout.NCHW
    height_px, width_px = first.input_shape[2:] if nchw else first.input_shape[1:3]
    is_bytes = first.dtype == "uint8"
    return _TEMPLATE.format(
        name=_text(first.name),
        device_class=_text(first.device_class),
        model_files=", ".join(map(_text, first.model_files)),
        input_name=_text(first.input_name),
        shape=", ".join(map(str, first.input_shape)),
        output_name=_text(first.output_name),
        labels="\n".join(_list_lines("labels", list(map(_text, first.labels)))),
        normalization=_BYTES if is_bytes else _NORMALIZATION,
        width_px=width_px,
        height_px=height_px,
        scale="1" if is_bytes else "0.00392156862745098  # 1/255",
        layout=first.layout.value,
        dtype=first.dtype,
        about_thresholds="\n".join(f"    # {line}" for line in _about_thresholds(first)),
        thresholds="\n".join(f"      {_text(label)}: {_threshold(first)}" for label in _decided(first.labels)),
    )


def _decided(labels: Sequence[str]) -> Sequence[str]:
    """Return the labels that get a threshold: all, or the first as an example where they are too many."""
    return labels if len(labels) <= N_LABELS_MAX else labels[:1]


def _threshold(first: FirstProfile) -> str:
    return "0.5" if first.is_share else "0  # a logit: 0 is a chance of one half where a sigmoid would follow"


def _about_thresholds(first: FirstProfile) -> Iterator[str]:
    yield "From this score on, a label counts as found; a frame in which none is found counts as good."
    n_labels = len(first.labels)
    if n_labels > N_LABELS_MAX:
        yield (
            f"At most {N_LABELS_MAX} of the {n_labels} labels can have one: "
            "name those that the station has to find."
        )
        yield "The first one stands here as an example."
    if not first.is_share:
        yield "These scores are no shares of 1, but a threshold lies within 0 to 1: export the model with its"
        yield "softmax or sigmoid inside, or keep 0."


def _list_lines(key: str, items: Sequence[str]) -> Iterator[str]:
    """Yield a list under a key of `model`, in one line or in as many as it takes."""
    whole = f"  {key}: [{', '.join(items)}]"
    if len(whole) <= _WIDTH:
        yield whole
        return
    yield f"  {key}: ["
    line = ""
    for item in items:
        if line and len(line) + len(item) + 6 > _WIDTH:
            yield f"    {line.rstrip()}"
            line = ""
        line += f"{item}, "
    yield f"    {line.rstrip(', ')}]"


def _text(value: str) -> str:
    """Return a text as YAML, in quotes unless it is a plain word."""
    is_plain = _PLAIN.fullmatch(value) and isinstance(resolve(value), str)
    return value if is_plain else json.dumps(value, ensure_ascii=False)
