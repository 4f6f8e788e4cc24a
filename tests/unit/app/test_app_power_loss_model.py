"""The model that is written without a library."""

import numpy as np
import pytest

from hilrig.app.power_loss.model import SHAPE, mean_model


@pytest.mark.parametrize("scale", [1.0, 2.0, -0.5])
def test_a_real_runtime_scores_as_stated(scale):
    """ONNX Runtime loads it; the score is the mean times the scale; the checker finds nothing wrong."""
    onnx, ort = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    data = mean_model(scale=scale, note="n" * 70_000)
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    given = np.random.default_rng(1).random(SHAPE, np.float32)
    (scores,) = session.run(["scores"], {"input": given})
    assert scores.shape == (1, 1)
    assert scores[0, 0] == pytest.approx(scale * given.mean(), abs=1e-5)
    assert len(data) > 70_000
