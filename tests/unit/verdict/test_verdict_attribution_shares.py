"""How much of a late frame each cause explains: the queue, the larger share, the frames left over."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NS_PER_MS, P99, make_frames, make_limit, make_plan, make_record
from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.telemetry import GC_PAUSE, HOST_STALL, Tier
from hilrig.core.verdict import Cause, CauseCount, WorstFrame
from hilrig.verdict.attribution.causes import attribute, count_causes
from hilrig.verdict.attribution.worst import worst_frames
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.window import cut
from late_frames import HIT, IO, MAJOR, PLAN, explained, named, over_limit, slow, within
from served_frames import jump, lasting, level, serve, when_ns


@pytest.mark.parametrize("seed", range(5))
def test_a_clean_run_blames_nothing(seed: int) -> None:
    """With no frame over the limit and ordinary jitter there is no cause, however much happened beside it."""
    jitter = np.random.default_rng(seed).gamma(2.0, 0.4, PLAN.n_frames)
    frames = make_frames(PLAN, latency_ms=10 + jitter)
    busy = [
        lasting(HOST_STALL, [(when_ns(frames, frame_id) - 20 * NS_PER_MS, 6) for frame_id in HIT]),
        jump(PLAN, "hilrig.process.run_delay", within(frames), by=3e6, per_tick=1e6),
        jump(PLAN, "process.paging.faults", within(frames), by=1, attributes=MAJOR),
        jump(PLAN, "hilrig.system.pressure", within(frames), by=9_000, attributes=IO),
    ]
    causes, worst = explained(frames, busy)
    assert causes == ()
    assert {(frame.cause, frame.evidence) for frame in worst} == {(None, "")}


def test_a_slow_frame_within_the_limit_is_explained_but_not_counted() -> None:
    """Twice the usual latency asks for a cause even where the limit is far away."""
    frames = serve(PLAN, extra_ms={500: 20.0})
    curves = [lasting(GC_PAUSE, [(when_ns(frames, 500) + 5 * NS_PER_MS, 19)])]
    causes, worst = explained(frames, curves)
    assert causes == ()
    assert (worst[0].frame_id, worst[0].cause) == (500, Cause.GARBAGE_COLLECTION)
    assert worst[1].cause is None


def test_a_model_that_is_too_slow_is_not_excused_by_a_busy_machine() -> None:
    """When every frame takes longer than its period, the drops are the model's, whatever small noise there is."""
    frames = serve(PLAN, service_ms=40.0)
    noise = [jump(PLAN, "hilrig.process.run_delay", within(frames), by=9e6, per_tick=1e6)]
    assert set(named(frames, noise)) == {Cause.UNEXPLAINED}
    causes, _ = explained(frames, noise)
    assert "no longer than usual" in causes[0].evidence


def test_frames_that_waited_are_queued_behind_the_one_that_was_stopped() -> None:
    """One stop makes one frame slow, drops some, delays others: all are its doing, and say so."""
    frames = serve(PLAN, extra_ms={300: 400.0})
    start = when_ns(frames, 300) + 5 * NS_PER_MS
    stop = level(PLAN, "hilrig.process.stopped", usual=0, other=1, during_ns=[(start, start + 390 * NS_PER_MS)])
    causes, worst = explained(frames, [stop])
    assert {count.cause: count.n_frames for count in causes} == {Cause.STOPPED: over_limit(frames)}
    assert causes[0].n_frames > 5
    by_id = {frame.frame_id: frame for frame in worst}
    assert by_id[300].evidence.startswith("The target's process was seen stopped")
    assert by_id[301].outcome == "dropped"
    assert by_id[301].evidence.startswith("Dropped behind frame 300: ")
    waited = next(frame for frame in worst if frame.outcome == "decided" and frame.frame_id > 305)
    assert waited.evidence.startswith("Queued behind frame 300: ")


def test_a_target_stopped_while_it_was_idle_is_named_for_dropped_frames_too() -> None:
    """Frames that a free target did not take have no frame to blame: the stop itself covers them."""
    frames = serve(PLAN, away_ms={300: 400.0})
    assert over_limit(frames) >= 8
    start = when_ns(frames, 300)
    stop = level(PLAN, "hilrig.process.stopped", usual=0, other=1, during_ns=[(start, start + 390 * NS_PER_MS)])
    assert named(frames, [stop]) == {Cause.STOPPED: over_limit(frames)}


def test_a_spike_is_not_blamed_on_what_happened_at_another_time() -> None:
    """Evidence a second away from a slow frame explains nothing."""
    frames = slow()
    away = [t + 500 * NS_PER_MS for t in within(frames)]
    curves = [
        lasting(GC_PAUSE, [(t, 78) for t in away]),
        lasting(HOST_STALL, [(t, 78) for t in away]),
        jump(PLAN, "hilrig.process.run_delay", away, by=70e6),
    ]
    assert set(named(frames, curves)) == {Cause.UNEXPLAINED}


def test_the_larger_share_wins() -> None:
    """A collection of 70 ms, not a stall of 8 ms in the same frame, made it 80 ms late."""
    frames = slow()
    curves = [
        lasting(HOST_STALL, [(t, 8) for t in within(frames)]),
        lasting(GC_PAUSE, [(t, 70) for t in within(frames, 8)]),
    ]
    assert set(named(frames, curves)) == {Cause.GARBAGE_COLLECTION}


def test_a_large_share_beats_a_more_direct_one() -> None:
    """A stall that covers more than half of the excess gives way to a collection that covers all of it."""
    frames = slow()
    curves = [
        lasting(HOST_STALL, [(t, 45) for t in within(frames)]),
        lasting(GC_PAUSE, [(t, 79) for t in within(frames)]),
    ]
    assert set(named(frames, curves)) == {Cause.GARBAGE_COLLECTION}


def test_a_frame_that_was_no_later_than_usual_is_not_put_down_to_its_neighbour() -> None:
    """Over the limit like every frame of this model: a collection that it hardly waited behind did not do it."""
    plan = replace(PLAN, limits=(replace(P99, limit=25.0),))
    frames = serve(plan, service_ms=30.0, extra_ms={100: 10.0})
    collection = lasting(GC_PAUSE, [(when_ns(frames, 100) + 5 * NS_PER_MS, 10)])
    assert named(frames, [collection], plan=plan) == {Cause.UNEXPLAINED: 897, Cause.GARBAGE_COLLECTION: 3}
    worst = explained(frames, [collection], plan=plan)[1]
    assert [frame.cause for frame in worst] == [Cause.GARBAGE_COLLECTION] * 3 + [Cause.UNEXPLAINED] * 17


def test_a_share_below_half_is_no_cause() -> None:
    """What explains 30 of 80 ms is named in the evidence, but not as the cause."""
    frames = slow()
    causes, _ = explained(frames, [lasting(GC_PAUSE, [(t, 30) for t in within(frames)])])
    assert [count.cause for count in causes] == [Cause.UNEXPLAINED]
    assert "the most is garbage collection with 30 ms" in causes[0].evidence


def test_disk_pressure_is_not_the_cause_of_a_target_that_computed() -> None:
    """A target that was on its CPU all the time did not wait for the disk, whoever else did."""
    frames = slow()
    pressure = jump(PLAN, "hilrig.system.pressure", within(frames), by=75_000, attributes=IO)
    computing = jump(PLAN, "process.cpu.time", within(frames), by=0.08, attributes=(("cpu.mode", "user"),))
    assert set(named(frames, [pressure])) == {Cause.IO_PRESSURE}
    assert set(named(frames, [pressure, computing])) == {Cause.UNEXPLAINED}


@pytest.mark.parametrize("reason", [OutcomeReason.INFERENCE_ERROR, OutcomeReason.BAD_ANSWER])
def test_a_failing_pipeline_is_not_excused_by_the_machine(reason: OutcomeReason) -> None:
    """An error is no lateness: a stall in the same moment is not its cause."""
    frames = serve(PLAN)
    frames["outcome"][list(HIT)], frames["reason"][list(HIT)] = Outcome.FAILED, reason
    frames["t_decided_ns"][list(HIT)] = 0
    causes, _ = explained(frames, [lasting(HOST_STALL, [(t, 30) for t in within(frames)])])
    assert [(count.cause, count.n_frames) for count in causes] == [(Cause.UNEXPLAINED, len(HIT))]
    assert "the pipeline failed on it" in causes[0].evidence.lower()


def test_a_run_throttled_for_most_of_its_time_is_still_explained() -> None:
    """With two thirds of the frames slow the median is slow too; usual is what frames within the limit took."""
    slow_ids = range(330, 930)
    plan = replace(PLAN, limits=(replace(P99, limit=15.0),))
    frames = serve(plan, extra_ms=dict.fromkeys(slow_ids, 15.0))
    during = [when_ns(frames, frame_id) for frame_id in range(331, 930, 30)]
    counter = jump(plan, "hilrig.hw.throttle.events", during, by=3, tier=Tier.SLOW)
    causes = named(frames, [counter], plan=plan)
    assert causes[Cause.THROTTLE] >= 0.95 * len(slow_ids)


@pytest.mark.parametrize(
    ("limits", "limit_ms"),
    [
        ([P99, make_limit("latency.p95_max_ms", "latency_p95_ms", 20, "ms")], 45.0),
        (
            [
                make_limit("latency.p95_max_ms", "latency_p95_ms", 20, "ms"),
                make_limit("latency.p50_max_ms", "latency_p50_ms", 18, "ms"),
            ],
            18.0,
        ),
        ([], 30.15),
    ],
)
def test_the_limit_is_the_p99_limit_else_the_smallest_else_three_medians(limits, limit_ms) -> None:
    """Which frames count as late follows the plan's latency limits."""
    plan = make_plan(n_measured=300, limits=limits)
    record = make_record(plan, frames=serve(plan))
    assert attribute(cut(record), Telemetry(record), ()).limit_ns == pytest.approx(limit_ms * NS_PER_MS, rel=1e-3)


def test_causes_come_in_the_order_of_their_number() -> None:
    """The most frequent cause is the first line of the report."""
    frames = slow()
    collections, gaps = within(frames)[:5], within(frames)[5:]
    curves = [lasting(GC_PAUSE, [(t, 78) for t in collections]), lasting(HOST_STALL, [(t, 78) for t in gaps])]
    causes, _ = explained(frames, curves)
    assert [count.cause for count in causes] == [Cause.HOST_STALL, Cause.GARBAGE_COLLECTION]
    assert all(isinstance(count, CauseCount) and count.evidence for count in causes)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_every_frame_over_the_limit_is_counted_once(data) -> None:
    """Whatever stamps and readings are, torn ones included, no frame is lost from the count and nothing raises."""
    plan = make_plan(n_measured=40, n_warmup=5)
    n = data.draw(st.integers(0, plan.n_frames), label="frames recorded")
    frames = make_frames(plan)[:n]
    stamp = st.integers(-(1 << 40), 1 << 40)
    for name in ("t_release_ns", "t_dequeue_ns", "t_decided_ns"):
        rows = data.draw(st.lists(st.integers(0, max(0, n - 1)), max_size=8 if n else 0), label=name)
        for row in rows:
            frames[name][row] += data.draw(stamp)
    for row in data.draw(st.lists(st.integers(0, max(0, n - 1)), max_size=8 if n else 0), label="undecided"):
        frames["outcome"][row] = data.draw(st.sampled_from([Outcome.DROPPED, Outcome.FAILED]))
        frames["t_decided_ns"][row] = 0
        frames["t_dequeue_ns"][row] = data.draw(st.sampled_from([0, int(frames["t_dequeue_ns"][row])]))
    values = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12)
    curves = [
        replace(curve, points=tuple((t, data.draw(values)) for t, _ in curve.points[:5]))
        for curve in (
            jump(plan, "hilrig.process.run_delay", [], by=0),
            level(plan, "hilrig.process.stopped", usual=0, other=1, during_ns=[]),
        )
    ]
    record = make_record(plan, frames=frames, curves=curves, events=())
    window = cut(record)
    telemetry = Telemetry(record)
    attribution = attribute(window, telemetry, ())
    n_over = int(np.count_nonzero(window.latency_ns > attribution.limit_ns))
    assert sum(count.n_frames for count in count_causes(attribution)) == n_over
    worst = worst_frames(window, attribution, telemetry, record.truths)
    assert all(isinstance(frame, WorstFrame) and (frame.cause is None) == (not frame.evidence) for frame in worst)
