"""hilrig.target.identity: what makes two pipelines the same."""

from dataclasses import replace

import pytest

from hilrig.core.profile import BackendSpec, ColorOrder, DecideSpec, PipelineSpec
from hilrig.target.identity import pipeline_sha256
from small_models import PREPROCESS, spec_for

PIPELINE = PipelineSpec(
    target="in_process",
    preprocess=PREPROCESS,
    backend=BackendSpec(name="null"),
    decide=DecideSpec(thresholds={"a": 0.5}),
)
MODEL = spec_for("model.onnx")


@pytest.mark.parametrize(
    ("pipeline", "model"),
    [
        (replace(PIPELINE, preprocess=replace(PIPELINE.preprocess, color_order=ColorOrder.BGR)), MODEL),
        (replace(PIPELINE, preprocess=replace(PIPELINE.preprocess, mean=(0, 0, 0.1))), MODEL),
        (replace(PIPELINE, decide=DecideSpec(thresholds={"a": 0.51})), MODEL),
        (PIPELINE, replace(MODEL, labels=("b", "a"))),
    ],
)
def test_anything_that_changes_a_decision_changes_the_digest(pipeline, model):
    """Colour order, constants, thresholds and label order are each part of the identity."""
    assert pipeline_sha256(pipeline, model) != pipeline_sha256(PIPELINE, MODEL)


def test_the_runtime_is_not_part_of_the_pipeline():
    """The same declared pipeline on another backend keeps its digest: the stack has its own."""
    other = replace(PIPELINE, backend=BackendSpec(name="onnx"))
    assert pipeline_sha256(other, MODEL) == pipeline_sha256(PIPELINE, MODEL)
