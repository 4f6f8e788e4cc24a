"""hilrig.target.no_op: a pipeline without work, with every stamp."""

import time

import numpy as np

from builders import make_plan
from hilrig.core.frame import Outcome
from hilrig.target.opening import open_target


def test_every_frame_is_decided_with_stamps_in_order(tmp_path):
    """No defect, and the three stages one after the other on CLOCK_MONOTONIC."""
    plan = make_plan()
    target = open_target(
        plan.pipeline.__class__(target="no_op", preprocess=None, backend=None, decide=plan.pipeline.decide),
        plan.model,
        tmp_path,
    )
    assert target.prepare()["files_sha256"] == {}
    begin_ns = time.monotonic_ns()
    done = target.process(np.zeros((4, 4, 3), np.uint8))
    assert done.outcome is Outcome.DECIDED
    assert begin_ns <= done.t_preprocessed_ns <= done.t_inferred_ns <= done.t_decided_ns <= time.monotonic_ns()
    assert done.defects == 0
