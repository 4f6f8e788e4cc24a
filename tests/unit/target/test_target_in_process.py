"""hilrig.target.in_process: stages, stamps, failures."""

import time
from dataclasses import replace

import numpy as np
import pytest

from hilrig.core.errors import PreconditionError
from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.profile import BackendSpec, DecideSpec, PipelineSpec
from hilrig.target.in_process import InProcessTarget
from small_models import PREPROCESS, spec_for

PIXELS = np.full((8, 8, 3), 255, np.uint8)


def target(folder, *, backend="null", **options):
    pipeline = PipelineSpec(
        target="in_process",
        preprocess=PREPROCESS,
        backend=BackendSpec(name=backend, options=options),
        decide=DecideSpec(thresholds={"a": 0.5, "b": 1.5}),
    )
    made = InProcessTarget(pipeline, spec_for("model.onnx"), folder)
    made.prepare()
    return made


def test_a_frame_goes_through_all_three_stages(model_folder):
    """A white image scores 1 and 2 in the real model: both labels are found."""
    done = target(model_folder, backend="onnx").process(PIXELS)
    assert (done.outcome, done.reason, done.defects, done.score) == (
        Outcome.DECIDED,
        OutcomeReason.NONE,
        0b11,
        2.0,
    )


def test_stamps_are_in_the_order_of_the_stages(tmp_path):
    """Each stage ends after the one before it, on the monotonic clock."""
    begin_ns = time.monotonic_ns()
    done = target(tmp_path, service_ms=2).process(PIXELS)
    stamps = [begin_ns, done.t_preprocessed_ns, done.t_inferred_ns, done.t_decided_ns, time.monotonic_ns()]
    assert stamps == sorted(stamps)
    assert done.t_inferred_ns - done.t_preprocessed_ns >= 2_000_000


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"non_finite_every": 1}, OutcomeReason.NON_FINITE_SCORE),
        ({"error_every": 1}, OutcomeReason.INFERENCE_ERROR),
    ],
)
def test_a_frame_that_cannot_be_decided_has_failed(tmp_path, options, reason):
    """NaN scores and runtime errors are failed frames with their reason, never "ok"."""
    done = target(tmp_path, **options).process(PIXELS)
    assert (done.outcome, done.reason, done.t_decided_ns) == (Outcome.FAILED, reason, 0)


def test_a_frame_that_preprocess_cannot_take_has_failed(tmp_path):
    """A grey image where colour was declared is this frame's failure."""
    done = target(tmp_path).process(np.zeros((8, 8), np.uint8))
    assert (done.outcome, done.reason) == (Outcome.FAILED, OutcomeReason.PREPROCESS_ERROR)


def test_a_tensor_type_other_than_declared_is_refused(model_folder):
    """The profile's dtype is held against the model's input."""
    pipeline = PipelineSpec(
        target="in_process",
        preprocess=replace(PREPROCESS, dtype="float16"),
        backend=BackendSpec(name="onnx"),
        decide=DecideSpec(thresholds={"a": 0.5}),
    )
    with pytest.raises(PreconditionError, match="takes float32, preprocess makes float16"):
        InProcessTarget(pipeline, spec_for("model.onnx"), model_folder).prepare()
