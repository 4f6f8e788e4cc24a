"""The table step: compatible only where the tables say so, with the fix in the message."""

import onnx
import pytest
from onnx import TensorProto, helper

from hilrig.core.compat import CompatStep, DeviceClassRow, ModelFormat
from hilrig.core.verdict import CheckStatus
from hilrig.gate.compat import table_finding
from hilrig.gate.onnx_format import read_model_format
from hilrig.gate.ort_table import shipped_tables


def row(**changes) -> DeviceClassRow:
    """Return the class x86-cpu with the seed's runtime."""
    plain = {
        "name": "x86-cpu",
        "os": "Linux",
        "stack": {"onnxruntime": "1.17.3"},
        "providers": ("CPUExecutionProvider",),
    }
    return DeviceClassRow(**plain | changes)


def model(opset: int = 17, ir_version: int = 8, **more: int) -> ModelFormat:
    """Return what a model asks for."""
    return ModelFormat(ir_version=ir_version, opsets={"": opset} | more)


def finding(of: DeviceClassRow, asks: ModelFormat):
    """Return what the shipped tables say."""
    return table_finding(of, asks, shipped_tables())


JETSON = {
    "jetpack": "6.0",
    "cuda": "12.2",
    "tensorrt": "8.6",
    "cudnn": "8.9",
    "l4t": "36.3",
    "onnxruntime": "1.17.3",
}


@pytest.mark.parametrize(("opset", "ir_version"), [(7, 3), (17, 8), (20, 9)])
def test_a_model_within_the_limits_passes_with_the_limits_in_the_sentence(opset, ir_version):
    """Up to the newest operator set and IR version that were measured."""
    found = finding(row(), model(opset, ir_version))
    assert (found.status, found.step) == (CheckStatus.PASS, CompatStep.TABLE)
    assert "at most opset 20 and IR 9, measured" in found.sentence


def test_a_model_too_new_fails_with_the_call_that_makes_it_older():
    """Opset 21 for ONNX Runtime 1.17.3: the converter's call, and which runtime takes it as it is."""
    found = finding(row(), model(21, 9))
    assert found.status is CheckStatus.FAIL
    assert "needs opset 21 of ai.onnx, ONNX Runtime 1.17.3 takes 20 at most" in found.sentence
    assert "onnx.version_converter.convert_version(model, 20)" in found.hint
    assert "a class with ONNX Runtime 1.18, which takes it" in found.hint


def test_the_call_in_the_message_makes_a_model_that_passes():
    """A person who types what the hint says has a model that the table takes."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", value[:1], value[1:])
    new = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=9)
    assert finding(row(), read_model_format(new.SerializeToString(), name="m")).status is CheckStatus.FAIL
    older = onnx.version_converter.convert_version(new, 20)
    assert finding(row(), read_model_format(older.SerializeToString(), name="m")).status is CheckStatus.PASS


def test_an_ir_version_too_new_fails_with_the_argument_that_makes_it_older():
    """IR 10 for ONNX Runtime 1.17.3, whatever the operator set."""
    found = finding(row(), model(17, 10))
    assert found.status is CheckStatus.FAIL
    assert "it has IR 10, ONNX Runtime 1.17.3 takes 9 at most" in found.sentence
    assert "onnx.helper.make_model(..., ir_version=9)" in found.hint


def test_the_defaults_of_todays_onnx_are_taken_by_no_known_runtime():
    """Opset 28 and IR 14: the message says so, and how to get out of it."""
    found = finding(row(stack={"onnxruntime": "1.31.1"}), model(28, 14))
    assert found.status is CheckStatus.FAIL
    assert "no known ONNX Runtime takes the model as it is" in found.hint
    assert "convert_version(model, 26)" in found.hint
    assert "ir_version=13" in found.hint


def test_an_operator_set_too_old_fails():
    """ONNX Runtime promises opset 7 and newer."""
    found = finding(row(), model(6, 3))
    assert found.status is CheckStatus.FAIL
    assert "it has opset 6" in found.sentence


@pytest.mark.parametrize(
    ("domain", "version", "status"),
    [
        ("ai.onnx.ml", 4, CheckStatus.PASS),
        ("ai.onnx.ml", 5, CheckStatus.FAIL),
        ("com.microsoft", 1, CheckStatus.PASS),
        ("my.operators", 1, CheckStatus.FAIL),
    ],
)
def test_every_domain_is_looked_up(domain, version, status):
    """A domain that the table does not know is not compatible."""
    found = finding(row(), model(**{domain: version}))
    assert found.status is status
    assert status is CheckStatus.PASS or domain in found.sentence


def test_an_unknown_runtime_fails_with_the_nearest_known_ones():
    """Nobody measured 1.32.0: not compatible, though 1.31.1 is."""
    found = finding(row(stack={"onnxruntime": "1.32.0"}), model())
    assert found.status is CheckStatus.FAIL
    assert "nobody has measured what ONNX Runtime 1.32.0 takes" in found.sentence
    assert "1.31.1 (opset 26, IR 13)" in found.sentence
    assert "measure_onnxruntime.py 1.32.0" in found.hint


def test_a_blocked_class_never_passes():
    """Whatever the model, with the reason of the matrix."""
    found = finding(row(blocked="no fan"), model())
    assert found.status is CheckStatus.FAIL
    assert "no model may go to this class: no fan" in found.sentence


def test_the_seeds_two_classes_pass():
    """Orin NX with JetPack 6.0, and an x86 PC with CUDA 12.2 and TensorRT 8.6."""
    providers = ("TensorrtExecutionProvider", "CUDAExecutionProvider")
    pc = {"cuda": "12.2", "tensorrt": "8.6", "onnxruntime": "1.17.3"}
    for stack in (JETSON, pc):
        assert finding(row(stack=stack, providers=providers), model()).status is CheckStatus.PASS


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"cuda": "11.4"}, "the class states CUDA 11.4, JetPack 6.0 brings 12.2"),
        ({"tensorrt": "10.3"}, "the class states TensorRT 10.3, JetPack 6.0 brings 8.6"),
        ({"l4t": "35.4"}, "the class states Jetson Linux 35.4, JetPack 6.0 brings 36.3"),
        ({"jetpack": "6.9"}, "JetPack 6.9 is not in the table; known are 5.1.1, 5.1.2, 6.0, 6.1, 6.2"),
        ({"onnxruntime": "1.31.1"}, "ONNX Runtime 1.31.1 is built with CUDA 13"),
        ({"onnxruntime": "1.18.0"}, "TensorRT 10.0"),
        ({"cudnn": "9.3"}, "the class states cuDNN 9.3, JetPack 6.0 brings 8.9"),
    ],
)
def test_versions_that_do_not_belong_together_fail_with_both_named(change, expected):
    """One wrong version in a stack that is otherwise right."""
    found = finding(row(stack=JETSON | change), model())
    assert found.status is CheckStatus.FAIL
    assert expected in found.sentence
    assert found.hint


def test_a_library_that_nobody_wrote_down_fails():
    """TensorRT for ONNX Runtime 1.26: the table has no row, which is no permission."""
    found = finding(row(stack={"cuda": "12.6", "tensorrt": "10.9", "onnxruntime": "1.26.0"}), model())
    assert found.status is CheckStatus.FAIL
    assert "nobody has written down which TensorRT ONNX Runtime 1.26.0 is built with" in found.sentence
