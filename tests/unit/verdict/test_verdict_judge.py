"""The judgement as a whole: status, sentence, views, and that nothing but the record decides."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import (
    MIB,
    NS_PER_MS,
    NS_PER_S,
    P99,
    Curve,
    cpu_time,
    edges_ns,
    make_capability,
    make_frames,
    make_limit,
    make_plan,
    make_record,
    memory_peak,
    steady,
)
from hilrig.config.noun_json import from_json, to_json
from hilrig.core.accelerator import AcceleratorProof
from hilrig.core.canonical import canonical_json
from hilrig.core.frame import FRAME_DTYPE, Truth
from hilrig.core.run import RunRecord
from hilrig.core.telemetry import HOST_STALL
from hilrig.core.verdict import Judgement, RunStatus
from hilrig.verdict.judge import judge
from watched_rigs import key_of, record, rtx, stepping

DROPS = make_limit("frames.drop_max_pct", "drop_pct", 0.5, "%")
MEMORY = make_limit("resources.host_memory_max_mb", "host_memory_peak_mib", 512, "MiB")
DURATION = make_limit("latency.duration_minutes", "duration_min", 1, "min", at_least=True)


def stormy_record() -> RunRecord:
    """Return a record with drops, failures, slow frames, telemetry and truths."""
    plan = make_plan(limits=[P99, DROPS, MEMORY, DURATION])
    latency_ms = 10 + np.random.default_rng(7).gamma(2, 4, plan.n_frames)
    frames = make_frames(plan, latency_ms=latency_ms, dropped=[100, 101, 900], failed=[1200])
    truths = [Truth(labels=("crack",)), Truth(labels=()), Truth(labels=None)]
    return make_record(plan, frames=frames, truths=truths, curves=[memory_peak(plan, 100)])


def digest(judgement: Judgement) -> str:
    """Return the sha256 of a judgement's canonical JSON."""
    return hashlib.sha256(canonical_json(asdict(judgement))).hexdigest()


# --- status and sentence -------------------------------------------------------------------------------------


def test_pass_names_the_closest_limit() -> None:
    """The duration is what was asked for, so it is no margin of the model."""
    plan = make_plan(limits=[P99, DROPS, MEMORY, DURATION])
    judgement = judge(make_record(plan, curves=[memory_peak(plan, 500), *cpu_time(plan)]))
    assert judgement.status is RunStatus.PASS
    assert judgement.sentence == (
        "All 4 limits hold; the closest is host memory peak of the target: 500 MiB, at most 512 MiB allowed."
    )


def test_pass_of_a_single_limit_without_margin() -> None:
    """A limit of 0 has no margin to name."""
    plan = make_plan(limits=[make_limit("frames.failed_max_pct", "failed_pct", 0, "%")])
    assert judge(make_record(plan)).sentence == "The only limit holds."


def test_fail_names_the_worst_failed_check() -> None:
    """Of two failed limits the one further beyond its limit is named, the other counted."""
    plan = make_plan(limits=[MEMORY, P99])
    record = make_record(plan, frames=make_frames(plan, latency_ms=90.0), curves=[memory_peak(plan, 520)])
    judgement = judge(record)
    assert judgement.status is RunStatus.FAIL
    assert judgement.sentence == (
        "Latency p99: 90 ms, over the limit of 45 ms (1800 of 1800 frames over it). 1 other check failed too."
    )


def test_infinite_latency_is_the_worst_failure() -> None:
    """Frames without any decision come before every number."""
    plan = make_plan(limits=[MEMORY, P99])
    frames = make_frames(plan, dropped=range(30, 1830, 2))
    judgement = judge(make_record(plan, frames=frames, curves=[memory_peak(plan, 99_999)]))
    assert judgement.sentence.startswith("Latency p99: infinite (50 % of frames got no decision)")


def test_inconclusive_names_its_reasons() -> None:
    """Failed self-checks first, then open checks; a reader knows what to do next."""
    plan = make_plan(n_measured=300, limits=[P99])
    judgement = judge(make_record(plan, frames=make_frames(plan, lateness_us=4000.0)))
    assert judgement.status is RunStatus.INCONCLUSIVE
    assert judgement.sentence.startswith("The camera was late")
    assert "fewer than 459 frames" in judgement.sentence


def test_run_without_limits_proves_nothing() -> None:
    """No check at all is not a PASS."""
    judgement = judge(make_record(make_plan(limits=[])))
    assert judgement.status is RunStatus.INCONCLUSIVE
    assert judgement.sentence == "No limit was checked, so the run proves nothing."


def test_stalled_target_that_answers_in_a_rush_is_late() -> None:
    """Two seconds of stall show in the latency of all frames that waited, not only in one slow inference."""
    plan = make_plan(n_measured=1800, limits=[P99])
    latency_ms = np.full(plan.n_frames, 10.0)
    latency_ms[600:660] = np.linspace(2000, 34, 60)
    judgement = judge(make_record(plan, frames=make_frames(plan, latency_ms=latency_ms)))
    numbers = {one.metric: one.value for one in judgement.measurements}
    assert numbers["latency_p99_over_limit"] == 59
    assert judgement.status is not RunStatus.PASS


# --- views ---------------------------------------------------------------------------------------------------


def test_worst_frames_are_the_slowest_with_their_stages() -> None:
    """Slowest first, equals in the order of the camera, stages adding up."""
    plan = make_plan()
    latency_ms = np.full(plan.n_frames, 10.0)
    latency_ms[[500, 900, 901]] = [80, 70, 70]
    latency_ms[3] = 999
    worst = judge(make_record(plan, frames=make_frames(plan, latency_ms=latency_ms))).worst_frames
    assert len(worst) == 20
    assert [one.frame_id for one in worst[:3]] == [500, 900, 901]
    first = worst[0]
    parts = (first.feeder_lateness_ms, first.queue_ms, first.preprocess_ms, first.infer_ms, first.decide_ms)
    assert sum(part or 0 for part in parts) == pytest.approx(first.latency_ms)
    assert first.t_s == pytest.approx((500 - 30) / 30)


def test_dropped_frames_come_first_without_hiding_the_slow_ones() -> None:
    """At most ten frames without a decision are shown, with no latency instead of a small one."""
    plan = make_plan()
    frames = make_frames(plan, dropped=range(100, 200), failed=[99])
    worst = judge(make_record(plan, frames=frames)).worst_frames
    assert [one.outcome for one in worst] == ["failed"] + ["dropped"] * 9 + ["decided"] * 10
    assert all(one.latency_ms is None for one in worst[:10])


@given(spike=st.integers(30, 5029))
@settings(max_examples=30, deadline=None)
def test_single_slow_frame_is_visible_in_the_band(spike: int) -> None:
    """However many frames share a bucket, its maximum is that of the raw frames."""
    plan = make_plan(n_measured=5000)
    latency_ms = np.full(plan.n_frames, 10.0)
    latency_ms[spike] = 333.0
    series = judge(make_record(plan, frames=make_frames(plan, latency_ms=latency_ms))).latency_series
    assert len(series) == 600
    assert max(point.max_ms or 0 for point in series) == 333
    assert sum(point.n for point in series) == 5000


def test_slow_frame_among_many_in_a_bucket_is_its_maximum() -> None:
    """With 150 frames in a bucket, the maximum is above its p99 and still shown."""
    plan = make_plan(n_measured=90_000)
    latency_ms = np.full(plan.n_frames, 10.0)
    latency_ms[45_000] = 333.0
    series = judge(make_record(plan, frames=make_frames(plan, latency_ms=latency_ms), curves=[])).latency_series
    assert [(point.max_ms, point.p99_ms) for point in series if point.max_ms != 10] == [(333, 10)]


def test_bucket_without_decisions_has_no_latency() -> None:
    """A blind stretch is a hole in the band with its drops counted, not a line at zero."""
    plan = make_plan(n_measured=1200)
    frames = make_frames(plan, dropped=[130, 131])
    point = judge(make_record(plan, frames=frames)).latency_series[50]
    assert (point.n, point.min_ms, point.max_ms, point.n_dropped) == (2, None, None, 2)


def test_detection_compares_decisions_with_the_truth_of_the_pool() -> None:
    """Pool frame is frame id modulo pool size; frames of unknown truth or without a decision don't count."""
    plan = make_plan(n_measured=400, n_warmup=0, labels=("porosity", "crack"))
    truths = [Truth(labels=("crack",)), Truth(labels=()), Truth(labels=None), Truth(labels=("crack", "porosity"))]
    defects = np.tile(np.array([2, 2, 1, 0], np.uint32), 100)
    frames = make_frames(plan, defects=defects, dropped=[0])
    porosity, crack = judge(make_record(plan, frames=frames, truths=truths)).detection
    assert (crack.true_positive, crack.false_positive, crack.false_negative, crack.true_negative) == (
        99,
        100,
        100,
        0,
    )
    assert crack.precision == 99 / 199
    assert (porosity.true_positive, porosity.false_negative, porosity.true_negative) == (0, 100, 199)
    assert (porosity.precision, porosity.recall) == (None, 0)


def test_unknown_truth_gives_no_quality() -> None:
    """Without any truth precision and recall are None, not 0 and not 1."""
    (label, _) = judge(make_record(make_plan())).detection
    assert (label.precision, label.recall, label.true_negative) == (None, None, 0)


# --- purity --------------------------------------------------------------------------------------------------


def test_equal_records_give_equal_bytes() -> None:
    """The judgement is plain JSON without numpy types, NaN or infinity, and the same every time."""
    assert digest(judge(stormy_record())) == digest(judge(stormy_record()))


def test_bytes_do_not_depend_on_the_process() -> None:
    """Another process with another hash seed judges to the same bytes."""
    here = Path(__file__).parent
    code = "import test_verdict_judge as t; print(t.digest(t.judge(t.stormy_record())))"
    path = os.pathsep.join([str(here), str(here.parents[1]), str(here.parents[2])])
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert printed.strip() == digest(judge(stormy_record()))


def test_judging_leaves_the_record_alone() -> None:
    """The evidence is the same after the verdict as before it."""
    record = stormy_record()
    frames, readings = record.frames.tobytes(), record.readings.tobytes()
    judge(record)
    assert (record.frames.tobytes(), record.readings.tobytes()) == (frames, readings)


@given(
    bytes_of_frames=st.lists(st.binary(min_size=64, max_size=64), max_size=40),
    n_sound=st.sampled_from([0, 100]),
)
@settings(max_examples=60, deadline=None)
def test_garbage_records_never_pass_and_never_raise(bytes_of_frames: Sequence[bytes], n_sound: int) -> None:
    """Whatever bytes stand in the record, there is a judgement in JSON, and it is no PASS."""
    plan = make_plan(n_measured=100, n_warmup=10, limits=[DROPS, MEMORY])
    garbage = np.frombuffer(b"".join(bytes_of_frames), FRAME_DTYPE)
    judgement = judge(make_record(plan, frames=np.concatenate((make_frames(plan)[:n_sound], garbage))))
    canonical_json(asdict(judgement))
    assert judgement.status is not RunStatus.PASS


@given(
    latency_ms=st.floats(0.1, 100),
    n_dropped=st.integers(0, 30),
    n_slow=st.integers(0, 60),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=30, deadline=None)
def test_a_worse_run_is_never_judged_better(latency_ms: float, n_dropped: int, n_slow: int, seed: int) -> None:
    """Making scattered frames slower or dropping them cannot turn a verdict into PASS."""
    plan = make_plan(n_measured=1800, limits=[P99])
    rng = np.random.default_rng(seed)
    picked = rng.permutation(np.arange(30, 1830, 30))
    good = np.full(plan.n_frames, latency_ms)
    bad = good.copy()
    bad[picked[:n_slow]] = 200.0
    better = judge(make_record(plan, frames=make_frames(plan, latency_ms=good))).status
    worse_frames = make_frames(plan, latency_ms=bad, dropped=picked[-n_dropped:].tolist() if n_dropped else [])
    worse = judge(make_record(plan, frames=worse_frames)).status
    assert worse is not RunStatus.PASS or better is RunStatus.PASS


def test_eight_hours_are_judged_in_seconds() -> None:
    """864000 frames under every limit with bounds take far less than the two seconds that are allowed."""
    names = ("p50", "p95", "p99", "p99_9")
    limits = [make_limit(f"latency.{name}_max_ms", f"latency_{name}_ms", 45, "ms") for name in names]
    limits.append(make_limit("latency.drift_max_pct", "latency_drift_pct", 5, "%"))
    limits.append(make_limit("resources.growth", "host_memory_growth_mib_per_h", 5, "MiB/h"))
    plan = make_plan(n_measured=864_000, limits=limits)
    frames = make_frames(make_plan(n_measured=30, n_warmup=0))[np.arange(plan.n_frames) % 30]
    shift_ns = (np.arange(plan.n_frames) // 30) * 1000 * NS_PER_MS
    frames["frame_id"] = np.arange(plan.n_frames)
    for name in FRAME_DTYPE.names or ():
        if name.startswith("t_"):
            frames[name] += shift_ns
    memory = steady(plan, make_capability("process.memory.usage"), 300 * MIB)
    record = make_record(plan, frames=frames, curves=[memory, *cpu_time(plan)])
    before_s = os.times().user
    judgement = judge(record)
    assert judgement.status is RunStatus.PASS
    assert os.times().user - before_s < 2


def test_throttling_and_the_accelerators_proof_are_part_of_the_judgement() -> None:
    """What the page draws under the latency, and what the probe before the run proved, come from the record."""
    proof = AcceleratorProof(
        asked=("CUDAExecutionProvider",),
        available=("CUDAExecutionProvider", "CPUExecutionProvider"),
        active=("CUDAExecutionProvider", "CPUExecutionProvider"),
        distribution="onnxruntime-gpu",
        runtime_version="1.31.1",
        n_frames=10,
        time_share_min_pct=90.0,
        shares=(),
        witnesses=(),
    )
    rig = rtx()
    key = key_of(rig, "throttle.time", "source=hw_thermal")
    judgement = judge(replace(record({**rig, key: stepping(rig[key], by=5e8, at_s=20)}), accelerator=proof))
    (throttled,) = judgement.throttle_windows
    assert (throttled.hw_id, throttled.cause) == ("gpu0", "thermal")
    assert "hw.power{hw.id=gpu0}" in {series.key for series in judgement.telemetry_series}
    assert judgement.accelerator == proof


def test_what_a_page_shows_besides_comes_with_the_judgement() -> None:
    """Budgets, distribution, shares, episodes and queue depth are of the same frames, and survive result.json."""
    plan = make_plan(limits=[P99, DROPS, MEMORY, DURATION])
    stall = Curve(
        capability=make_capability(HOST_STALL, unit="ns"),
        points=((edges_ns(plan)[0] + 5 * NS_PER_S, 40.0 * NS_PER_MS),),
    )
    witnesses = make_record(plan, curves=[stall])
    stormy = replace(stormy_record(), capabilities=witnesses.capabilities, readings=witnesses.readings)
    found = judge(stormy)
    assert [budget.check_id for budget in found.budgets] == [P99.check_id, DROPS.check_id]
    assert found.distribution is not None
    assert sum(found.distribution.counts) + found.distribution.n_undecided == plan.n_measured_frames
    assert sum(share.share_pct for share in found.stage_shares) == pytest.approx(100)
    assert [episode.begin_s for episode in found.episodes] == [5.0]
    assert found.telemetry_series[-1].key == "queue.depth"
    assert from_json(Judgement, to_json(found), what="judgement") == found
