import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gated_releases import GUARDRAIL
from hilrig.attest.desired_state import GuardrailMetric
from hilrig.config.noun_json import from_json
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import RecordError
from hilrig.node.agent.guardrails import Judgement, Standing, Trial, begin
from hilrig.node.agent.window import (
    Reading,
    ServiceWindow,
    ShadowWindow,
    nothing_learned,
    reading_in_service,
    reading_in_shadow,
)

ERROR, P95 = GuardrailMetric.ERROR_PCT, GuardrailMetric.P95_MS
P95_RAIL = replace(GUARDRAIL, metric=P95, success_max=20.0, failure_min=40.0)
WINDOW_NS = 100
SHA = "a" * 64


def ok(n: int, error_pct: float = 0.0, p95_ms: float = 10.0) -> Reading:
    return Reading(n=n, values={ERROR: error_pct, P95: p95_ms})


def trial(*rails) -> Trial:
    return begin(rails or (GUARDRAIL,), now_ns=0, window_ns=WINDOW_NS)


def after(started: Trial, *readings: Reading) -> Trial:
    for reading in readings:
        started = started.after(reading)
    return started


def at_end(*readings: Reading, rails=()) -> Judgement:
    return after(trial(*rails), *readings).judge(WINDOW_NS)


def window(**changes) -> ServiceWindow:
    values = {
        "release_sha256": SHA, "since_s": 1.0, "n": 200, "n_failed": 2, "n_timeout": 1, "n_non_finite": 0,
        "p50_ms": 5.0, "p95_ms": 10.0, "p99_ms": 12.0, "shadow": None,
    }  # fmt: skip
    return ServiceWindow(**{**values, **changes})


def test_good_numbers_over_the_whole_window_prove_it():
    """Success needs the end of the window, not only good numbers, and says the values."""
    good = after(trial(), ok(10), ok(20, 0.5))
    assert good.judge(WINDOW_NS - 1).standing is Standing.HOLD
    judgement = good.judge(WINDOW_NS)
    assert judgement == Judgement(standing=Standing.PROVEN, reason="error_pct 0.5 (n 20)")


def test_a_provably_bad_value_ends_it_at_once():
    """At failure_min, with enough samples, nobody waits for the end of the window."""
    assert after(trial(), ok(10, 5.0)).judge(1).standing is Standing.BROKEN
    assert after(trial(), ok(9, 100.0)).judge(1).standing is Standing.HOLD  # too few to prove anything
    assert after(trial(), ok(10, 4.999)).judge(1).standing is Standing.HOLD


def test_the_worst_of_several_guardrails_decides():
    """All must be proven good; one that is bad is enough."""
    rails = (GUARDRAIL, P95_RAIL)
    assert at_end(ok(10), rails=rails).standing is Standing.PROVEN
    judgement = after(trial(*rails), ok(10, 0.0, 40.0)).judge(1)
    assert (judgement.standing, judgement.reason) == (Standing.BROKEN, "p95_ms 40 is 40 or more (n 10)")


def test_between_good_and_bad_is_held_then_taken_back():
    """Undecided is no success: at the end it goes, with the value in the reason (flagger #1815)."""
    undecided = after(trial(), ok(10, 2.0))
    assert undecided.judge(1).standing is Standing.HOLD
    judgement = undecided.judge(WINDOW_NS)
    assert judgement.standing is Standing.BROKEN
    assert "error_pct 2 is over 1, not proven (n 10)" in judgement.reason


def test_too_few_samples_are_no_success():
    """One sample less than asked for proves nothing."""
    judgement = at_end(ok(9))
    assert judgement.standing is Standing.BROKEN
    assert "n 9, 10 are needed" in judgement.reason


def test_argo_rollouts_4479_all_measurements_errored_is_no_success():
    """Every reading failed: argo-rollouts #4479 called such a run "Successful"; here it ends broken, at once."""
    errored = [nothing_learned("the service: connection refused")] * 3
    judgement = after(trial(), *errored).judge(1)
    assert judgement.standing is Standing.BROKEN
    assert "3 readings in a row told nothing: the service: connection refused" in judgement.reason
    assert at_end().standing is Standing.BROKEN  # and when nothing was read at all


def test_flagger_1011_traffic_that_stops_is_no_success():
    """Good numbers, then no request any more: flagger #1011 went on; here the last word must be a fresh one."""
    judgement = at_end(ok(50), ok(50))
    assert judgement.standing is Standing.BROKEN
    assert "no request came since the reading before (n 50)" in judgement.reason


def test_more_missing_readings_than_allowed_end_it():
    """Gaps within the allowance are forgiven, one more is not, though good readings lie between them."""
    rail = replace(GUARDRAIL, max_missing=2, consecutive_errors=2)
    gap = nothing_learned("no answer")
    allowed = (ok(10), gap, ok(20), gap, ok(30))
    assert at_end(*allowed, rails=(rail,)).standing is Standing.PROVEN
    judgement = after(trial(rail), *allowed, gap, ok(40)).judge(1)
    assert judgement.standing is Standing.BROKEN
    assert "3 readings told nothing, 2 may" in judgement.reason


def test_one_missing_metric_is_missing_however_good_the_others_are():
    """A service that stops telling one metric has not kept that guardrail."""
    half = [Reading(n=n, values={ERROR: 0.0}) for n in (20, 30, 40)]
    judgement = after(trial(GUARDRAIL, P95_RAIL), *half).judge(1)
    assert judgement.standing is Standing.BROKEN
    assert judgement.reason.startswith("p95_ms: 3 readings in a row told nothing")


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_a_value_that_is_no_number_is_missing(value):
    """NaN compares false with every limit: it is neither good nor bad, it was not read."""
    judgement = at_end(ok(20), ok(30, value))
    assert judgement.standing is Standing.BROKEN
    assert "was not read" in judgement.reason


def test_a_service_that_counts_anew_has_told_nothing_new():
    """After a restart of the service the count is lower: that reading is missing, the next ones count on."""
    assert after(trial(), ok(50), ok(5)).n_missing == (1,)


def test_a_trial_without_a_guardrail_cannot_begin():
    """Nothing to hold it against would always be success."""
    with pytest.raises(ValueError, match="proves nothing"):
        begin((), now_ns=0, window_ns=1)


@given(
    st.lists(st.tuples(st.integers(-5, 40), st.sampled_from([0.0, 0.5, 2.0, 5.0, 100.0, math.nan])), max_size=25)
)
def test_success_is_never_said_without_a_last_good_fresh_reading(course):
    """Whatever was read: PROVEN only if the last reading brought requests, enough of them, and a good value."""
    judged, last_n = trial(), 0
    fresh = False
    for n, value in course:
        fresh = n > last_n
        last_n = n if fresh else last_n
        judged = judged.after(Reading(n=n, values={ERROR: value}))
    if judged.judge(WINDOW_NS).standing is Standing.PROVEN:
        assert fresh
        assert course[-1][0] >= GUARDRAIL.min_samples
        assert course[-1][1] <= GUARDRAIL.success_max


def test_shares_are_of_all_requests():
    """Two of 200 failed is one per cent; times come as they are told."""
    reading = reading_in_service(window(), SHA)
    assert reading.n == 200
    assert reading.values[ERROR] == 1.0
    assert reading.values[GuardrailMetric.TIMEOUT_PCT] == 0.5
    assert reading.values[P95] == 10.0


@pytest.mark.parametrize(
    "changes",
    [{"release_sha256": "b" * 64}, {"n_failed": 201}, {"n_timeout": -1}, {"n": -1}, {"p95_ms": -1.0}],
)
def test_a_window_of_another_model_or_with_impossible_counts_tells_nothing(changes):
    """What serves is not the release on trial, or more failed than came: not a reading, and the reason says so."""
    assert reading_in_service(window(**changes), SHA).absent


def test_a_null_time_is_missing_not_zero():
    """Without a sample there is no percentile."""
    assert P95 not in reading_in_service(window(p95_ms=None), SHA).values


def test_a_shadow_is_read_from_its_own_part():
    """Disagreement and failures of the shadow count, not the serving model's."""
    shadow = ShadowWindow(release_sha256=SHA, n=50, n_failed=1, n_disagreed=5, p95_ms=9.0)
    reading = reading_in_shadow(window(release_sha256="b" * 64, shadow=shadow), SHA)
    assert reading.values == {ERROR: 2.0, GuardrailMetric.DISAGREEMENT_PCT: 10.0, P95: 9.0}
    assert reading_in_shadow(window(), SHA).absent


@pytest.mark.parametrize("text", ["NaN", "Infinity", '"10"', "1e999", "true"])
def test_a_number_that_is_none_never_becomes_a_reading(text):
    """NaN is no good value and no bad one: the whole window is refused, which is a missing reading."""
    from dataclasses import asdict

    data = canonical_json(asdict(window(p95_ms=10.5))).replace(b"10.5", text.encode())
    with pytest.raises(RecordError):
        from_json(ServiceWindow, data, what="window")
