"""What only hours show: the log's growth, a restart of the rig."""

import pytest

from builders import (
    Curve,
    cpu_time,
    edges_ns,
    make_capability,
    make_event,
    make_events,
    make_limit,
    make_plan,
    make_record,
    memory_peak,
)
from hilrig.core.channels import PROCESS_OUTPUT
from hilrig.core.telemetry import ChannelKind, Reason, Tier
from hilrig.core.verdict import CheckStatus
from hilrig.verdict.judge import judge

MIB = 1 << 20
LOG = make_limit("resources.log_volume_max_mb_per_hour", "log_volume_mib_per_h", 10, "MiB/h")
RESETS = make_limit("resources.watchdog_reset_allowed", "watchdog_resets", 0, "events")


def judged_log(first, last, *, minutes=2):
    """Judge a run at whose edges the log had these sizes in MiB, or reasons."""
    plan = make_plan(limits=[LOG], n_measured=minutes * 1800)
    capability = make_capability(PROCESS_OUTPUT, kind=ChannelKind.COUNTER, tier=Tier.EDGE)
    sizes = [one if isinstance(one, Reason) else one * MIB for one in (first, last)]
    curve = Curve(capability=capability, points=tuple(zip(edges_ns(plan), sizes, strict=True)))
    return judge(make_record(plan, curves=[memory_peak(plan, 100), *cpu_time(plan), curve])).checks[0]


@pytest.mark.parametrize(("grown_mib", "status"), [(0.3, CheckStatus.PASS), (0.4, CheckStatus.FAIL)])
def test_the_log_is_bounded_per_hour(grown_mib, status):
    """Two minutes are a thirtieth of an hour: 0.3 MiB are 9 an hour, 0.4 are 12."""
    check = judged_log(5, 5 + grown_mib)
    assert check.status is status
    assert check.observed == pytest.approx(grown_mib * 30)


def test_what_was_printed_before_the_measured_part_does_not_count():
    """Loading a model may be talkative."""
    assert judged_log(500, 500).status is CheckStatus.PASS


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (5, 4, "its log was cut or replaced"),
        (Reason.OFFLINE, Reason.OFFLINE, "OFFLINE"),
        (5, Reason.LOST, "no reading at both edges"),
    ],
)
def test_a_log_that_cannot_be_counted_is_not_measured(first, last, reason):
    """Rotated, in a pipe, or gone with its process: no number, and no PASS."""
    check = judged_log(first, last)
    assert check.status is CheckStatus.NOT_MEASURED
    assert reason in check.sentence


def test_less_than_a_minute_says_nothing_of_an_hour():
    """A few lines in ten seconds are no flood."""
    plan = make_plan(limits=[LOG], n_measured=300)
    check = judge(make_record(plan)).checks[0]
    assert check.status is CheckStatus.NOT_MEASURED
    assert "less than a minute was measured" in check.sentence


def judged_boot(last_boot):
    plan = make_plan(limits=[RESETS])
    events = [event for event in make_events(plan) if event.kind != "run_ended"]
    ended = make_event("run_ended", edges_ns(plan)[1], ended="completed", reason="", boot_id=last_boot)
    return judge(make_record(plan, events=[*events, ended])).checks[0]


def test_a_run_within_one_boot_had_no_reset():
    """The kernel's boot id is the proof."""
    assert judged_boot("boot-1").status is CheckStatus.PASS


def test_a_restart_is_never_a_pass_nor_the_models_fault():
    """Watchdog or pulled plug: nobody knows, so nothing is claimed."""
    check = judged_boot("boot-2")
    assert check.status is CheckStatus.NOT_MEASURED
    assert "the rig restarted in mid-run" in check.sentence
    assert judged_boot("").status is CheckStatus.NOT_MEASURED
