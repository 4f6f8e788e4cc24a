"""Quantities known within bounds, held against a limit."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import make_limit
from hilrig.core.verdict import CheckStatus
from hilrig.verdict.estimate import (
    MINUTES_FORETOLD_MAX,
    Estimate,
    TooLittle,
    Unknown,
    estimate_measurements,
    hold_estimate,
)

LIMIT = make_limit("latency.drift_max_pct", "latency_drift_pct", 10.0, "%")
WITHIN = Estimate(value=5.0, lower=2.0, upper=8.0, n=30, basis="30 blocks", measured_min=10.0, width_falls_with=1)


@given(value=st.floats(-1e6, 1e6), below=st.floats(0, 1e6), above=st.floats(0, 1e6), limit=st.floats(1e-3, 1e6))
def test_bounds_alone_decide(value: float, below: float, above: float, limit: float) -> None:
    """PASS needs the upper bound within the limit, FAIL the lower one over it, anything else stays open."""
    found = replace(WITHIN, value=value, lower=value - below, upper=value + above)
    held = hold_estimate(replace(LIMIT, limit=limit), found)
    assert (held.status is CheckStatus.PASS) == (found.upper <= limit)
    assert (held.status is CheckStatus.FAIL) == (found.lower > limit)
    assert held.minutes_needed is None or held.status is CheckStatus.INCONCLUSIVE
    assert held.sentence.startswith("Latency drift over the run: ")


@given(
    value=st.floats(0, 9.9), above=st.floats(0.2, 500), power=st.sampled_from([1, 3]), minutes=st.floats(1, 600)
)
def test_foretold_minutes_are_enough_and_not_more(value: float, above: float, power: int, minutes: float) -> None:
    """After them the interval's width has fallen to the room that the limit leaves; a minute less is too short."""
    found = replace(
        WITHIN, value=value, upper=value + above, lower=value - above, width_falls_with=power, measured_min=minutes
    )
    needed = hold_estimate(LIMIT, found).minutes_needed
    if needed is not None:
        width_after = above * (minutes / (minutes + needed)) ** (power / 2)
        width_before = above * (minutes / (minutes + needed - 1)) ** (power / 2)
        room = 10 - value
        assert width_after <= room * 1.000001
        assert needed == 1 or width_before >= room * 0.999999
        assert needed <= MINUTES_FORETOLD_MAX


def test_no_time_is_promised_where_it_cannot_help() -> None:
    """An estimate over its limit stays over it, and an unbounded one never shrinks."""
    for found in (
        replace(WITHIN, value=11.0, upper=14.0),
        replace(WITHIN, lower=-math.inf, upper=math.inf),
        replace(WITHIN, value=9.999999, upper=500.0),
    ):
        held = hold_estimate(LIMIT, found)
        assert (held.status, held.minutes_needed) == (CheckStatus.INCONCLUSIVE, None)
        assert "a longer run like this one would not pass" in held.sentence


def test_infinite_bounds_are_no_numbers() -> None:
    """A check and its measurements hold finite numbers or none, so that they can be written down."""
    found = replace(WITHIN, value=math.inf, lower=math.inf, upper=math.inf)
    held = hold_estimate(LIMIT, found)
    assert (held.status, held.observed, held.lower, held.upper) == (CheckStatus.FAIL, None, None, None)
    numbers = list(estimate_measurements("latency_drift", "_pct", "%", found))
    assert [one.metric for one in numbers] == [
        "latency_drift_pct",
        "latency_drift_lower_pct",
        "latency_drift_upper_pct",
        "latency_drift_resolvable_pct",
    ]
    assert all(one.value is None and one.reason for one in numbers)


def test_too_little_is_open_and_unknown_is_not_measured() -> None:
    """Too short a run can be run again for longer; what nobody measures blocks with its reason."""
    short = hold_estimate(LIMIT, TooLittle(reason="3 frames say nothing", n=3, minutes_needed=2.0))
    assert (short.status, short.minutes_needed) == (CheckStatus.INCONCLUSIVE, 2.0)
    assert short.sentence == "Latency drift over the run: 3 frames say nothing; about 2 min more needed."
    unknown = hold_estimate(LIMIT, Unknown(reason="no channel"))
    assert unknown.status is CheckStatus.NOT_MEASURED
    assert unknown.sentence == "Latency drift over the run was not measured: no channel."


def test_resolvable_is_half_the_interval() -> None:
    """What a run could have seen at all does not depend on what was there."""
    assert WITHIN.resolvable == pytest.approx(3.0)
    assert replace(WITHIN, value=105.0, lower=102.0, upper=108.0).resolvable == pytest.approx(3.0)
