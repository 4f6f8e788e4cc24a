"""By how much, why, what to do: the words under the verdict."""

from dataclasses import replace

import pytest
from report_checks import (
    FAILED_P99,
    HOLDS,
    INFINITE_P999,
    PASSED_DURATION,
    PASSED_MEMORY,
    STEPPED,
    UNDECIDED_P99,
    UNMEASURED_GPU,
)
from report_documents import make_passing
from report_evidence import CAUSES

from hilrig.core.verdict import Cause, CauseCount, CheckStatus, Judgement, RunStatus
from hilrig.report.verdict_words import Reason, excess_text, leading_cause, reasons


def judged(status: RunStatus, *checks, self_checks=(), causes=()) -> Judgement:
    return replace(
        make_passing().result.judgement, status=status, checks=checks, self_checks=self_checks, causes=causes
    )


FAILED_MEMORY = replace(PASSED_MEMORY, status=CheckStatus.FAIL, observed=600.0, margin_pct=-17.1875)
TOO_SHORT = replace(PASSED_DURATION, observed=4.0, margin_pct=-60.0)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (FAILED_P99, "latency p99: 16.2 ms (36 %) over the limit of 45 ms"),
        (TOO_SHORT, "measured duration: 6 min (60 %) below the limit of 10 min"),
        (replace(FAILED_P99, limit=0.0, margin_pct=None), "latency p99: 61.2 ms, none allowed"),
        (
            INFINITE_P999,
            "latency p99.9: infinite (1.5 % of frames got no decision), the limit is 80 ms",
        ),
        (replace(FAILED_P99, unit="bool", limit=1.0, observed=0.0), "latency p99: must be yes"),
    ],
)
def test_a_missed_limit_says_by_how_much(check, text: str) -> None:
    """In the unit of the limit and in per cent of it; what is infinite is not called a number."""
    assert excess_text(check) == text


def test_a_failed_run_names_its_failed_limits_only() -> None:
    """The worst first; a self-check is no reason for a FAIL."""
    judgement = judged(RunStatus.FAIL, UNDECIDED_P99, FAILED_MEMORY, INFINITE_P999, self_checks=(STEPPED,))
    assert [one.text.split(":")[0] for one in reasons(judgement)] == [
        "latency p99.9",
        "host memory peak of the target",
    ]


def test_an_undecided_run_names_all_that_is_not_certain() -> None:
    """The instrument's own faults first, with their advice; then limits, with how much longer to measure."""
    judgement = judged(RunStatus.INCONCLUSIVE, UNDECIDED_P99, UNMEASURED_GPU, self_checks=(HOLDS, STEPPED))
    assert reasons(judgement) == [
        Reason(text=STEPPED.sentence, advice=STEPPED.advice),
        Reason(text=UNMEASURED_GPU.sentence),
        Reason(text=UNDECIDED_P99.sentence, advice="measure about 18 s more"),
    ]


def test_a_pass_needs_no_reason() -> None:
    """Its sentence has the closest limit already."""
    assert reasons(make_passing().result.judgement) == []


def test_the_leading_cause_is_that_of_most_frames() -> None:
    """With how many of how many; the share is rounded down, so that 100 % means all."""
    causes = (replace(CAUSES[1], n_frames=1), replace(CAUSES[0], n_frames=999))
    assert leading_cause(judged(RunStatus.FAIL, FAILED_P99, causes=causes)) == (
        "throttled, 999 of the 1,000 frames over a limit (99 %). "
        "The worst of them: gpu0 throttled (thermal), clock 612 of 1,020 MHz"
    )


def test_what_is_unexplained_is_not_given_a_cause() -> None:
    """Nobody guesses: most frames without an explanation is what the page says then."""
    unknown = CauseCount(cause=Cause.UNEXPLAINED, n_frames=30, evidence="x")
    text = leading_cause(judged(RunStatus.FAIL, FAILED_P99, causes=(unknown, CAUSES[2])))
    assert text.startswith("unexplained: nothing in the record says what slowed 30 of the 35 frames")


def test_a_limit_that_is_not_on_frames_has_no_cause_of_slow_frames() -> None:
    """Too much memory is not explained by a throttled GPU."""
    assert leading_cause(judged(RunStatus.FAIL, FAILED_MEMORY, causes=CAUSES)) == ""
    assert leading_cause(judged(RunStatus.FAIL, FAILED_P99)) == ""
