from dataclasses import replace

from report_documents import make_failing
from report_evidence import make_whole

from hilrig.core.analysis import Budget, Distribution
from hilrig.core.document import Document
from hilrig.report.curve_blocks import burn_downs, distribution_figures

LOST = Distribution(
    edges_ms=(1.0, 2.0, 4.0),
    counts=(90, 0),
    n_undecided=10,
    percentiles=(0.0, 50.0, 90.0, 99.0, 100.0),
    latency_ms=(1.0, 1.5, 2.0, None, None),
)


def judged(**changes) -> Document:
    """Return a failed run of which parts of the judgement are others."""
    document = make_failing()
    judgement = replace(document.result.judgement, **changes)
    return replace(document, result=replace(document.result, judgement=judgement))


def used(*n_used: int, n_allowed: int = 10) -> Document:
    """Return a run with one budget over 100 frames."""
    check_id = make_failing().result.judgement.checks[0].check_id
    times_s = tuple(float(index + 1) for index in range(len(n_used)))
    return judged(
        budgets=(Budget(check_id=check_id, n_measured=100, n_allowed=n_allowed, t_s=times_s, n_used=n_used),)
    )


def test_a_burn_down_starts_at_nothing_and_ends_at_what_was_used():
    """Steps of what was used, a line of what was allowed by then, the whole budget as a level."""
    (figure,) = burn_downs(used(0, 4, 12))
    steps, allowed = figure.value["series"]
    assert (steps["x"], steps["y"]) == ([0.0, 1.0, 2.0, 3.0], [0, 0, 4, 12])
    assert (allowed["x"], allowed["y"]) == ([0.0, 3.0], [0, 10])
    assert figure.value["levels"][0]["value"] == 10
    assert "10 of 100 frames may break this limit; 12 did: more than that" in figure.summary


def test_a_budget_that_nobody_used_is_not_drawn():
    """A flat line says nothing that its number does not."""
    assert not list(burn_downs(used(0, 0, 0)))


def test_the_histogram_holds_every_bin_and_counts_the_rest_in_words():
    """Counts stay counts, 0 too; frames without a decision are in no bin and are named."""
    histogram, _ = distribution_figures(judged(distribution=LOST))
    (bins,) = histogram.value["series"]
    assert (bins["x"], bins["y"]) == ([1.0, 2.0, 4.0], [90, 0, 0])
    assert "10 more got no decision" in histogram.summary


def test_infinite_percentiles_are_gaps_and_said():
    """A frame that never got its decision has no height."""
    _, curve = distribution_figures(judged(distribution=LOST))
    assert curve.value["series"][0]["y"] == [1.0, 1.5, 2.0, None, None]
    assert "p99 is infinite" in curve.summary
    assert "infinite for 10 frames" in curve.summary


def test_limits_stand_on_both_charts():
    """Upright among the latencies, level among the percentiles."""
    histogram, curve = distribution_figures(judged(distribution=LOST))
    assert [mark["x"] for mark in histogram.value["marks"]] == [level["value"] for level in curve.value["levels"]]
    assert histogram.value["marks"]


def test_a_baseline_is_a_second_line_of_another_style():
    """Dashed, not only of another colour; without one there is one series."""
    histogram, curve = distribution_figures(make_whole())
    for figure in (histogram, curve):
        own, baseline = figure.value["series"]
        assert (own["dash"], baseline["dash"]) == (False, True)
        assert baseline["label"] == "baseline"


def test_no_distribution_no_figures():
    """Nothing measured, nothing drawn."""
    assert not list(distribution_figures(judged(distribution=None)))
