from dataclasses import replace

import pytest
from report_checks import (
    FAILED_P99,
    HOLDS,
    INFINITE_P999,
    PASSED_DROPS,
    PASSED_DURATION,
    PASSED_P99,
    STEPPED,
    UNDECIDED_P99,
    UNMEASURED_GPU,
)
from report_documents import make_passing

from hilrig.report.wording import (
    check_title,
    interval_text,
    limit_text,
    margin_text,
    measured_s,
    needed_text,
    observed_text,
    ordered_checks,
    ordered_self_checks,
    tally,
)


def test_what_decided_the_verdict_is_read_first() -> None:
    """Failed before unmeasured before undecided before passed, whatever their margins; then the tightest."""
    undecided = replace(UNDECIDED_P99, margin_pct=99.0)
    shuffled = [PASSED_P99, undecided, PASSED_DURATION, UNMEASURED_GPU, FAILED_P99, INFINITE_P999]
    assert ordered_checks(shuffled) == [
        INFINITE_P999,
        FAILED_P99,
        UNMEASURED_GPU,
        undecided,
        PASSED_DURATION,
        PASSED_P99,
    ]


def test_self_checks_that_do_not_hold_are_read_first() -> None:
    """The others keep the order in which the instrument made them."""
    later = replace(HOLDS, check_id="a.later")
    assert ordered_self_checks([HOLDS, later, STEPPED]) == [STEPPED, HOLDS, later]


def test_the_tally_counts_what_holds() -> None:
    """An undecided limit does not hold, nor does an unmeasured one."""
    judgement = replace(
        make_passing().result.judgement,
        checks=(PASSED_P99, UNDECIDED_P99, UNMEASURED_GPU),
        self_checks=(HOLDS, STEPPED),
    )
    assert tally(judgement) == "1 of 3 limits hold, 1 of 2 self-checks hold"


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (PASSED_P99, "≤ 45 ms"),
        (PASSED_DURATION, "≥ 10 min"),
        (replace(PASSED_P99, limit=33.333333), "≤ 33.333333 ms"),
        (replace(PASSED_P99, limit=3_000_000.0, unit="frames"), "≤ 3,000,000 frames"),
        (replace(PASSED_P99, comparator=">=", limit=1.0, unit="bool"), "must be yes"),
        (replace(PASSED_P99, limit=0.0, unit="bool"), "must be no"),
    ],
)
def test_a_limit_is_written_as_the_profile_gives_it(check, text: str) -> None:
    """A limit is never rounded: it is what was agreed on."""
    assert limit_text(check) == text


@pytest.mark.parametrize(
    ("lower", "upper", "text"),
    [
        (24.8, 27.3, "24.8 to 27.3 ms"),
        (24.8, None, "over 24.8 ms, no upper bound"),
        (None, 27.3, "up to 27.3 ms, no lower bound"),
        (None, None, "— no interval"),
    ],
)
def test_a_missing_bound_is_named(lower: float | None, upper: float | None, text: str) -> None:
    """An unbounded interval says on which side it is open."""
    assert interval_text(replace(PASSED_P99, lower=lower, upper=upper)) == text


def test_a_margin_says_on_which_side() -> None:
    """Inside and beyond are words, not signs; without a margin the cell says so."""
    texts = [margin_text(check) for check in (PASSED_P99, FAILED_P99, INFINITE_P999)]
    assert texts == ["42.4 % inside", "36 % beyond", "— no margin"]


def test_an_observation_that_was_not_made_gives_its_reason() -> None:
    """The reason is that of the measurement which the limit needs."""
    judgement = make_passing().result.judgement
    assert observed_text(UNMEASURED_GPU, judgement) == "not measured: ABSENT: no NVML"
    assert observed_text(PASSED_DROPS, judgement) == "0 %"


def test_a_metric_of_a_plug_in_is_called_by_its_name() -> None:
    """A metric that hilrig does not know still has a title."""
    assert [check_title(PASSED_DROPS), check_title(replace(PASSED_DROPS, metric="fan_rpm"))] == [
        "dropped frames",
        "fan_rpm",
    ]


def test_more_time_is_asked_for_only_where_it_helps() -> None:
    """A limit that time can't decide asks for none."""
    assert [needed_text(UNDECIDED_P99), needed_text(PASSED_P99)] == ["about 18 s more", ""]


def test_an_unmeasured_duration_is_no_duration() -> None:
    """Without a value there are no seconds, in particular not zero."""
    result = make_passing().result
    assert measured_s(result) == 600.0
    assert measured_s(replace(result, judgement=replace(result.judgement, measurements=()))) is None
