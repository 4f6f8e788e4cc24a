"""A folder with a small real model."""

from pathlib import Path

import onnx
import pytest

from small_models import build_model


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """Return a folder with `model.onnx`."""
    onnx.save(build_model(), str(tmp_path / "model.onnx"))
    return tmp_path
