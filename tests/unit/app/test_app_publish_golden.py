import numpy as np
import onnx
import pytest
from onnx import helper

from hilrig.app.golden.published import TOLERANCE, golden_of
from hilrig.config.profile import load_profile
from hilrig.core.errors import PreconditionError
from onnx_stations import write_onnx_station
from small_models import SHAPE, build_model
from stations import write_station


def test_the_golden_sample_is_what_the_pipeline_makes_of_the_first_frame(tmp_path):
    """The tensor is the preprocessed frame, the scores are the model's: mean times 1, 2, 3 and 4."""
    golden = golden_of(load_profile(write_onnx_station(tmp_path / "s", "CPUExecutionProvider")))
    tensor = np.frombuffer(golden.tensor, "<f4").reshape(SHAPE)
    assert 0 < tensor.mean() < 1
    assert golden.scores == pytest.approx([tensor.mean() * k for k in (1, 2, 3, 4)], rel=1e-5)
    assert golden.tolerance == pytest.approx(TOLERANCE * max(1.0, *golden.scores))


def test_it_is_the_same_every_time(tmp_path):
    """Two calls give the same bytes and scores: the feed is seeded."""
    profile = load_profile(write_onnx_station(tmp_path / "s", "CPUExecutionProvider"))
    assert golden_of(profile) == golden_of(profile)


def test_a_model_without_a_finite_score_has_no_golden_sample(tmp_path):
    """What would make every comparison true is not published."""
    folder = write_onnx_station(tmp_path / "s", "CPUExecutionProvider")
    model = build_model(n_labels=4)
    model.graph.node[2].output[0] = "before"
    model.graph.node.append(helper.make_node("Neg", ["before"], ["negative"]))
    model.graph.node.append(helper.make_node("Sqrt", ["negative"], ["scores"]))
    onnx.save(model, str(folder / "model.onnx"))
    with pytest.raises(PreconditionError, match="not finite"):
        golden_of(load_profile(folder))


def test_a_pipeline_without_a_model_file_cannot_be_published(tmp_path):
    """A node needs a file to run: the null backend and foreign pipelines have none."""
    with pytest.raises(PreconditionError, match="a node cannot run it"):
        golden_of(load_profile(write_station(tmp_path / "s")))
