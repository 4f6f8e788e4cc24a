"""What every backend, and the target around it, promises; the backend that `HILRIG_CONTRACT_PROFILE` names too."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from asked_plugins import asked_profile
from hilrig.core import registry
from hilrig.core.frame import Outcome
from hilrig.core.profile import BackendSpec, DecideSpec, PipelineSpec
from hilrig.target.opening import open_target
from small_models import PREPROCESS, build_model, spec_for

BACKENDS = {"onnx": {}, "null": {"service_ms": 0.1}}
ASKED = asked_profile()
NAMES = [*BACKENDS, *([ASKED.pipeline.backend.name] if ASKED and ASKED.pipeline.backend else [])]


@pytest.fixture(params=NAMES)
def station(request, tmp_path):
    """Return pipeline, model and folder: of every built-in backend with two labels, or as the profile has them."""
    if request.param not in BACKENDS:
        return ASKED.pipeline, ASKED.model, Path(ASKED.folder)
    onnx.save(build_model(), str(tmp_path / "model.onnx"))
    pipeline = PipelineSpec(
        target="in_process",
        preprocess=PREPROCESS,
        backend=BackendSpec(name=request.param, options=BACKENDS[request.param]),
        decide=DecideSpec(thresholds={"a": 0.9, "b": 0.9}),
    )
    return pipeline, spec_for("model.onnx"), tmp_path


@pytest.fixture
def loaded(station):
    """Return a backend with the facts of its load, and its model."""
    pipeline, model, folder = station
    factory = registry.load("backends", pipeline.backend.name)
    made = factory(factory.Options(**pipeline.backend.options), model, folder)
    yield made, made.load(), model
    made.close()


def test_no_backend_is_left_out():
    """A backend that is built in is in this suite."""
    assert set(BACKENDS) == set(registry.BUILT_IN["backends"])


def test_facts_name_runtime_providers_and_files(loaded):
    """What the record binds is told by every backend in the same words."""
    assert {"runtime", "providers", "files_sha256"} <= set(loaded[1])


def test_the_input_is_one_kept_tensor_of_the_declared_shape(loaded):
    """Preprocess writes into the same memory for every frame."""
    backend, _, model = loaded
    assert backend.input() is backend.input()
    assert backend.input().shape == model.input_shape
    assert backend.input().flags.c_contiguous


def test_scores_are_one_flat_number_per_label(loaded):
    """A finite input gives as many finite scores as there are labels, again and again."""
    backend, _, model = loaded
    backend.input()[...] = 0.5
    for _ in range(3):
        scores = backend.infer()
        assert scores.shape == (len(model.labels),)
        assert np.isfinite(scores).all()


def test_every_backend_decides_frames_in_the_target(station):
    """The in-process target runs the whole pipeline on any backend; in black the built-in ones find nothing."""
    pipeline, model, folder = station
    target = open_target(pipeline, model, folder)
    target.prepare()
    done = target.process(np.zeros((pipeline.preprocess.height_px, pipeline.preprocess.width_px, 3), np.uint8))
    target.close()
    assert done.outcome == Outcome.DECIDED
    assert done.defects == 0 or pipeline.backend.name not in BACKENDS
