"""The profile that `hilrig init` writes to start from."""

import json
import re
from collections.abc import Sequence
from typing import Final

from hilrig.config.scalars import resolve
from hilrig.core.errors import UsageError

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")

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
  files: [{model_file}]
  input: {{name: {input_name}, shape: [{shape}]}}
  output: {{name: {output_name}}}
  # What each score means, in the order of the output.
  labels: [{labels}]

pipeline:
  # As in training, or the model sees other pictures than it knows.
  preprocess:
    width_px: {width_px}
    height_px: {height_px}
    color_order: rgb
    scale: 0.00392156862745098  # 1/255
    mean: [0, 0, 0]
    std: [1, 1, 1]
    layout: {layout}
    dtype: float32
  backend: {{name: onnx, options: {{providers: [CPUExecutionProvider], intra_op_threads: 1}}}}
  decide:
    # From this score on, a label counts as found.
    thresholds:
{thresholds}

# Synthetic weld seams; `folder` and `video` show your own pictures (feeds/README.md).
feed:
  source: synthetic
  pool_frames: 120  # distinct frames, shown in a cycle
  options: {{seed: 1}}

queue: {{depth: 4, on_full: drop_oldest}}

# Examples all: put the numbers of your station here. Each limit becomes one check of the verdict.
hil_validation:
  latency:
    p99_max_ms: 45  # from the moment a frame was due to its decision: the actuation budget
    p95_max_ms: 30
    duration_minutes: 10  # heat shows after about ten minutes
    frame_rate_fps: 30  # the line's real rate
  frames:
    drop_max_pct: 0.5
    consecutive_drops_max: 5
    failed_max_pct: 0
  resources:
    host_memory_max_mb: 1024  # MiB
"""


def profile_template(
    *,
    name: str,
    device_class: str,
    model_file: str,
    input_name: str,
    input_shape: Sequence[int],
    output_name: str,
    labels: Sequence[str],
) -> str:
    """Return a commented profile for an image model; `load_profile` takes it once the model lies beside it.

    Raises:
        UsageError: the input is not one picture of three colour planes.
    """
    layout, height_px, width_px = _layout(input_shape)
    return _TEMPLATE.format(
        name=_text(name),
        device_class=_text(device_class),
        model_file=_text(model_file),
        input_name=_text(input_name),
        shape=", ".join(map(str, input_shape)),
        output_name=_text(output_name),
        labels=", ".join(map(_text, labels)),
        width_px=width_px,
        height_px=height_px,
        layout=layout,
        thresholds="\n".join(f"      {_text(label)}: 0.5" for label in labels),
    )


def _layout(shape: Sequence[int]) -> tuple[str, int, int]:
    """Return layout, height and width of an input shape."""
    match list(shape):
        case [1, 3, int(height_px), int(width_px)] if min(height_px, width_px) > 0:
            return "nchw", height_px, width_px
        case [1, int(height_px), int(width_px), 3] if min(height_px, width_px) > 0:
            return "nhwc", height_px, width_px
    raise UsageError(
        f"the model's input is {list(shape)}, expected one picture: [1, 3, height, width]",
        hint="or [1, height, width, 3]; export the model with a fixed batch of 1 and a fixed size",
    )


def _text(value: str) -> str:
    """Return a text as YAML, in quotes unless it is a plain word."""
    is_plain = _PLAIN.fullmatch(value) and isinstance(resolve(value), str)
    return value if is_plain else json.dumps(value, ensure_ascii=False)
