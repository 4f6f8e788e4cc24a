"""Limits, their baseline, their place in the profile and on the page."""

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_checks import FAILED_P99, INFINITE_P999, PASSED_DROPS, PASSED_P99, UNMEASURED_GPU
from report_documents import make_passing
from report_evidence import make_baseline, make_budget

from hilrig.core.metrics import METRICS
from hilrig.core.result import Result
from hilrig.report.anchors import profile_line, profile_lines, section_of
from hilrig.report.baseline_words import beside
from hilrig.report.identity import identity
from hilrig.report.limit_rows import budget_rows, limit_rows
from hilrig.report.margin_svg import WIDTH_PX, budget_bar, margin_bar, share_bar

SECTIONS = {"latency", "detection", "throttling", "telemetry", "companions", "faults", "power-loss"}


def named(result: Result) -> dict[str, str]:
    return {fact.name: fact.text for fact in identity(result)}


def filled_px(bar) -> float:
    return float(ET.fromstring(bar).findall("rect")[1].get("width"))


def test_every_metric_leads_to_a_section() -> None:
    """Each limit that a profile can hold has its place on the page."""
    places = {name: section_of(replace(PASSED_P99, metric=name)) for name in [*METRICS, "plug_in_metric"]}
    assert set(places.values()) == SECTIONS
    assert places["gpu_memory_peak_mib"] == "telemetry"
    assert places["thermal_throttle_events"] == "throttling"
    assert places["plug_in_metric"] == "telemetry"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("profile.yaml:21:20", 21),
        ("profile.yaml:30", 30),
        ("profile.yaml:0:1", None),
        ("profile.yaml:31:1", None),
        ("profile.yaml", None),
        ("C:profile.yaml:21:20", None),
        ("profile.yaml:\uff121:1", None),
        ("", None),
    ],
)
def test_only_a_line_that_is_there_is_linked(source: str, line: int | None) -> None:
    """A source names file, line and column; what the page does not hold is no link."""
    assert profile_line(source, 30) == line


@given(st.text(alphabet="ab:\n\r\x85\u2028\u2029\x0b\x0c\x1c ", max_size=40))
def test_lines_are_counted_as_yaml_counts_them(text: str) -> None:
    """A vertical tab ends no line there, a lone carriage return does: link and message name the same line."""
    breaks = text.replace("\r\n", "\n").translate(dict.fromkeys(map(ord, "\r\x85\u2028\u2029"), "\n"))
    assert len(profile_lines(text)) == breaks.count("\n") + (not breaks.endswith("\n") and bool(breaks))


@pytest.mark.parametrize(
    ("lower", "upper", "other_lower", "other_upper", "words"),
    [
        (30.0, 32.0, 24.8, 27.3, "worse, beyond both runs' bounds"),
        (20.0, 22.0, 24.8, 27.3, "better, beyond both runs' bounds"),
        (27.3, 29.0, 24.8, 27.3, "within the bounds of both runs: may be chance"),
        (28.0, None, 24.8, 27.3, "worse, beyond both runs' bounds"),
        (28.0, None, 24.8, None, "within the bounds of both runs: may be chance"),
        (None, None, 24.8, 27.3, ""),
    ],
)
def test_bounds_that_overlap_prove_no_change(lower, upper, other_lower, other_upper, words: str) -> None:
    """Only bounds that are apart are called a change; an open bound reaches to infinity."""
    check = replace(PASSED_P99, lower=lower, upper=upper)
    baseline = replace(make_baseline(), checks=(replace(PASSED_P99, lower=other_lower, upper=other_upper),))
    assert beside(check, baseline).bounds == words


def test_more_is_better_where_the_limit_is_a_least() -> None:
    """A recall that grew is not called worse."""
    check = replace(PASSED_P99, comparator=">=", lower=30.0, upper=32.0)
    baseline = replace(make_baseline(), checks=(replace(PASSED_P99, comparator=">="),))
    assert beside(check, baseline).bounds.startswith("better")


@pytest.mark.parametrize(
    ("observed", "before", "change"),
    [
        (26.7, 25.9, "+0.8 ms (+3.1 %)"),
        (25.1, 25.9, "-0.8 ms (-3.1 %)"),
        (25.9, 25.9, "no change"),
        (3.0, 0.0, "+3 ms"),
        (None, 25.9, ""),
        (25.9, None, ""),
    ],
)
def test_a_change_has_its_sign(observed, before, change: str) -> None:
    """Against nothing, and of something infinite, there is no change in numbers."""
    baseline = replace(make_baseline(), checks=(replace(PASSED_P99, observed=before),))
    found = beside(replace(PASSED_P99, observed=observed), baseline).change
    assert found.replace("0.8000", "0.8") == change


def test_another_unit_is_another_limit() -> None:
    """A number in another unit is never subtracted."""
    baseline = replace(make_baseline(), checks=(replace(PASSED_P99, unit="us"),))
    assert beside(PASSED_P99, baseline).observed == "— no such limit in that run"


def test_a_baseline_that_was_not_measured_says_so() -> None:
    """Not measured in that run is not 0 there."""
    baseline = replace(make_baseline(), checks=(UNMEASURED_GPU,))
    assert beside(UNMEASURED_GPU, baseline).observed == "— not measured in that run"


def test_rows_carry_what_decided_first() -> None:
    """Failed limits first, each with its words, its section and its line."""
    judgement = replace(make_passing().result.judgement, checks=(PASSED_P99, INFINITE_P999))
    rows = limit_rows(judgement, baseline=None, n_profile_lines=21)
    assert [(row.title, row.word, row.line, row.baseline) for row in rows] == [
        ("latency p99.9", "FAIL", 21, None),
        ("latency p99", "PASS", 21, None),
    ]


def test_budgets_stand_in_the_order_of_the_limits() -> None:
    """One without its limit comes last and is still shown; none allowed is said without a share."""
    judgement = replace(
        make_passing().result.judgement,
        checks=(PASSED_DROPS, FAILED_P99),
        budgets=(
            make_budget("unknown.limit", n_allowed=0, n_used=2),
            make_budget("frames.drop_max_pct", n_allowed=90, n_used=90),
            make_budget("latency.p99_max_ms", n_allowed=180, n_used=181),
        ),
    )
    rows = budget_rows(judgement)
    assert [row.title for row in rows] == ["latency p99", "dropped frames", "unknown.limit"]
    assert [row.is_over for row in rows] == [True, False, True]
    assert rows[2].text == "0 of 18,000 frames may break it; used 2"
    assert rows[0].text.endswith("used 181 (100 %)")


@given(st.floats(0, 1e12), st.floats(0, 1e6))
def test_a_bar_stays_within_its_width(observed: float, limit: float) -> None:
    """However far over its limit, and with a limit of 0, the bar is drawn and not outside of it."""
    assert 0 <= filled_px(margin_bar(replace(PASSED_P99, observed=observed, limit=limit))) <= WIDTH_PX


def test_bars_tell_over_from_within() -> None:
    """A budget that is used up reaches beyond its limit's mark; a share is as wide as its number."""
    within, over = (budget_bar(make_budget("x", n_allowed=10, n_used=used)) for used in (10, 11))
    assert filled_px(within) < filled_px(over)
    assert 'class="m-fail"' in over
    assert filled_px(share_bar(41.3)) == 41.3
    assert filled_px(share_bar(140.0)) == 100.0


def test_a_machine_is_named_by_what_it_tells() -> None:
    """Board, processor, system, power mode: unknown facts are left out, no fact at all is said."""
    result = make_passing().result
    facts = {"board": "Jetson Orin NX", "os": "Ubuntu 22.04", "jetpack": "6.0", "power_mode": "MAXN"} | {
        "cpu_model": None
    }
    board = replace(result, rig_info={"facts": facts})
    assert named(board)["Machine"] == "Jetson Orin NX, Ubuntu 22.04, JetPack 6.0, power mode MAXN"
    assert named(replace(result, rig_info={"facts": None}))["Machine"] == "— not recorded"


def test_a_model_without_a_digest_says_so() -> None:
    """A missing sha256 is not an empty place."""
    result = replace(make_passing().result, model_bundle_sha256="", pipeline_sha256="")
    assert named(result)["Model"] == "model.onnx — no sha256 recorded"
    assert named(result)["Pipeline"] == "— no sha256 recorded"
