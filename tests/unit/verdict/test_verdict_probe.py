from dataclasses import replace

import pytest

from builders import P99, make_events, make_frames, make_limit, make_plan, make_record
from hilrig.core.run import Ended
from hilrig.core.search import ProbeOutcome
from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.verdict.judge import judge
from hilrig.verdict.many_runs.probe import weigh_probe

DROPS = make_limit("frames.drop_max_pct", "drop_pct", 1.0, "%")
DURATION = make_limit("latency.duration_minutes", "duration_min", 60.0, "min", at_least=True)


def judged(*, limits=(P99, DURATION), **frames):
    plan = make_plan(limits=limits)
    return judge(make_record(plan, frames=make_frames(plan, **frames)))


def test_a_short_run_within_its_limits_is_sustained():
    """The run itself is INCONCLUSIVE for want of duration; of its rate it says that it is sustained."""
    judgement = judged()
    assert judgement.status is RunStatus.INCONCLUSIVE
    assert weigh_probe(judgement).outcome is ProbeOutcome.SUSTAINED


def test_a_failed_limit_is_not_sustained_and_named():
    """Every frame takes 60 ms against 45."""
    finding = weigh_probe(judged(latency_ms=60.0))
    assert finding.outcome is ProbeOutcome.NOT_SUSTAINED
    assert "45 ms" in finding.reason


def test_an_instrument_that_falls_behind_is_never_the_models_fault():
    """The feeder was 20 ms late throughout, so p99 is over the limit: INSTRUMENT, not NOT_SUSTAINED."""
    finding = weigh_probe(judged(latency_ms=60.0, lateness_us=20_000.0))
    assert finding.outcome is ProbeOutcome.INSTRUMENT
    assert "late" in finding.reason


def test_a_run_that_lost_a_process_is_undecided():
    """A self-check that says nothing of keeping up, such as an aborted run, leaves the rate open."""
    plan = make_plan(limits=(P99, DURATION))
    record = make_record(plan, events=make_events(plan, ended=Ended.PROCESS_LOST, reason="the worker died"))
    assert weigh_probe(judge(record)).outcome is ProbeOutcome.UNDECIDED


def test_too_little_evidence_is_undecided():
    """100 frames prove no p99."""
    plan = make_plan(limits=(P99,), n_measured=100)
    assert weigh_probe(judge(make_record(plan))).outcome is ProbeOutcome.UNDECIDED


@pytest.mark.parametrize("status", [CheckStatus.NOT_MEASURED, CheckStatus.INCONCLUSIVE])
def test_one_open_limit_is_enough_to_leave_the_rate_open(status):
    """What was not measured does not pass."""
    judgement = judged(limits=(P99, DROPS))
    opened = replace(judgement.checks[1], status=status)
    finding = weigh_probe(replace(judgement, checks=(judgement.checks[0], opened)))
    assert finding.outcome is ProbeOutcome.UNDECIDED


def test_a_limit_on_memory_is_not_met_by_a_lower_rate():
    """Alone it makes a model unfit; beside a late p99 a lower rate is worth a try."""
    judgement = judged(limits=(P99, DROPS))
    memory = replace(judgement.checks[1], metric="host_memory_peak_mib", status=CheckStatus.FAIL)
    assert weigh_probe(replace(judgement, checks=(memory,))).outcome is ProbeOutcome.UNFIT
    late = replace(judgement.checks[0], status=CheckStatus.FAIL)
    assert weigh_probe(replace(judgement, checks=(memory, late))).outcome is ProbeOutcome.NOT_SUSTAINED


def test_a_profile_that_limits_only_the_duration_proves_no_rate():
    """Without a limit to hold, no rate is sustained."""
    assert weigh_probe(judged(limits=(DURATION,))).outcome is ProbeOutcome.UNDECIDED


@pytest.mark.parametrize(
    "metric", ["power_loss_recovered", "fault_recovery_s", "fault_false_decisions", "fault_undecided_pct"]
)
def test_what_a_search_leaves_out_says_nothing_of_a_rate(metric):
    """No drill and no power-loss test in each step: the run never passes, its rate is sustained."""
    judgement = judged(limits=(P99, make_limit("left.out", metric, 1.0, "s")))
    assert [one.status for one in judgement.checks] == [CheckStatus.PASS, CheckStatus.NOT_MEASURED]
    assert judgement.status is RunStatus.INCONCLUSIVE
    assert weigh_probe(judgement).outcome is ProbeOutcome.SUSTAINED
