"""Small real ONNX models for the tests of the target."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from hilrig.core.profile import ColorOrder, Layout, ModelSpec, PreprocessSpec

SHAPE = (1, 3, 8, 8)
PREPROCESS = PreprocessSpec(
    width_px=8,
    height_px=8,
    color_order=ColorOrder.RGB,
    scale=1 / 255,
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
    layout=Layout.NCHW,
    dtype="float32",
)


def build_model(*, n_labels=2, input_name="image", output_name="scores", dtype=TensorProto.FLOAT, ir_version=9):
    """Return a model: the mean of the image, times one weight per label."""
    weights = numpy_helper.from_array(np.arange(1, n_labels + 1, dtype=np.float32).reshape(1, n_labels), "weights")
    nodes = [
        helper.make_node("Cast", [input_name], ["as_float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["as_float"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "weights"], [output_name]),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info(input_name, dtype, SHAPE)],
        [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, [1, n_labels])],
        [weights],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=ir_version)


def spec_for(*files: str, **changes) -> ModelSpec:
    """Return the profile's word on the model of `build_model`."""
    declared = {
        "files": files,
        "bundle_sha256": None,
        "input_name": "image",
        "input_shape": SHAPE,
        "output_name": "scores",
        "labels": ("a", "b"),
    }
    return ModelSpec(**(declared | changes))
