"""The smoke run inside its process: what it shows a model, and what it tells of it."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from compat_models import one_node
from hilrig.core.canonical import sha256_hex
from hilrig.target.smoke_exchange import GoldenInput, SmokeAsked
from hilrig.target.smoke_run import VALUES_KEPT, smoke_run
from small_models import SHAPE, build_model

CPU = "CPUExecutionProvider"


def asked(folder, data: bytes, **changes) -> SmokeAsked:
    """Write a model and return the question about it."""
    (folder / "m.onnx").write_bytes(data)
    plain = {
        "files": ("m.onnx",),
        "folder": str(folder),
        "options": {"providers": [CPU]},
        "golden": None,
        "output_name": "",
        "memory_mib": 4096,
    }
    return SmokeAsked(**plain | changes)


def test_a_model_alone_is_shown_zeros_and_random_numbers(tmp_path):
    """Two inputs; the second is the same in every process."""
    data = one_node("Identity")
    found = smoke_run(asked(tmp_path, data), tmp_path)
    assert [output.shown for output in found.outputs] == ["zeros", "random"]
    assert found.outputs[0].values == (0.0,) * 4
    assert len(set(found.outputs[1].values)) == 4
    assert found.outputs == smoke_run(asked(tmp_path, data), tmp_path).outputs


def test_the_runtime_the_providers_and_the_files_are_told(tmp_path):
    """Everything that the judgement needs, and the digest of the very bytes that were loaded."""
    data = one_node("Identity")
    found = smoke_run(asked(tmp_path, data), tmp_path)
    assert found.runtime_version == onnxruntime.__version__
    assert found.active == (CPU,)
    assert found.files_sha256 == {"m.onnx": sha256_hex(data)}
    assert [(share.provider, round(share.time_share_pct)) for share in found.shares] == [(CPU, 100)]
    assert not found.refused


def test_a_golden_input_is_shown_as_it_is(tmp_path):
    """The tensor of the file, little-endian, reaches the model: its mean comes out, once for each weight."""
    tensor = np.full(SHAPE, 0.5, "<f4")
    (tmp_path / "input.bin").write_bytes(tensor.tobytes())
    golden = GoldenInput(name="image", file="input.bin", dtype="float32", shape=SHAPE)
    question = asked(tmp_path, build_model().SerializeToString(), golden=golden, output_name="scores")
    (output,) = smoke_run(question, tmp_path).outputs
    assert (output.shown, output.values) == ("golden", (0.5, 1.0))


def test_outputs_that_are_not_finite_are_counted(tmp_path):
    """The logarithm of zeros: minus infinity, four times."""
    output = smoke_run(asked(tmp_path, one_node("Log")), tmp_path).outputs[0]
    assert (output.n_values, output.n_not_finite, output.values) == (4, 4, (None,) * 4)


def test_a_large_output_is_counted_in_full_and_kept_in_part(tmp_path):
    """A map of pixels would not fit into a line; NaN behind the kept part still counts."""
    found = smoke_run(asked(tmp_path, one_node("Log", shape=(1, VALUES_KEPT + 9))), tmp_path)
    output = found.outputs[0]
    assert (output.n_values, output.n_not_finite, len(output.values)) == (
        VALUES_KEPT + 9,
        VALUES_KEPT + 9,
        VALUES_KEPT,
    )


def test_free_dimensions_become_one(tmp_path):
    """A batch size that the model leaves open."""
    value = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", 3]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", value[:1], value[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    found = smoke_run(asked(tmp_path, model.SerializeToString()), tmp_path)
    assert [output.n_values for output in found.outputs] == [3, 3]


@pytest.mark.parametrize("data", [b"", b"<html>", build_model().SerializeToString()[:-30]])
def test_a_file_that_does_not_load_is_told_in_the_runtimes_words(tmp_path, data):
    """No exception leaves the run: the judgement needs the words."""
    found = smoke_run(asked(tmp_path, data), tmp_path)
    assert found.refused
    assert found.active == ()


def test_an_operator_that_the_runtime_lacks_is_told(tmp_path):
    """A model that the table would take may still have no kernel."""
    found = smoke_run(asked(tmp_path, one_node("NoSuchOperator")), tmp_path)
    assert "NoSuchOperator" in found.refused


def test_an_input_that_cannot_be_made_up_is_told(tmp_path):
    """Text has no zeros."""
    value = [helper.make_tensor_value_info(name, TensorProto.STRING, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", value[:1], value[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    assert "cannot be made up" in smoke_run(asked(tmp_path, model.SerializeToString()), tmp_path).refused


@pytest.mark.filterwarnings("ignore:Specified provider")  # ONNX Runtime's own way of saying so
def test_a_provider_that_is_not_there_never_becomes_the_cpu_in_silence(tmp_path):
    """CUDA on a machine without it: no session, or one whose first provider shows what it is."""
    question = asked(tmp_path, one_node("Identity"), options={"providers": ["CUDAExecutionProvider"]})
    found = smoke_run(question, tmp_path)
    assert "CUDAExecutionProvider" not in found.available or found.active[:1] == ("CUDAExecutionProvider",)
    assert found.active[:1] != (CPU,) or found.refused
