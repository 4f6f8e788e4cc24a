"""Companions in the verdict: what the model did to them, what was wrong without it, what nobody knows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import T0_NS, edges_ns, make_events, make_frames, make_limit, make_plan, make_record
from hilrig.core.companion import CompanionRecord, CompanionSpec, ProbeSeries, ProbeSpec
from hilrig.core.run import Ended
from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.verdict.companion_checks import covers
from hilrig.verdict.judge import judge

NS_PER_MS = 1_000_000
PERIOD_MS = 100
NAME = "sync-agent"
SPEC = CompanionSpec(name=NAME, argv=("agent",), probe=ProbeSpec(url="http://x/", period_ms=PERIOD_MS))
P99 = ("p99_max_ms", "companion_p99_ms", 250.0, "ms")
FAILED = ("failed_max_pct", "companion_failed_pct", 0.0, "%")
SLOWDOWN = ("slowdown_max", "companion_slowdown", 3.0, "1")
RESTARTS = ("restarts_max", "companion_exits", 0.0, "events")


def series(answers_ms, *, from_ns, late_us=0):
    """Probes every 100 ms; None is one that failed."""
    return ProbeSeries(
        t_ns=tuple(from_ns + i * PERIOD_MS * NS_PER_MS for i in range(len(answers_ms))),
        answer_us=tuple(-1 if one is None else round(one * 1000) for one in answers_ms),
        late_us=(late_us,) * len(answers_ms),
    )


def judged(  # noqa: PLR0913 - one argument for each thing that a test changes
    together_ms=None,
    *,
    limits=(P99, FAILED, SLOWDOWN, RESTARTS),
    alone_ms=(10.0,) * 50,
    exits=(),
    late_us=0,
    minutes=2,
    spec=SPEC,
    kept=True,
    recorded=True,
    ended=Ended.COMPLETED,
    planned_minutes=None,
):
    """Judge a run of two minutes (1200 probes) with one companion; sound and at 10 ms but for what is given."""
    plan = make_plan(
        n_measured=round((planned_minutes or minutes) * 1800),
        limits=[
            make_limit(f"companions.{NAME}.{key}", metric, limit, unit) for key, metric, limit, unit in limits
        ],
    )
    plan = replace(plan, companions=(spec,))
    start_ns, end_ns = edges_ns(plan)
    n = round(minutes * 600)
    record = CompanionRecord(
        name=NAME,
        alone=series(alone_ms, from_ns=T0_NS - 20_000 * NS_PER_MS),
        together=series([10.0] * n if together_ms is None else together_ms, from_ns=start_ns, late_us=late_us),
        exits=tuple((start_ns + at_ms * NS_PER_MS, status) for at_ms, status in exits),
        kept_until_ns=end_ns + 1 if kept else start_ns + 1,
    )
    frames = make_frames(plan)[: plan.n_warmup_frames + round(minutes * 1800)]
    run = make_record(plan, frames=frames, events=make_events(plan, ended=ended))
    return judge(replace(run, companions=(record,) if recorded else ()))


def check(judgement, key):
    return next(one for one in judgement.checks if one.check_id == f"companions.{NAME}.{key}")


def self_check(judgement, check_id):
    return next(one for one in judgement.self_checks if one.check_id == check_id)


def with_slow(n, n_slow, slow_ms=300.0):
    """Answers of 10 ms with single slow ones among them, evenly spread."""
    answers = [10.0] * n
    for index in range(n_slow):
        answers[(2 * index + 1) * n // (2 * n_slow)] = slow_ms
    return answers


def test_a_companion_that_keeps_its_limits_passes():
    """All four limits hold, and the verdict says what it covers."""
    judgement = judged()
    assert [one.status for one in judgement.checks] == [CheckStatus.PASS] * 4
    assert judgement.status is RunStatus.PASS
    assert judgement.sentence.endswith(
        "Measured beside sync-agent: the verdict covers the model under this load and what it did to them."
    )


def test_a_companion_that_the_model_slows_down_fails():
    """The sentence has both times, the limit, and how many probes are behind it."""
    judgement = judged(with_slow(1200, 60))
    failed = check(judgement, "p99_max_ms")
    assert failed.status is CheckStatus.FAIL
    assert failed.sentence == (
        "The companion sync-agent: p99 answer 300 ms, over the limit of 250 ms (60 of 1200 probes over it); "
        "alone it was 10 ms."
    )
    assert judgement.status is RunStatus.FAIL


def test_too_few_probes_pass_no_p99():
    """Fewer than 459 prove nothing; the sentence says how much longer."""
    open_check = check(judged(minutes=0.7), "p99_max_ms")
    assert open_check.status is CheckStatus.INCONCLUSIVE
    assert "fewer than 459 probes cannot prove a p99" in open_check.sentence
    assert open_check.minutes_needed == pytest.approx((459 - 420) * 0.1 / 60, abs=0.01)


def test_exactly_459_sound_probes_pass():
    """The border that frames have, too."""
    assert check(judged(minutes=0.765), "p99_max_ms").status is CheckStatus.PASS


def test_a_failed_probe_is_infinitely_late():
    """A p99 that is a missing answer is no number, and over every limit."""
    judgement = judged([None if i % 10 == 0 else 10.0 for i in range(1200)])
    failed = check(judgement, "p99_max_ms")
    assert (failed.status, failed.observed, failed.observed_text) == (CheckStatus.FAIL, None, "infinite")
    share = check(judgement, "failed_max_pct")
    assert (share.status, share.observed) == (CheckStatus.FAIL, 10.0)
    assert "120 of 1200" in share.sentence


def test_one_failed_probe_breaks_a_limit_of_none():
    """0 % means none."""
    assert check(judged([None] + [10.0] * 1199), "failed_max_pct").status is CheckStatus.FAIL


@pytest.mark.parametrize(
    ("together_ms", "status"),
    [(29.0, CheckStatus.PASS), (31.0, CheckStatus.FAIL)],
)
def test_the_slowdown_is_the_ratio_of_the_medians(together_ms, status):
    """Three times as long is allowed here: 2.9 times passes, 3.1 times fails."""
    found = check(judged([together_ms] * 1200), "slowdown_max")
    assert found.status is status
    assert found.observed == pytest.approx(together_ms / 10)
    assert f"median answer {together_ms:g} ms beside the model, 10 ms alone" in found.sentence


def test_a_slowdown_that_noise_may_explain_stays_open():
    """Medians have bounds: a baseline that wanders between 5 and 20 ms cannot tell 2.5 from 3."""
    alone = [5.0, 20.0] * 25
    assert check(judged([25.0] * 1200, alone_ms=alone), "slowdown_max").status is CheckStatus.INCONCLUSIVE


def test_most_probes_failing_is_an_infinite_slowdown():
    """A companion that the model killed is slower than any limit."""
    found = check(judged([None] * 1200), "slowdown_max")
    assert (found.status, found.observed) == (CheckStatus.FAIL, None)


@pytest.mark.parametrize("key", ["p99_max_ms", "failed_max_pct"])
def test_one_that_was_sick_alone_is_not_held_against_the_model(key):
    """It failed without the model already: INCONCLUSIVE, with that reason."""
    found = check(judged([None] * 600 + [10.0] * 600, alone_ms=[None] * 5 + [10.0] * 45), key)
    assert found.status is CheckStatus.INCONCLUSIVE
    assert "Not held against the model: without the model 5 of 50 probes failed already" in found.sentence


def test_one_that_was_slow_alone_is_not_held_against_the_model():
    """A p99 over its limit without the model is no work of the model."""
    found = check(judged(with_slow(1200, 60), alone_ms=[300.0] * 50), "p99_max_ms")
    assert found.status is CheckStatus.INCONCLUSIVE
    assert "its p99 was already 300 ms" in found.sentence


def test_a_sick_baseline_makes_no_slowdown_pass():
    """Alone at 300 ms, together at 300 ms: a ratio of 1 that proves nothing."""
    assert check(judged([300.0] * 1200, alone_ms=[300.0] * 50), "slowdown_max").status is CheckStatus.INCONCLUSIVE


def test_an_end_of_its_process_is_counted():
    """One end is more than none; the exit status is told."""
    found = check(judged(exits=[(1000, -9)]), "restarts_max")
    assert found.status is CheckStatus.FAIL
    assert found.sentence == (
        "The companion sync-agent: its process ended by itself once (signal 9), over the limit of 0."
    )


def test_an_end_that_no_limit_speaks_of_leaves_the_run_open():
    """The model did not run under the load that the verdict would speak of."""
    judgement = judged(limits=(FAILED,), exits=[(1000, 0)])
    assert not self_check(judgement, "companions.kept").ok
    assert judgement.status is RunStatus.INCONCLUSIVE


def test_a_load_that_nobody_asks_is_no_check():
    """Mere load has no probe: nothing is claimed of it but that it was there."""
    load = CompanionSpec(name=NAME, argv=("stress-ng",))
    judgement = judged([], spec=load, alone_ms=(), limits=(RESTARTS,))
    assert judgement.status is RunStatus.PASS
    assert [one.check_id for one in judgement.self_checks if one.check_id.startswith("companions")] == [
        "companions.kept"
    ]
    assert judgement.companions[0].reason == "the profile states no probe for it"


def test_one_that_nobody_recorded_is_not_measured():
    """No record is no PASS: each check says why it has no number."""
    judgement = judged(recorded=False)
    assert [one.status for one in judgement.checks] == [CheckStatus.NOT_MEASURED] * 4
    assert "no probe was recorded while frames were measured" in check(judgement, "p99_max_ms").sentence
    assert not self_check(judgement, "companions.probed").ok


def test_one_that_was_not_watched_to_the_end_passes_nothing():
    """When the process that keeps the companions was lost, what is there cannot make a run pass."""
    judgement = judged([10.0] * 600, kept=False)
    assert not self_check(judgement, "companions.kept").ok
    assert not self_check(judgement, "companions.probed").ok
    assert judgement.status is RunStatus.INCONCLUSIVE


def test_probes_that_were_sent_late_excuse_the_companion():
    """The prober's own lateness is the instrument's fault: a FAIL becomes INCONCLUSIVE."""
    judgement = judged(with_slow(1200, 60), late_us=30_000)
    assert "probes sent 30 ms late at p99, more than 25 ms" in self_check(judgement, "companions.probed").sentence
    assert check(judgement, "p99_max_ms").status is CheckStatus.INCONCLUSIVE
    assert judgement.status is RunStatus.INCONCLUSIVE


def test_a_tenth_of_the_limit_is_late_enough():
    """What a probe serves decides how exact it has to be: 24 ms late is in time for a limit of 250 ms."""
    assert self_check(judged(late_us=24_000), "companions.probed").ok


def test_an_early_end_that_could_have_diluted_it_is_no_fail():
    """60 slow probes of 1200 are 5 %; of the 18,000 that were planned they could still be within 1 %."""
    judgement = judged(with_slow(1200, 60), planned_minutes=30, ended=Ended.ABORTED)
    assert check(judgement, "p99_max_ms").status is CheckStatus.INCONCLUSIVE


def test_probes_outside_the_measured_part_do_not_count():
    """The warm-up of the model is not judged, nor is what came after its last frame."""
    judgement = judged([10.0] * 1200 + [None] * 100)
    assert check(judgement, "failed_max_pct").status is CheckStatus.PASS
    assert judgement.companions[0].n == 1200


def test_the_report_has_the_numbers_of_each_companion():
    """Alone and together, side by side."""
    (found,) = judged([20.0] * 1200).companions
    assert (found.n_alone, found.n, found.n_failed, found.exits) == (50, 1200, 0, 0)
    assert (found.alone_p50_ms, found.p50_ms, found.p99_ms, found.slowdown) == (10.0, 20.0, 20.0, 2.0)
    assert (found.sick_alone, found.reason) == ("", "")


def test_a_run_without_companions_says_nothing_of_them():
    """No sentence, no self-check, no row."""
    judgement = judge(make_record())
    assert judgement.companions == ()
    assert "beside" not in judgement.sentence
    assert not [one for one in judgement.self_checks if one.check_id.startswith("companions")]


def test_many_companions_are_named_in_part():
    """A sentence stays a sentence."""
    many = tuple(CompanionSpec(name=f"load-{index}") for index in range(5))
    assert "load-0, load-1, load-2 and 2 more" in covers(many)


@settings(max_examples=40, deadline=None)  # each draws up to 1,300 answers: drawing costs more than judging
@given(
    together=st.lists(st.none() | st.floats(0.001, 1000), max_size=1300),
    alone=st.lists(st.none() | st.floats(0.001, 1000), max_size=60),
)
def test_no_answers_break_the_judgement(together, alone):
    """Whatever companions answered, each check has a status and a sentence, and a PASS is a true one."""
    judgement = judged(together, alone_ms=alone)
    assert len(judgement.checks) == 4
    assert all(one.sentence.endswith(".") for one in judgement.checks)
    if check(judgement, "p99_max_ms").status is CheckStatus.PASS:
        inside = together[:1200]
        assert np.mean([one is None or one > 250 for one in inside]) <= 0.01
    if check(judgement, "failed_max_pct").status is CheckStatus.PASS:
        assert None not in together[:1200]


def test_in_a_search_a_companion_is_held_against_its_limits_without_having_been_alone():
    """No time alone was planned: p99 and failed probes are judged for themselves, the slowdown is not measured."""
    step = replace(SPEC, alone_s=0.0)
    sound, slow = (judged(answers, spec=step, alone_ms=()) for answers in (None, with_slow(1200, 60)))
    assert check(sound, "p99_max_ms").status is CheckStatus.PASS
    assert check(slow, "p99_max_ms").status is CheckStatus.FAIL
    assert check(slow, "slowdown_max").status is CheckStatus.NOT_MEASURED
    assert check(judged(with_slow(1200, 60), alone_ms=()), "p99_max_ms").status is CheckStatus.INCONCLUSIVE
