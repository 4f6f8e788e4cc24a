"""A small station whose golden set is known: frames of one colour, a model that says how much of each it sees."""

from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper

COLORS = {"red": (0, 0, 230), "green": (0, 230, 0), "blue": (230, 0, 0)}
"""Label and its colour in BGR; a good part is black."""

N_EACH = 20
"""Frames of every colour and of good parts: 20 of 20 is `at least 83.9 %`, more than the 80 % that is asked."""

PROFILE = """\
format: 1
name: color-station
device_class: [x86-cpu, arm64-cpu]
model:
  files: [model.onnx]
  input: {name: image, shape: [1, 3, 8, 8]}
  output: {name: scores}
  labels: [red, green, blue]
pipeline:
  preprocess: {width_px: 8, height_px: 8, color_order: rgb, scale: 0.00392156862745098, mean: [0, 0, 0],
    std: [1, 1, 1], layout: nchw, dtype: float32}
  backend: {name: onnx, options: {providers: [CPUExecutionProvider], intra_op_threads: 1}}
  decide: {thresholds: {red: 0.5, green: 0.5, blue: 0.5}}
feed: {source: folder, pool_frames: 4, options: {path: golden}}
queue: {depth: 4, on_full: drop_oldest}
golden:
  feed: {source: folder, pool_frames: 80, options: {path: golden, truth: golden/truth.csv}}
  min_precision: 0.8
  min_recall: 0.8
  max_false_reject: 0.1
hil_validation:
  latency: {p99_max_ms: 1000, duration_minutes: 1, frame_rate_fps: 10}
"""


def write_color_station(folder: Path, *changes: tuple[str, str], forgotten: str = "") -> Path:
    """Write the station with its model and its 80 golden frames; return the folder.

    Args:
        folder: made when missing.
        changes: texts of profile.yaml and what stands in their place; each must be there.
        forgotten: a colour that no golden frame has: its frames are black.
    """
    (folder / "golden").mkdir(parents=True)
    text = PROFILE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    (folder / "profile.yaml").write_text(text)
    onnx.save(_planes_model(), str(folder / "model.onnx"))
    _write_frames(folder / "golden", forgotten)
    return folder


def _planes_model():
    """Return a model whose three scores are the means of the input's three planes."""
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["image"], ["scores"], axes=[2, 3], keepdims=0)],
        "planes",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 8, 8))],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, (1, 3))],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def _write_frames(folder: Path, forgotten: str) -> None:
    rows = ["file,labels"]
    for index in range(N_EACH * 4):
        label = ["red", "green", "blue", ""][index % 4]
        label = "" if label == forgotten else label
        pixels = np.full((8, 8, 3), COLORS.get(label, (0, 0, 0)), np.uint8)
        pixels[index % 8, index // 8 % 8] = index  # no two frames are alike
        cv2.imwrite(str(folder / f"{index:03d}.png"), pixels)
        rows.append(f"{index:03d}.png,{label}")
    (folder / "truth.csv").write_text("\n".join(rows) + "\n")
