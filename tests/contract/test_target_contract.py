"""What every target promises, whoever runs the pipeline inside it."""

import json
import time
from contextlib import ExitStack
from dataclasses import is_dataclass

import numpy as np
import pytest

from foreign_services import serving
from hilrig.core import registry
from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.profile import BackendSpec, DecideSpec, PipelineSpec
from hilrig.target.opening import open_target
from small_models import PREPROCESS, spec_for

WHITE = np.full((8, 8, 3), 255, np.uint8)
ELSEWHERE = {"ring"}
"""Targets whose frames do not go through `process`: the relay's own tests stand for them."""
NEVER_FAILS = {"no_op"}
PIPELINE = """\
class Pipeline:
    def prepare(self, context):
        pass
    def process(self, frame):
        return [(frame.mean() / 255){broken}]
    def close(self):
        pass
"""


class Stand:
    """Builds each target with one label, on a service or file of its own; `broken` makes every frame fail."""

    def __init__(self, folder, stack):
        self._folder, self._stack = folder, stack

    def target(self, name, *, broken=False):
        options, parts = getattr(self, name)(broken=broken)
        pipeline = PipelineSpec(
            target=name,
            target_options=options,
            preprocess=parts.get("preprocess"),
            backend=parts.get("backend"),
            decide=DecideSpec(thresholds={"a": 0.5}),
        )
        return open_target(pipeline, spec_for(labels=("a",)), self._folder)

    def in_process(self, *, broken):
        options = {"score": 1.0, "error_every": int(broken)}
        return {}, {"preprocess": PREPROCESS, "backend": BackendSpec(name="null", options=options)}

    def no_op(self, *, broken):
        return {}, {"preprocess": PREPROCESS, "backend": BackendSpec(name="null")}

    def python(self, *, broken):
        (self._folder / "pipeline.py").write_text(PIPELINE.format(broken=".missing" if broken else ""))
        return {"callable": "pipeline:Pipeline"}, {}

    def infer_service(self, *, broken):
        return {"url": self._url(broken=broken), "width_px": 8, "height_px": 8}, {}

    def open_inference(self, *, broken):
        return {"url": self._url(broken=broken), "model_name": "weld"}, {"preprocess": PREPROCESS}

    def _url(self, *, broken):
        script = (lambda number: "status_500" if number > 1 else "") if broken else lambda _: ""
        return self._stack.enter_context(serving(script, n_labels=1)).url


TARGETS = ("in_process", "no_op", "python", "infer_service", "open_inference")


@pytest.fixture
def stand(tmp_path):
    """Return a builder of targets; their services end with the test."""
    with ExitStack() as stack:
        yield Stand(tmp_path, stack)


def test_no_target_is_left_out():
    """A target that is built in is in this suite, or has one of its own."""
    assert set(TARGETS) | ELSEWHERE == set(registry.BUILT_IN["targets"])


@pytest.mark.parametrize("name", sorted(registry.BUILT_IN["targets"]))
def test_options_are_a_dataclass_that_refuses_unknown_keys(name):
    """What the profile says is checked before anything is built."""
    options = registry.load("targets", name).Options
    assert is_dataclass(options)
    assert options.__dataclass_params__.frozen
    assert options.__pydantic_config__ == {"extra": "forbid"}


@pytest.mark.parametrize("name", TARGETS)
def test_facts_are_json_and_name_the_runtime(stand, name):
    """What the record binds can be written down."""
    target = stand.target(name)
    facts = target.prepare()
    target.close()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["runtime"]


@pytest.mark.parametrize("name", TARGETS)
def test_a_decided_frame_has_its_stamp(stand, name):
    """The stamps are on the monotonic clock, in order; 0 only where a stage is not seen."""
    target = stand.target(name)
    target.prepare()
    begin_ns = time.monotonic_ns()
    dones = [target.process(WHITE) for _ in range(3)]
    target.close()
    for done in dones:
        assert (done.outcome, done.reason) == (Outcome.DECIDED, OutcomeReason.NONE)
        stamps = [stamp for stamp in done[:3] if stamp]
        assert done.t_decided_ns == stamps[-1]
        assert [begin_ns, *stamps] == sorted([begin_ns, *stamps])
        begin_ns = done.t_decided_ns
        if name not in NEVER_FAILS:
            assert (done.defects, done.score) == (1, 1.0)


@pytest.mark.parametrize("name", sorted(set(TARGETS) - NEVER_FAILS))
def test_a_fault_is_a_failed_frame_with_a_reason(stand, name):
    """Never an exception, never a decision, never a decision's stamp."""
    target = stand.target(name, broken=True)
    target.prepare()
    dones = [target.process(WHITE) for _ in range(3)]
    target.close()
    for done in dones:
        assert (done.outcome, done.reason) == (Outcome.FAILED, OutcomeReason.INFERENCE_ERROR)
        assert (done.t_decided_ns, done.defects) == (0, 0)


@pytest.mark.parametrize("name", TARGETS)
def test_the_frame_is_left_as_it_was(stand, name):
    """The pool's frames are shown again and again."""
    pixels = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    before = pixels.copy()
    target = stand.target(name)
    target.prepare()
    target.process(pixels)
    target.close()
    assert np.array_equal(pixels, before)


@pytest.mark.parametrize("name", ["infer_service", "open_inference"])
def test_a_target_that_runs_elsewhere_says_so(stand, name):
    """Its memory is not the worker's: a limit on it would be held against hilrig itself."""
    assert stand.target(name).runs_elsewhere
