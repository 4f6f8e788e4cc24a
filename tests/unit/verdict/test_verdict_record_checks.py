"""hilrig.verdict.self_checks.record: which stamps a frame must have, by what its target shows."""

from dataclasses import replace

import pytest

from builders import make_frames, make_plan
from builders import make_record as record_of
from hilrig.verdict.self_checks.record import check_record
from hilrig.verdict.window import cut

PLAN = make_plan(n_measured=60, n_warmup=0)
OWN_PIPELINE = replace(PLAN, pipeline=replace(PLAN.pipeline, target="python", preprocess=None, backend=None))


def stamps_hold(plan, **stamps_ns) -> bool:
    """Return whether the stamps hold when those of frame 7 are replaced."""
    frames = make_frames(plan)
    for name, stamp_ns in stamps_ns.items():
        frames[name][7] = stamp_ns if stamp_ns >= 0 else frames["t_intended_ns"][7] + stamp_ns
    record = record_of(plan, frames=frames)
    (stamps,) = (one for one in check_record(cut(record), record.events) if one.check_id == "records.stamps")
    return stamps.ok


def test_a_foreign_pipeline_may_hide_its_stages():
    """A decided frame without the two stages in between is sound there, and only there."""
    assert stamps_hold(OWN_PIPELINE, t_preprocessed_ns=0, t_inferred_ns=0)
    assert stamps_hold(OWN_PIPELINE, t_preprocessed_ns=0)
    assert not stamps_hold(PLAN, t_preprocessed_ns=0, t_inferred_ns=0)


@pytest.mark.parametrize("name", ["t_intended_ns", "t_release_ns", "t_dequeue_ns", "t_decided_ns"])
def test_no_pipeline_may_hide_the_others(name):
    """When a frame was due, released, taken and decided is always known."""
    assert not stamps_hold(OWN_PIPELINE, **{name: 0})


@pytest.mark.parametrize("name", ["t_preprocessed_ns", "t_inferred_ns"])
def test_a_stage_that_is_shown_must_be_in_order(name):
    """A stamp from before the frame was due is a broken one, whoever made it."""
    assert not stamps_hold(OWN_PIPELINE, **{name: -1})
