"""The instrument judging itself: its camera, its records, how the run ended."""

import numpy as np
import pytest

from builders import NS_PER_MS, T0_NS, make_event, make_events, make_frames, make_limit, make_plan, make_record
from hilrig.core.frame import FRAME_DTYPE
from hilrig.core.run import Ended, Pacing
from hilrig.core.verdict import RunStatus
from hilrig.verdict.judge import judge
from self_checked import PLAN, self_check, without


def test_sound_run_passes_every_self_check() -> None:
    """The run that the other tests break holds in all respects."""
    judgement = judge(make_record())
    assert [one.check_id for one in judgement.self_checks if not one.ok] == []
    assert len({one.check_id for one in judgement.self_checks}) == 24
    assert judgement.status is RunStatus.PASS


# --- the camera ----------------------------------------------------------------------------------------------


def test_late_camera_is_seen() -> None:
    """More than 1 % of the releases later than 5 % of the period is no camera."""
    late_us = np.where(np.arange(PLAN.n_frames) % 50 == 0, 3000.0, 2.0)
    broken = self_check("feeder.lateness", frames=make_frames(PLAN, lateness_us=late_us))
    assert not broken.ok
    assert "p99 of its lateness 3000 µs, at most 1667 µs allowed" in broken.sentence


def test_lateness_allowance_follows_the_smallest_latency_limit() -> None:
    """Against a limit of 5 ms, half a millisecond of lateness is all that is allowed."""
    limit = make_limit("latency.p50_max_ms", "latency_p50_ms", 5, "ms")
    plan = make_plan(limits=[limit])
    frames = make_frames(plan, latency_ms=2, lateness_us=600.0)
    assert not self_check("feeder.lateness", plan=plan, frames=frames).ok
    assert self_check("feeder.lateness", frames=make_frames(PLAN, lateness_us=600.0)).ok


def test_lateness_during_the_warm_up_is_forgiven() -> None:
    """Only measured frames count."""
    late_us = np.where(np.arange(PLAN.n_frames) < 30, 9000.0, 2.0)
    assert self_check("feeder.lateness", frames=make_frames(PLAN, lateness_us=late_us)).ok


def test_camera_at_the_wrong_rate_is_seen() -> None:
    """A camera that runs 0.2 % slow drifts away from its grid."""
    drift_us = np.arange(PLAN.n_frames, dtype=np.float64) * (1e6 / 30) * 0.002
    broken = self_check(
        "feeder.rate", frames=make_frames(PLAN, latency_ms=drift_us / 1000 + 10, lateness_us=drift_us)
    )
    assert not broken.ok
    assert broken.observed_text.startswith("0.2")


def test_one_late_frame_at_the_edge_is_no_wrong_rate() -> None:
    """A single stall of the last frame is lateness, not drift."""
    late_us = np.where(np.arange(PLAN.n_frames) == PLAN.n_frames - 1, 200_000.0, 2.0)
    frames = make_frames(PLAN, latency_ms=late_us / 1000 + 10, lateness_us=late_us)
    assert self_check("feeder.rate", frames=frames).ok


def test_unpaced_run_never_passes() -> None:
    """Frames released as fast as they are taken prove nothing about a frame rate."""
    plan = make_plan(pacing=Pacing.UNPACED)
    frames = make_frames(plan)
    faster_ns = np.arange(plan.n_frames) * 20 * NS_PER_MS
    for name in FRAME_DTYPE.names or ():
        if name.startswith("t_"):
            frames[name] -= faster_ns
    assert not self_check("feeder.rate", plan=plan, frames=frames).ok
    assert not self_check("feeder.rate", plan=plan, frames=make_frames(plan)).ok  # the right rate by chance


# --- the records ---------------------------------------------------------------------------------------------


def test_missing_frame_record_is_seen() -> None:
    """A record that is simply not there would improve every percentile."""
    broken = self_check("records.conserved", frames=np.delete(make_frames(PLAN), 700))
    assert not broken.ok
    assert "1829 of 1830 planned frames recorded" in broken.sentence
    assert "frame 700 is missing: frame 701 is recorded in its place" in broken.sentence


def test_frame_recorded_twice_is_seen() -> None:
    """A duplicate that makes up the number does not make up for the missing frame."""
    frames = make_frames(PLAN)
    frames[700] = frames[699]
    assert not self_check("records.conserved", frames=frames).ok


@pytest.mark.parametrize("outcome", [0, 4, 255])
def test_frame_without_a_known_outcome_is_seen(outcome: int) -> None:
    """Offered must equal decided plus dropped plus failed."""
    frames = make_frames(PLAN)
    frames["outcome"][900] = outcome
    broken = self_check("records.conserved", frames=frames)
    assert not broken.ok
    assert "1 frame without an outcome" in broken.sentence


def test_tail_cut_off_a_completed_run_is_seen() -> None:
    """A run that says it is complete has all its planned frames, the slow end included."""
    assert not self_check("records.conserved", frames=make_frames(PLAN)[:1500]).ok


def test_aborted_run_owes_no_frames() -> None:
    """After an early end the frames up to it suffice; the early end itself is another self-check."""
    events = make_events(PLAN, ended=Ended.ABORTED, reason="stopped by the operator")
    frames = make_frames(PLAN)[:1500]
    assert self_check("records.conserved", frames=frames, events=events).ok
    broken = self_check("run.completed", frames=frames, events=events)
    assert broken.sentence == "The run ended early (aborted: stopped by the operator)."


def test_a_lost_lease_is_never_held_against_the_model() -> None:
    """Somebody else may have used the rig: whatever failed, the run proves nothing, and says what to do."""
    plan = make_plan(limits=[make_limit("frames.failed_max_pct", "failed_pct", 1, "%")])
    reason = "the lease of the rig was lost: released by force"
    for ended, status in ((Ended.ABORTED, RunStatus.FAIL), (Ended.LEASE_LOST, RunStatus.INCONCLUSIVE)):
        frames = make_frames(plan, failed=range(400, 1400, 2))
        judgement = judge(make_record(plan, frames=frames, events=make_events(plan, ended=ended, reason=reason)))
        assert judgement.status is status
    broken = next(one for one in judgement.self_checks if one.check_id == "run.completed")
    assert broken.sentence == f"The run ended early ({reason})."
    assert "Reserve the rig" in broken.advice
    assert judgement.sentence.startswith(f"The run ended early ({reason})")


def test_a_recovery_in_another_boot_says_that_the_rig_rebooted() -> None:
    """The verdict of a run cut off by a power loss says so first; a supervisor that was killed is no reboot."""
    for boot, sentence in (
        ("boot-2", "The rig rebooted in the middle of the run (power cut, crash or restart)."),
        ("boot-1", "The machine was not restarted during the run."),
        ("", "The machine was restarted during the run, or the record does not say."),
    ):
        events = [*without("run_ended"), make_event("recovered", boot_id=boot)]
        assert self_check("host.boot", events=events).sentence == sentence
        judgement = judge(make_record(PLAN, events=events))
        assert judgement.status is RunStatus.INCONCLUSIVE
        assert judgement.sentence.startswith(sentence.removesuffix(".")) is (boot != "boot-1")


def test_lost_records_are_seen() -> None:
    """The run's own count of lost records is believed even when the rest looks whole."""
    events = [
        *without("run_ended"),
        make_event("run_ended", ended="completed", boot_id="boot-1", n_lost_records=3),
    ]
    assert not self_check("records.conserved", events=events).ok


def test_stamps_that_run_backwards_are_seen() -> None:
    """A decision before its inference is no fast model, it is a broken record."""
    frames = make_frames(PLAN)
    frames["t_decided_ns"][800] = frames["t_inferred_ns"][800] - 1
    broken = self_check("records.stamps", frames=frames)
    assert not broken.ok
    assert "1 frame" in broken.sentence


def test_decision_without_a_stage_is_seen() -> None:
    """A decided frame passed every stage."""
    frames = make_frames(PLAN)
    frames["t_inferred_ns"][800] = 0
    assert not self_check("records.stamps", frames=frames).ok


def test_re_based_schedule_is_seen() -> None:
    """Intended moments moved after a stall hide the stall (coordinated omission): they must lie on the grid."""
    frames = make_frames(PLAN)
    for name in FRAME_DTYPE.names or ():
        if name.startswith("t_"):
            frames[name][900:] += 500 * NS_PER_MS
    broken = self_check("records.stamps", frames=frames)
    assert not broken.ok
    assert "930 frames due off the camera's grid" in broken.sentence


def test_record_without_its_schedule_is_seen() -> None:
    """Without the start of the grid nothing can be held against it."""
    assert not self_check("records.stamps", events=without("schedule")).ok


@pytest.mark.parametrize(
    ("check_id", "kind", "detail"),
    [
        ("processes.alive", "child_lost", {"role": "sampler_loop", "how": "signal 9"}),
        ("target.alive", "child_lost", {"role": "worker", "how": "killed by signal SIGSEGV"}),
        ("disk.space", "disk_full", {}),
    ],
)
def test_incidents_are_seen(check_id: str, kind: str, detail: dict[str, str]) -> None:
    """A lost process and a full disk each void the run, even when it says that it is complete."""
    assert not self_check(check_id, events=[*make_events(PLAN), make_event(kind, T0_NS, **detail)]).ok


def test_full_disk_that_could_not_be_written_down_is_seen() -> None:
    """A full disk may leave no event of its own: the way the run ended tells."""
    assert not self_check("disk.space", events=make_events(PLAN, ended=Ended.DISK_FULL)).ok


@pytest.mark.parametrize(
    "ended", [None, *(ended for ended in Ended if ended not in {Ended.COMPLETED, Ended.DECIDED_EARLY})]
)
def test_unfinished_run_is_seen(ended: Ended | None) -> None:
    """Only a run that went as far as it had to can pass; a record that does not say how it ended did not."""
    events = without("run_ended") if ended is None else make_events(PLAN, ended=ended)
    assert not self_check("run.completed", events=events).ok


def test_empty_record_is_judged_without_error() -> None:
    """A run that died before its first frame has a verdict too."""
    empty = make_record(PLAN, frames=np.zeros(0, FRAME_DTYPE), curves=[], events=[])
    judgement = judge(empty)
    assert judgement.status is RunStatus.INCONCLUSIVE
    assert (judgement.worst_frames, judgement.latency_series) == ((), ())
