"""Models and device matrices for the tests of the compatibility check."""

from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

CPU_CLASS = "x86-cpu"


def one_node(op: str, *, shape=(1, 4), opset: int = 17, ir_version: int = 9, **attributes) -> bytes:
    """Return a model of one operator on one input."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
    graph = helper.make_graph([helper.make_node(op, ["x"], ["y"], **attributes)], "one node", value[:1], value[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
    return model.SerializeToString()


def hungry(mib: int) -> bytes:
    """Return a model that fills this much memory when it runs."""
    shape = numpy_helper.from_array(np.array([mib, 1 << 18], np.int64), "shape")
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    nodes = [
        helper.make_node("Expand", ["x", "shape"], ["large"]),
        helper.make_node("Exp", ["large"], ["again"]),
        helper.make_node("ReduceSum", ["again"], ["y"], keepdims=0),
    ]
    graph = helper.make_graph(nodes, "hungry", value[:1], value[1:], [shape])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


def endless() -> bytes:
    """Return a model that counts to the end of 64 bits."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["on"], ["still"]),
            helper.make_node("Sin", ["state"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, [1]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, [1]),
        ],
    )
    constants = [
        numpy_helper.from_array(np.array(2**62, np.int64), "n"),
        numpy_helper.from_array(np.array(True), "yes"),
    ]
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    loop = helper.make_node("Loop", ["n", "yes", "x"], ["y"], body=body)
    graph = helper.make_graph([loop], "endless", value[:1], value[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


def write_matrix(folder: Path, *, name: str = CPU_CLASS, more: str = "", release: str = "") -> Path:
    """Write a device matrix with one class that this environment's runtime satisfies; return its path."""
    path = folder / "matrix.yaml"
    path.write_text(
        f"format: 1\ndevice_classes:\n  {name}:\n    os: Linux\n"
        f'    stack: {{onnxruntime: "{release or onnxruntime.__version__}"}}\n'
        f"    providers: [CPUExecutionProvider]\n{more}"
    )
    return path
