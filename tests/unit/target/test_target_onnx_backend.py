"""hilrig.target.onnx_backend: real ONNX Runtime, real models."""

import numpy as np
import onnx
import pytest

from hilrig.core.errors import PreconditionError
from hilrig.target.onnx_backend import OnnxBackend, n_scores
from hilrig.target.onnx_options import OnnxOptions
from small_models import SHAPE, build_model, spec_for


def loaded(folder, spec=None, **options):
    backend = OnnxBackend(OnnxOptions(**options), spec or spec_for("model.onnx"), folder)
    return backend, backend.load()


def test_scores_are_the_models_own(model_folder):
    """One score per label, computed from what the input tensor holds at that moment."""
    backend, _ = loaded(model_folder)
    backend.input()[...] = 0.5
    assert backend.infer().tolist() == [0.5, 1.0]
    backend.input()[...] = 0.25
    assert backend.infer().tolist() == [0.25, 0.5]


def test_facts_name_the_active_provider_and_the_files(model_folder):
    """What the report says of the runtime comes from the session, not from the profile."""
    _, facts = loaded(model_folder)
    assert facts["providers"][0] == "CPUExecutionProvider"
    assert facts["provider_options"] == {"CPUExecutionProvider": {}}
    assert "tensorrt_engine" not in facts
    assert set(facts["files_sha256"]) == {"model.onnx"}


@pytest.mark.parametrize("others", [(), ("CPUExecutionProvider",)])
def test_a_provider_that_is_not_there_is_refused(model_folder, others):
    """An accelerator that is missing is no silent run on the CPU, whether the CPU is listed or not."""
    with pytest.raises(PreconditionError, match="asks for DmlExecutionProvider"):  # of Windows
        loaded(model_folder, providers=("DmlExecutionProvider", *others))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_name": "pixels"}, "input pixels, the model has image"),
        ({"input_shape": (1, 3, 16, 16)}, r"input shape \[1, 3, 16, 16\], the model has \[1, 3, 8, 8\]"),
        ({"output_name": "logits"}, "output logits, the model has scores"),
        ({"labels": ("a", "b", "c")}, "one score per label"),
    ],
)
def test_a_model_other_than_declared_is_refused(model_folder, changes, message):
    """Inputs and outputs are held against the profile, the sentence shows both."""
    with pytest.raises(PreconditionError, match=message):
        loaded(model_folder, spec_for("model.onnx", **changes))


@pytest.mark.parametrize(
    ("shape", "n"),
    [
        ([1, 1000], 1000),
        ([1, 1000, 1, 1], 1000),
        (["N", 4], 4),
        ([7], 7),
        ([1], 1),
        ([1, 4, 8, 8], 256),
        ([1, "n"], None),
        ([], 0),
    ],
)
def test_the_scores_of_an_output_are_counted_behind_its_batch(shape, n):
    """A classifier that ends in [1, n, 1, 1] has n scores; a map of 8 x 8 is no row of 8."""
    assert n_scores(shape) == n


def test_a_model_too_new_for_the_runtime_is_refused_with_its_own_words(tmp_path):
    """A future IR version is named, not a crash."""
    onnx.save(build_model(ir_version=99), str(tmp_path / "model.onnx"))
    with pytest.raises(PreconditionError, match="does not load in ONNX Runtime .*99"):
        loaded(tmp_path)


def test_symbolic_dimensions_fit_any_declared_size(tmp_path):
    """A model exported with a dynamic batch loads with the profile's batch of 1."""
    model = build_model()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.save(model, str(tmp_path / "model.onnx"))
    backend, _ = loaded(tmp_path)
    assert backend.input().shape == SHAPE
    assert backend.input().dtype == np.float32
