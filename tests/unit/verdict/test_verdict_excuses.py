"""Failed self-checks that excuse the model, and those that do not."""

from dataclasses import replace

import numpy as np
import pytest

from builders import (
    cpu_time,
    edges_ns,
    make_capability,
    make_event,
    make_events,
    make_frames,
    make_limit,
    make_plan,
    make_record,
    memory_peak,
    rising,
    undecide,
)
from hilrig.core.frame import Outcome, OutcomeReason, Truth
from hilrig.core.run import Ended
from hilrig.core.telemetry import ChannelKind
from hilrig.core.verdict import RunStatus
from hilrig.verdict.judge import judge

PLAN = make_plan()


def test_late_camera_is_not_blamed_on_the_model() -> None:
    """Late releases make every latency worse: the failed limit becomes INCONCLUSIVE and says why."""
    frames = make_frames(PLAN, latency_ms=90.0, lateness_us=60_000.0)
    judgement = judge(make_record(PLAN, frames=frames))
    (check,) = judgement.checks
    assert (check.status.value, judgement.status) == ("INCONCLUSIVE", RunStatus.INCONCLUSIVE)
    assert "Not held against the model, because the run is not sound: feeder.lateness." in check.sentence


@pytest.mark.parametrize("metric", ["failed_pct", "host_memory_peak_mib"])
def test_late_camera_excuses_no_memory_and_no_failures(metric: str) -> None:
    """What lateness cannot have caused stays a FAIL."""
    plan = make_plan(limits=[make_limit("some.limit", metric, 0.5, "%")])
    frames = make_frames(plan, lateness_us=9000.0, failed=range(100, 200))
    assert judge(make_record(plan, frames=frames, curves=[memory_peak(plan, 99)])).status is RunStatus.FAIL


def test_late_camera_excuses_a_drift_but_no_wrong_decision() -> None:
    """A camera that becomes late makes latency grow; it makes nobody see a defect that is not there."""
    limits = [
        make_limit("latency.drift_max_pct", "latency_drift_pct", 5, "%"),
        make_limit("detection.min_precision", "detection_precision", 0.9, "1", at_least=True),
    ]
    plan = make_plan(limits=limits)
    late_us = np.linspace(0, 30_000, plan.n_frames)
    frames = make_frames(plan, latency_ms=10 + late_us / 1000, lateness_us=late_us, defects=1)
    drift, precision = judge(make_record(plan, frames=frames, truths=[Truth(labels=())])).checks
    assert (drift.status.value, precision.status.value) == ("INCONCLUSIVE", "FAIL")
    assert "feeder.lateness" in drift.sentence


def test_stolen_time_excuses_drops() -> None:
    """On a machine whose CPUs were taken away, dropped frames prove nothing against the model."""
    plan = make_plan(limits=[make_limit("frames.drop_max_pct", "drop_pct", 0.5, "%")])
    frames = make_frames(plan, dropped=range(100, 200))
    assert (
        judge(make_record(plan, frames=frames, curves=cpu_time(plan, steal_s=9))).status is RunStatus.INCONCLUSIVE
    )
    assert judge(make_record(plan, frames=frames, curves=cpu_time(plan))).status is RunStatus.FAIL


def test_lost_worker_with_unanswered_frames_is_inconclusive() -> None:
    """A process that died leaves frames without answer: they are cut, and the run decides nothing."""
    frames = make_frames(PLAN)[:1000]
    undecide(frames, range(800, 1000), outcome=Outcome.DROPPED, reason=OutcomeReason.RUN_ENDED)
    end_ns = edges_ns(PLAN)[1]
    lost = make_event("child_lost", end_ns, role="worker", how="signal 11")
    events = [*make_events(PLAN, ended=Ended.PROCESS_LOST), lost]
    assert judge(make_record(PLAN, frames=frames, events=events)).status is RunStatus.INCONCLUSIVE


def test_a_target_that_hangs_is_not_excused_by_its_own_end() -> None:
    """A gap over the limit that ends with the target's process being given up is the target's: FAIL."""
    gap = make_limit("latency.decision_gap_max_ms", "decision_gap_ms", 1000, "ms")
    plan = replace(PLAN, limits=(gap,))
    frames = make_frames(plan)[:1000]
    undecide(frames, range(900, 990), outcome=Outcome.FAILED, reason=OutcomeReason.NO_ANSWER)
    lost = make_event("child_lost", role="worker", how="it did not come back from a frame")
    events = [*make_events(plan, ended=Ended.DECIDED_EARLY), lost]
    judgement = judge(make_record(plan, frames=frames, events=events))
    assert judgement.status is RunStatus.FAIL
    instrument = make_event("child_lost", role="feeder", how="signal 9")
    events = [*make_events(plan, ended=Ended.DECIDED_EARLY), instrument]
    assert judge(make_record(plan, frames=frames, events=events)).status is RunStatus.INCONCLUSIVE


@pytest.mark.parametrize("metric", ["thermal_throttle_events", "power_throttle_events", "undervoltage_events"])
def test_a_restart_excuses_what_counters_of_throttling_say(metric: str) -> None:
    """Counters that began again with another boot prove no event of this run."""
    cause = metric.partition("_")[0]
    counter = make_capability(
        "hilrig.hw.throttle.events",
        unit="{event}",
        kind=ChannelKind.COUNTER,
        attributes=(("cause", cause), ("hw.id", "soc")),
    )
    plan = make_plan(limits=[make_limit("resources.allowed", metric, 0, "events")])
    curves = [rising(plan, counter, 1, 4)]
    assert judge(make_record(plan, curves=curves)).status is RunStatus.FAIL
    events = [event for event in make_events(plan) if event.kind != "run_ended"]
    restarted = [*events, make_event("run_ended", ended="completed", boot_id="boot-2", n_lost_records=0)]
    (check,) = judge(make_record(plan, curves=curves, events=restarted)).checks
    assert check.status.value == "INCONCLUSIVE"
    assert "host.boot" in check.sentence
