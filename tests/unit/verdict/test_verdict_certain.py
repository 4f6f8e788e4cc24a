"""An early FAIL is certain: whatever the remaining frames do, and also if the run ends there."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from builders import NS_PER_MS, P99, T0_NS, make_events, make_frames, make_limit, make_plan, make_record, undecide
from hilrig.core.arrivals import schedule
from hilrig.core.frame import FrameTable, Outcome, OutcomeReason
from hilrig.core.metrics import METRICS
from hilrig.core.profile import ArrivalModel, ArrivalSpec, OnFull, QueueSpec
from hilrig.core.run import Ended, Pacing, RunPlan
from hilrig.core.verdict import CheckStatus, Judgement, RunStatus
from hilrig.verdict.certain import CertainFailure, n_over_to_fail
from hilrig.verdict.judge import judge
from hilrig.verdict.statistics.percentile_bounds import design_effect, lower_rank, most_refuted
from hilrig.verdict.window import STAMPS

FPS = 30
P50 = make_limit("latency.p50_max_ms", "latency_p50_ms", 45.0, "ms")
P999 = make_limit("latency.p99_9_max_ms", "latency_p99_9_ms", 45.0, "ms")
DROPS = make_limit("frames.drop_max_pct", "drop_pct", 1.0, "%")
FAILED = make_limit("frames.failed_max_pct", "failed_pct", 0.0, "%")
IN_A_ROW = make_limit("frames.consecutive_drops_max", "consecutive_drops", 3.0, "frames")
GAP = make_limit("latency.decision_gap_max_ms", "decision_gap_ms", 500.0, "ms")
ARRIVALS = (
    ArrivalSpec(),
    ArrivalSpec(camera_offsets_ms=(0.0, 5.0, 40.0)),
    ArrivalSpec(model=ArrivalModel.JITTER, jitter_ms=15.0, seed=3),
    ArrivalSpec(model=ArrivalModel.BURST, burst_frames=8, burst_spacing_ms=1.0),
    ArrivalSpec(model=ArrivalModel.POISSON, seed=5),
)
ALL_LIMITS = (P50, P99, P999, DROPS, FAILED, IN_A_ROW, GAP)


def end_of(frames: FrameTable) -> int:
    """Return a moment by which all these frames have been decided and no other one was due."""
    return int(frames["t_intended_ns"][-1])


def first_reason(plan: RunPlan, frames: FrameTable, *, batch: int = 50) -> tuple[int, str] | None:
    """Return after how many frames FAIL became certain, with the reason; None when it never did."""
    certain = CertainFailure(plan)
    for end in range(batch, len(frames) + batch, batch):
        taken = frames[end - batch : end]
        certain.update(taken)
        reason = certain.reason(now_ns=end_of(taken))
        if reason is not None:
            return min(end, len(frames)), reason
    return None


def ended_early(plan: RunPlan, frames: FrameTable) -> Judgement:
    """Judge the record of a run that was ended because its FAIL was certain."""
    return judge(make_record(plan, frames=frames, events=make_events(plan, ended=Ended.DECIDED_EARLY)))


def failed_titles(judgement: Judgement) -> list[str]:
    """Return the titles of the checks that failed, also if a self-check excused them (a rate needs two frames)."""
    return [
        METRICS[one.metric].title
        for one in judgement.checks
        if one.status is CheckStatus.FAIL or "Not held against the model" in one.sentence
    ]


def assert_names_a_failed_check(reason: str, judgement: Judgement) -> None:
    """The check that a reason speaks of is a FAIL of the judgement."""
    assert any(reason.lower().startswith(f"{title}:".lower()) for title in failed_titles(judgement)), reason


def test_a_sound_run_is_never_ended() -> None:
    """No reason, however long it goes well: a pass is for the end."""
    plan = make_plan(limits=ALL_LIMITS)
    assert first_reason(plan, make_frames(plan)) is None


@pytest.mark.parametrize(
    ("limit", "enough"),
    [(DROPS, 19), (FAILED, 1), (IN_A_ROW, 4)],
    ids=lambda value: getattr(value, "metric", None),
)
def test_a_count_over_its_limit_is_certain_and_one_less_is_not(limit, enough) -> None:
    """1 % of 1800 frames is 18: the nineteenth drop decides, in the first minute as in the last."""
    plan = make_plan(n_measured=1800, limits=[limit])
    outcome = "failed" if limit is FAILED else "dropped"
    for count, is_certain in ((enough - 1, False), (enough, True)):
        frames = make_frames(plan, **{outcome: range(100, 100 + count)})
        found = first_reason(plan, frames, batch=1)
        assert (found is not None) is is_certain
        assert found is None or found[0] == 100 + count


def test_warm_up_frames_do_not_count() -> None:
    """A cold start that drops and fails frames ends nothing."""
    plan = make_plan(n_warmup=60, limits=[P99, DROPS, FAILED, IN_A_ROW])
    latency_ms = np.where(np.arange(plan.n_frames) < 60, 900.0, 10.0)
    assert first_reason(plan, make_frames(plan, latency_ms=latency_ms, dropped=range(30), failed=[40])) is None


def test_drops_in_a_row_are_counted_across_batches() -> None:
    """Where one batch of records ends is no end of a row."""
    plan = make_plan(limits=[IN_A_ROW])
    for batch in (1, 2, 3, 7, 50):
        assert first_reason(plan, make_frames(plan, dropped=range(98, 102)), batch=batch) is not None


def test_frames_of_the_end_of_the_run_do_not_count() -> None:
    """What the stop took the decision from is no drop of the model's."""
    plan = make_plan(limits=[DROPS, IN_A_ROW, GAP])
    frames = make_frames(plan)
    undecide(frames, range(100, 400), outcome=Outcome.DROPPED, reason=OutcomeReason.RUN_ENDED)
    assert first_reason(plan, frames[:400]) is None


@pytest.mark.parametrize("hours", [1, pytest.param(8, marks=pytest.mark.nightly)])
def test_every_second_frame_too_slow_ends_a_long_run_early(hours) -> None:
    """The worst clustering is assumed for all that is to come; still 11 % of the run decide it, of any length."""
    plan = make_plan(n_measured=hours * 3600 * FPS, limits=[P99])
    frames = make_frames(plan, latency_ms=np.where(np.arange(plan.n_frames) % 2, 90.0, 10.0))
    found = first_reason(plan, frames, batch=1000)
    assert found is not None
    n_frames, reason = found
    assert n_frames < 0.11 * plan.n_frames
    assert_names_a_failed_check(reason, judge(make_record(plan, frames=frames)))
    assert_names_a_failed_check(reason, ended_early(plan, frames[:n_frames]))


def test_a_run_that_ends_before_its_2001st_frame_needs_more_over_the_limit() -> None:
    """Up to 2000 frames are judged in larger batches: what decides a run of 2100 frames may not decide 1500."""
    plan = make_plan(n_measured=2100, n_warmup=0, limits=[P99])
    slow = (np.arange(plan.n_frames) >= 1390) & (np.arange(plan.n_frames) < 1500)
    frames = make_frames(plan, latency_ms=np.where(slow, 90.0, 10.0))
    assert ended_early(plan, frames[:1500]).status is RunStatus.INCONCLUSIVE
    found = first_reason(plan, frames, batch=1)
    assert found is not None
    assert found[0] == 2001
    assert_names_a_failed_check(found[1], ended_early(plan, frames[:2001]))


def test_a_gap_is_certain_when_later_frames_are_due() -> None:
    """A second without a decision ends the run soon after it, not at its end."""
    plan = make_plan(limits=[GAP])
    found = first_reason(plan, make_frames(plan, dropped=range(300, 330)), batch=1)
    assert found is not None
    assert 315 <= found[0] <= 331


def test_an_unpaced_run_has_no_gap_to_find() -> None:
    """Without a grid nobody knows when a frame was due; counts are counts all the same."""
    plan = make_plan(limits=[GAP, FAILED], pacing=Pacing.UNPACED)
    assert first_reason(plan, make_frames(plan, dropped=range(300, 360))) is None
    assert first_reason(plan, make_frames(plan, failed=[300])) is not None


@pytest.mark.parametrize("permille", [500, 950, 990, 999])
@pytest.mark.parametrize("fewest", [29, 99])
def test_the_worst_clustering_is_close_to_the_fewest_independent_frames(permille, fewest) -> None:
    """The search for it may stop at three times as many: from twice on, less is needed everywhere (to 3000)."""
    shares = {m: (m - most_refuted(m, permille / 1000)) / m for m in range(fewest, 3000)}
    worst = max(shares.values())
    assert max(share for m, share in shares.items() if m >= 2 * fewest) < 0.95 * worst


@st.composite
def clustered(draw: st.DrawFn, n: int, n_over: int) -> NDArray[np.bool_]:
    """Return `n` frames of which `n_over` are over: in blocks of some length, some distance apart."""
    block = draw(st.integers(1, n_over))
    gap = draw(st.integers(0, 2 * n // (n_over // block + 1)))
    place = np.arange(n_over) + np.arange(n_over) // block * gap + draw(st.integers(0, n))
    over = np.zeros(n, np.bool_)
    over[place % n] = True
    free = np.flatnonzero(~over)
    over[free[: n_over - int(over.sum())]] = True
    return over


@given(st.data(), st.integers(1, 3000), st.sampled_from([500, 950, 990, 999]))
def test_so_many_over_the_limit_fail_however_they_cluster(data, n, permille) -> None:
    """The count that is called enough makes the lower bound exceed the limit for every clustering."""
    n_over = n_over_to_fail(n, permille)
    if n_over > n:
        return  # so few frames never fail for certain
    over = data.draw(clustered(n, n_over))
    assert int(over.sum()) == n_over
    lower = lower_rank(n, permille, design_effect(over))
    assert lower is not None
    assert n_over > n - lower


def planned_frames(plan: RunPlan, *, latency_ms: float = 10.0) -> FrameTable:
    """Return one decided frame for each arrival of the plan, released when it is due."""
    frames = make_frames(plan, latency_ms=latency_ms, lateness_us=0)
    shift_ns = T0_NS + schedule(plan).offsets_ns(np.arange(plan.n_frames)) - frames["t_intended_ns"]
    for name in STAMPS:
        frames[name] += shift_ns
    return frames


@dataclass
class Line:
    """A simulated run: the record of every frame, and when the worker was done with it."""

    frames: FrameTable
    done_ns: NDArray[np.int64]


def simulate(
    plan: RunPlan, service_ms: NDArray[np.float64], *, failed: NDArray[np.bool_], n_released: int
) -> Line:
    """Return what camera, queue and one worker make of these service times, as `hilrig.run` does it."""
    frames = planned_frames(plan)[:n_released]
    due_ns = frames["t_intended_ns"]
    done_ns = np.zeros(n_released, np.int64)
    free_ns, waiting = 0, 0
    for index in range(n_released):
        start_ns = max(free_ns, int(due_ns[index]))
        n_waiting = int(np.searchsorted(due_ns, start_ns, side="right")) - index
        keeps = plan.queue.depth if plan.queue.on_full is OnFull.DROP_OLDEST else n_released
        if plan.queue.on_full is OnFull.DROP_NEWEST:
            waiting = int(np.count_nonzero(done_ns[:index] > due_ns[index]))
        if n_waiting > keeps or waiting > plan.queue.depth:
            undecide(frames, [index], outcome=Outcome.DROPPED, reason=OutcomeReason.QUEUE_FULL)
            done_ns[index] = free_ns = start_ns
            continue
        free_ns = start_ns + int(service_ms[index] * NS_PER_MS)
        done_ns[index] = free_ns
        for share, name in enumerate(("t_dequeue_ns", "t_preprocessed_ns", "t_inferred_ns", "t_decided_ns")):
            frames[name][index] = start_ns + (free_ns - start_ns) * share // 3
        if failed[index]:
            undecide(frames, [index], outcome=Outcome.FAILED, reason=OutcomeReason.INFERENCE_ERROR)
    return Line(frames, np.maximum.accumulate(done_ns))


def taken_by(line: Line, now_ns: int) -> int:
    """Return how many frames the worker was done with at a moment: it passes them in order."""
    return int(np.searchsorted(line.done_ns, now_ns, side="right"))


@st.composite
def troubles(draw: st.DrawFn, n: int) -> NDArray[np.float64]:
    """Return service times of `n` frames in ms: fast ones, with slow stretches and single long holds."""
    service_ms = np.full(n, draw(st.floats(1, 60)))
    for _ in range(draw(st.integers(0, 3))):
        first = draw(st.integers(0, n - 1))
        service_ms[first : first + draw(st.integers(1, 60))] = draw(st.floats(1, 120))
    for _ in range(draw(st.integers(0, 2))):
        service_ms[draw(st.integers(0, n - 1))] = draw(st.floats(1, 3000))
    return service_ms


@settings(deadline=None, max_examples=50)  # each judges a run four times; any one wrong "certain" is a failure
@given(
    st.data(),
    st.sampled_from(ALL_LIMITS),
    st.integers(20, 260),
    st.integers(0, 20),
    st.integers(1, 6),
    st.sampled_from([OnFull.DROP_OLDEST, OnFull.DROP_NEWEST]),
    st.sampled_from(ARRIVALS),
)
def test_what_is_certain_cannot_be_undone(data, limit, n_measured, n_warmup, depth, on_full, arrivals) -> None:
    """Whenever there is a reason: the run as it went on, its best possible end, and its end there all FAIL."""
    plan = make_plan(n_measured=n_measured, n_warmup=n_warmup, limits=[limit])
    plan = replace(plan, queue=QueueSpec(depth=depth, on_full=on_full), arrivals=arrivals)
    service_ms = data.draw(troubles(plan.n_frames))
    failed = np.zeros(plan.n_frames, np.bool_)
    failed[data.draw(st.lists(st.integers(0, plan.n_frames - 1), max_size=3))] = True
    line = simulate(plan, service_ms, failed=failed, n_released=plan.n_frames)
    certain, n_taken = CertainFailure(plan), 0
    poll_ns = data.draw(st.integers(20, 400)) * NS_PER_MS
    for now_ns in range(T0_NS, int(line.done_ns[-1]) + poll_ns, poll_ns):
        n_now = taken_by(line, now_ns)
        certain.update(line.frames[n_taken:n_now])
        n_taken = n_now
        reason = certain.reason(now_ns=now_ns)
        if reason is None:
            continue
        assert_names_a_failed_check(reason, judge(make_record(plan, frames=line.frames)))
        assert_names_a_failed_check(reason, judge(make_record(plan, frames=best_end(plan, line, n_taken, now_ns))))
        for frames in ends_there(plan, line, service_ms, failed, n_taken, now_ns):
            assert_names_a_failed_check(reason, ended_early(plan, frames))
        return


def best_end(plan: RunPlan, line: Line, n_taken: int, now_ns: int) -> FrameTable:
    """Return the record if all that was not done yet is decided at once, and every later frame when it is due."""
    frames = planned_frames(plan, latency_ms=0.01)
    late = frames["t_decided_ns"] < now_ns
    for name in ("t_dequeue_ns", "t_preprocessed_ns", "t_inferred_ns", "t_decided_ns"):
        frames[name] = np.where(late, now_ns + 1, frames[name])
    frames[:n_taken] = line.frames[:n_taken]
    return frames


def ends_there(
    plan: RunPlan,
    line: Line,
    service_ms: NDArray[np.float64],
    failed: NDArray[np.bool_],
    n_taken: int,
    now_ns: int,
) -> list[FrameTable]:
    """Return the records of a run that ends now: by a target that never answers again, and by one that does."""
    n_released = max(n_taken, int(np.searchsorted(line.frames["t_intended_ns"], now_ns, side="right")))
    never = planned_frames(plan)[:n_released]
    undecide(never, range(n_taken, n_released), outcome=Outcome.DROPPED, reason=OutcomeReason.RUN_ENDED)
    if plan.queue.on_full is OnFull.DROP_NEWEST:  # the camera drops by itself what does not fit
        never["reason"][n_taken + plan.queue.depth + 1 :] = OutcomeReason.QUEUE_FULL
    never[:n_taken] = line.frames[:n_taken]
    return [never, simulate(plan, service_ms, failed=failed, n_released=n_released).frames]


@pytest.mark.parametrize("on_full", [OnFull.DROP_OLDEST, OnFull.DROP_NEWEST])
def test_a_target_that_never_answers_again_is_found_while_it_hangs(on_full) -> None:
    """Half a second is allowed, four frames may wait: the run ends within 0.8 s, with nothing new recorded."""
    plan = replace(make_plan(limits=[GAP]), queue=QueueSpec(depth=4, on_full=on_full))
    certain, frames = CertainFailure(plan), make_frames(plan)
    certain.update(frames[:300])
    hang_ns = int(frames["t_decided_ns"][299])
    assert certain.reason(now_ns=hang_ns + 450 * NS_PER_MS) is None
    assert certain.reason(now_ns=hang_ns + 800 * NS_PER_MS) is not None


def test_a_target_that_hangs_while_the_camera_waits_for_it_is_not_ended() -> None:
    """With `block` no frame is ever too old: nothing of the hang would stand in a record that ends here."""
    plan = replace(make_plan(limits=[GAP]), queue=QueueSpec(depth=4, on_full=OnFull.BLOCK))
    certain, frames = CertainFailure(plan), make_frames(plan)
    certain.update(frames[:300])
    assert certain.reason(now_ns=end_of(frames)) is None


def test_a_run_that_ended_by_certainty_is_whole() -> None:
    """The early end is no fault of the harness: the self-check says why the run was short, and holds."""
    plan = make_plan(limits=[FAILED])
    events = make_events(plan, ended=Ended.DECIDED_EARLY, reason="Failed frames: already 1 of 1800.")
    judgement = judge(make_record(plan, frames=make_frames(plan, failed=[100])[:120], events=events))
    completed = next(one for one in judgement.self_checks if one.check_id == "run.completed")
    assert completed.ok
    assert "already 1 of 1800" in completed.sentence
