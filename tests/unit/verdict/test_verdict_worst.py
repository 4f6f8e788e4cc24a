"""The worst frames: what was in them, what was found, what stood beside them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from builders import LABELS, NS_PER_S, Curve, edges_ns, make_capability, make_frames, make_plan, make_record
from hilrig.core import channels
from hilrig.core.frame import Truth
from hilrig.core.telemetry import Tier
from hilrig.core.verdict import WorstFrame
from hilrig.verdict.judge import judge

PLAN = make_plan(n_measured=1800, n_warmup=0)
TRUTHS = (Truth(labels=("crack",)), Truth(labels=()), Truth(labels=None))


def worst_of(*slow: int, truths: Sequence[Truth] = TRUTHS, curves=(), **frames) -> dict[int, WorstFrame]:
    """Return the worst frames by id; those of `slow` are among them."""
    latency_ms = np.full(PLAN.n_frames, 10.0)
    latency_ms[list(slow)] = 90.0
    record = make_record(
        PLAN, frames=make_frames(PLAN, latency_ms=latency_ms, **frames), truths=truths, curves=curves
    )
    return {one.frame_id: one for one in judge(record).worst_frames}


def test_the_truth_is_that_of_the_pool_frame() -> None:
    """A defect, a good part, and one of which nobody knows: three different things."""
    worst = worst_of(300, 301, 302)
    assert [worst[frame_id].truth for frame_id in (300, 301, 302)] == [("crack",), (), None]


def test_without_a_pool_nobody_knows_the_truth() -> None:
    """Unknown is not a good part."""
    assert worst_of(300, truths=())[300].truth is None


def test_what_was_found_is_named_by_the_models_labels() -> None:
    """Bits in the order of the labels; bits beyond them name nothing."""
    defects = np.zeros(PLAN.n_frames, np.uint32)
    defects[[300, 301, 302, 303]] = 0b00, 0b01, 0b11, 0b1000_0010
    worst = worst_of(300, 301, 302, 303, defects=defects)
    assert [worst[frame_id].found for frame_id in range(300, 304)] == [(), LABELS[:1], LABELS, LABELS[1:]]


def test_a_frame_without_a_decision_found_nothing_that_counts() -> None:
    """None, not the empty answer of a good part; its truth is known all the same."""
    worst = worst_of(dropped=[300], failed=[303])
    assert (worst[300].found, worst[300].truth) == (None, ("crack",))
    assert worst[303].found is None


def test_readings_are_those_of_the_time_when_the_frame_was_due() -> None:
    """The temperature of the second before, not that of the end of the run."""
    start_ns, _ = edges_ns(PLAN)
    capability = make_capability(
        channels.TEMPERATURE, unit="Cel", tier=Tier.SLOW, attributes=((channels.HW_ID, "gpu0"),)
    )
    points = tuple((start_ns + second * NS_PER_S, 50.0 + second) for second in range(60))
    worst = worst_of(315, 1515, curves=[Curve(capability=capability, points=points)])
    assert [one.value for one in worst[315].readings] == [60.0]
    assert [one.value for one in worst[1515].readings] == [100.0]
    assert worst[315].readings[0].age_ms == 500.0


def test_labels_of_a_model_without_any_find_nothing() -> None:
    """A damaged mask of a model without labels names nothing."""
    plan = replace(PLAN, model=replace(PLAN.model, labels=()))
    frames = make_frames(plan, defects=3)
    assert {one.found for one in judge(make_record(plan, frames=frames, curves=())).worst_frames} == {()}
