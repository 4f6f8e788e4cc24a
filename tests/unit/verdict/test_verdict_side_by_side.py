"""hilrig.verdict.many_runs.side_by_side: numbers of several runs, and what their differences are worth."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.config.noun_json import from_json, to_json
from hilrig.core.side_by_side import Cell, ComparedRun, Finding, SideBySide
from hilrig.core.verdict import RunStatus
from hilrig.verdict.many_runs.conditions import conditions_of_result
from hilrig.verdict.many_runs.side_by_side import delta_text, do_bounds_meet, side_by_side
from signed_runs import make_check, make_judgement, make_result, make_temperature, make_window

BOUND = st.none() | st.floats(0, 100)


def make_run(label, judgement, **changes):
    result = make_result(judgement, **changes)
    return ComparedRun(
        label=label,
        path=f"reports/{label}",
        run_id=label,
        started_at_utc=result.started_at_utc,
        status=judgement.status,
        sentence=judgement.sentence,
        ended="completed",
        result_sha256="0" * 64,
        key_fingerprint="SHA256:x",
        is_key_known=True,
        conditions=conditions_of_result(result),
    )


def compared(*judgements) -> SideBySide:
    return side_by_side([make_run("ABC"[n], one) for n, one in enumerate(judgements)], judgements)


def row(found: SideBySide, metric: str):
    (chosen,) = [one for one in found.rows if one.metric == metric]
    return chosen


def make_cell(lower, upper):
    return Cell(value=1.0, text="", lower=lower, upper=upper)


def test_bounds_that_do_not_meet_are_a_finding():
    """20 ms and 30 ms, each known to 5 %: the limit's row says so, and so does the p99 with the same bounds."""
    found = compared(make_judgement(p99_ms=20.0), make_judgement(p99_ms=30.0))
    for metric in ("latency.p99_max_ms", "latency_p99_ms"):
        first, other = row(found, metric).cells
        assert first.finding is Finding.FIRST
        assert (other.finding, other.delta_text) == (Finding.BEYOND, "+10 ms")


def test_bounds_that_meet_are_no_finding():
    """20 ms and 21 ms: 19..21 and 19.95..22.05."""
    found = compared(make_judgement(p99_ms=20.0), make_judgement(p99_ms=21.0))
    assert row(found, "latency.p99_max_ms").cells[1].finding is Finding.WITHIN


def test_a_number_without_bounds_claims_nothing():
    """A maximum twice as high may be chance: the difference stands there, without a word."""
    found = compared(make_judgement(p99_ms=20.0), make_judgement(p99_ms=40.0))
    cell = row(found, "latency_max_ms").cells[1]
    assert (cell.finding, cell.delta_text) == (Finding.NO_BOUNDS, "+40 ms")


def test_an_unmeasured_number_is_never_subtracted():
    """Neither way round, and it is not 0."""
    judgements = [make_judgement(), make_judgement(measured={"host_memory_peak_mib": None})]
    for pair in (judgements, judgements[::-1]):
        cells = row(compared(*pair), "host_memory_peak_mib").cells
        assert cells[1].finding is Finding.NOT_COMPARED
        assert (cells[1].delta, cells[1].delta_text) == (None, "")
        assert [cell.text for cell in cells].count("not measured: no sensor") == 1


def test_infinite_is_neither_a_number_nor_unmeasured():
    """A p99 that dropped frames made infinite."""
    check = make_check(None, lower=20.0)
    found = compared(make_judgement(), make_judgement(checks=(check,)))
    cell = row(found, "latency.p99_max_ms").cells[1]
    assert (cell.value, cell.text, cell.finding) == (None, "infinite", Finding.NOT_COMPARED)


def test_a_limit_that_one_run_does_not_have_is_said():
    """Limits of all runs stand there, in the order in which they come."""
    other = make_check(3.0, check_id="latency.p50_max_ms", metric="latency_p50_ms")
    found = compared(make_judgement(), make_judgement(checks=(other,)))
    limits = [one for one in found.rows if one.group == "limits"]
    assert [one.metric for one in limits] == ["latency.p99_max_ms", "latency.p50_max_ms"]
    assert limits[1].cells[0].text == "no such limit"
    assert limits[1].cells[1].limit_text == "<= 45 ms"


def test_bounds_of_a_limit_are_not_lent_to_another_number():
    """A limit counts undecided frames as infinite; the p99 of the decided ones is another number."""
    check = make_check(33.0, lower=32.0, upper=34.0)
    found = compared(make_judgement(p99_ms=20.0, checks=(check,)), make_judgement())
    assert row(found, "latency_p99_ms").cells[0].lower is None


def test_another_rate_is_a_warning():
    """The numbers are shown all the same."""
    fast = make_judgement(measured={"frames_offered": 36_000.0})
    found = compared(make_judgement(), fast)
    (warning,) = found.warnings
    assert "frame rate (30 fps, 60 fps)" in warning
    assert row(found, "latency_p99_ms").cells[1].delta is not None
    assert not compared(make_judgement(), make_judgement()).warnings


def test_temperatures_are_compared_sensor_by_sensor():
    """A sensor that one of the runs does not have is not measured there."""
    found = compared(
        make_judgement(channels=(make_temperature("cpu", 71.5), make_temperature("gpu0", 80.0))),
        make_judgement(channels=(make_temperature("cpu", 74.0),)),
    )
    assert row(found, "hw.temperature{hw.id=cpu}").cells[1].delta_text == "+2.5 °C"
    assert row(found, "hw.temperature{hw.id=gpu0}").cells[1].text.startswith("not measured")


def test_throttling_is_a_time_with_its_stretches():
    """Seconds in the table, stretches for the page."""
    hot = make_judgement(throttle_windows=(make_window(10.0, 40.0), make_window(30.0, 50.0)))
    found = compared(make_judgement(), hot)
    assert [cell.text for cell in row(found, "throttled_s").cells] == ["0 s", "40 s"]
    assert found.curves[1].throttled[0] == (10.0, 40.0, "thermal, gpu0")


def test_a_run_from_before_the_distribution_has_no_curve():
    """Its other numbers are there."""
    old = replace(make_judgement(), distribution=None)
    found = compared(old, make_judgement())
    assert found.curves[0].percentiles == ()
    assert found.curves[0].t_s


def test_an_empty_judgement_is_compared_without_a_number():
    """A run that ended before anything was measured."""
    empty = replace(
        make_judgement(status=RunStatus.INCONCLUSIVE), checks=(), measurements=(), latency_series=(), channels=()
    )
    found = compared(empty, make_judgement())
    assert all(one.cells[0].value is None for one in found.rows)
    assert all(one.cells[1].finding is Finding.NOT_COMPARED for one in found.rows)


def test_the_comparison_survives_its_json():
    """What --json prints is the whole noun."""
    found = compared(make_judgement(), make_judgement(p99_ms=30.0), make_judgement(p99_ms=10.0))
    assert from_json(SideBySide, to_json(found), what="comparison") == found


@given(BOUND, BOUND, BOUND, BOUND)
def test_whether_bounds_meet_does_not_depend_on_the_order(low_a, high_a, low_b, high_b):
    """Symmetric; and no claim when one of the two has no bound."""
    first, other = make_cell(low_a, high_a), make_cell(low_b, high_b)
    assert do_bounds_meet(first, other) == do_bounds_meet(other, first)
    has_none = (low_a is None and high_a is None) or (low_b is None and high_b is None)
    assert (do_bounds_meet(first, other) is None) == has_none


def test_an_open_side_reaches_as_far_as_there_are_numbers():
    """At least 15 against at most 12 do not meet; at least 15 against at least 12 may."""
    assert do_bounds_meet(make_cell(10, 12), make_cell(15, None)) is False
    assert do_bounds_meet(make_cell(12, None), make_cell(15, None)) is True
    assert do_bounds_meet(make_cell(None, 12), make_cell(15, None)) is False


@pytest.mark.parametrize(
    ("delta", "text"), [(0.0, "the same"), (1.25, "+1.25 ms"), (-1.25, "-1.25 ms"), (-0.0004, "-0.0004 ms")]
)
def test_a_difference_has_its_sign_and_unit(delta, text):
    """Never per cent: a share looks like a finding."""
    assert delta_text(delta, "ms") == text
