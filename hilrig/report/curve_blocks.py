"""Curves of a run as figures for the page's generic chart.

They are its error budgets and its distribution.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hilrig.core.analysis import Budget, Distribution
from hilrig.core.document import Document
from hilrig.core.verdict import Check
from hilrig.report.scale import LOG_FROM_RATIO, latency_limits
from hilrig.report.values import number, one_line
from hilrig.report.wording import check_title, limit_text

_N_MARKS_MAX: Final = 4
"""Limits on one figure: more would write over one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One generic chart: `figure_id` names its data block, `value` is what stands there.

    `summary` is what it says in one sentence: the caption, and what a screen reader says.
    """

    figure_id: str
    title: str
    summary: str
    value: dict[str, Any]


def burn_downs(document: Document) -> Iterator[Figure]:
    """Return a burn-down for each limit that a frame broke; a budget that nobody used is a number, no chart."""
    checks = {check.check_id: check for check in document.result.judgement.checks}
    for index, budget in enumerate(document.result.judgement.budgets):
        if budget.n_used and budget.n_used[-1] and budget.check_id in checks:
            yield _burn_down(budget, checks[budget.check_id], f"budget-{index}")


def distribution_figures(document: Document) -> Iterator[Figure]:
    """Return the histogram of latencies and the curve of their percentiles, a baseline behind both."""
    judgement, baseline = document.result.judgement, document.baseline
    if judgement.distribution is None or not judgement.distribution.counts:
        return
    others = baseline.distribution if baseline else None
    limits = latency_limits(judgement.checks)[:_N_MARKS_MAX]
    yield _histogram(judgement.distribution, others, limits)
    yield _percentile_curve(judgement.distribution, others, limits)


def _burn_down(budget: Budget, check: Check, figure_id: str) -> Figure:
    n_used, end_s = budget.n_used[-1], budget.t_s[-1]
    verb = "did" if n_used <= budget.n_allowed else "did: more than that"
    return Figure(
        figure_id=figure_id,
        title=one_line(f"{check_title(check)} {limit_text(check)}"),
        summary=f"{budget.n_allowed:,} of {budget.n_measured:,} frames may break this limit; {n_used:,} {verb}.",
        value={
            "x": {"label": "time", "scale": "time"},
            "y": {"label": "frames that broke it", "unit": "", "scale": "linear"},
            "series": [
                _series("used", (0.0, *budget.t_s), (0, *budget.n_used), style="steps", tone="fail"),
                _series("allowed so far", (0.0, end_s), (0, budget.n_allowed), tone="soft", dash=True),
            ],
            "levels": [{"label": f"{budget.n_allowed:,} allowed", "value": budget.n_allowed, "tone": "limit"}],
            "marks": [],
        },
    )


def _histogram(own: Distribution, baseline: Distribution | None, limits: Sequence[Check]) -> Figure:
    n = sum(own.counts)
    undecided = f", {own.n_undecided:,} more got no decision" if own.n_undecided else ""
    series = [_bins("this run", own, tone="median")]
    series += [_bins("baseline", baseline, tone="soft", dash=True)] if baseline else []
    return Figure(
        figure_id="histogram",
        title="How many frames took how long",
        summary=f"{n:,} decided frames, {number(own.edges_ms[0])} to {number(own.edges_ms[-1])} ms{undecided}.",
        value={
            "x": {"label": "latency, ms", "scale": _latency_scale(own.edges_ms)},
            "y": {"label": "frames", "unit": "", "scale": "log"},
            "series": series,
            "levels": [],
            "marks": [{"x": check.limit, "label": _limit_label(check)} for check in limits],
        },
    )


def _bins(label: str, distribution: Distribution, **style: Any) -> dict[str, Any]:
    counts = distribution.counts
    return _series(label, distribution.edges_ms, (*counts, counts[-1]), style="steps", **style)


def _percentile_curve(own: Distribution, baseline: Distribution | None, limits: Sequence[Check]) -> Figure:
    finite = [latency_ms for latency_ms in own.latency_ms if latency_ms is not None]
    worst = f"infinite for {own.n_undecided:,} frames" if own.n_undecided else f"{number(finite[-1])} ms"
    series = [_series("this run", own.percentiles, own.latency_ms, tone="tail")]
    if baseline:
        series.append(_series("baseline", baseline.percentiles, baseline.latency_ms, tone="soft", dash=True))
    return Figure(
        figure_id="percentiles",
        title="Percentiles of latency",
        summary=f"The median is {_at(own, 50.0)}, p99 is {_at(own, 99.0)}, the slowest {worst}.",
        value={
            "x": {"label": "share of the frames that were at most as slow", "scale": "tail"},
            "y": {"label": "latency", "unit": "ms", "scale": _latency_scale(finite)},
            "series": series,
            "levels": [{"label": _limit_label(check), "value": check.limit, "tone": "limit"} for check in limits],
            "marks": [],
        },
    )


def _series(label: str, x: Sequence[float], y: Sequence[float | None], **style: Any) -> dict[str, Any]:
    return {"label": label, "x": list(x), "y": list(y), "style": "line", "dash": False, "tone": "median", **style}


def _at(distribution: Distribution, percentile: float) -> str:
    found = dict(zip(distribution.percentiles, distribution.latency_ms, strict=True))
    if percentile not in found:
        return "not known with so few frames"
    latency_ms = found[percentile]
    return "infinite" if latency_ms is None else f"{number(latency_ms)} ms"


def _latency_scale(latency_ms: Sequence[float]) -> str:
    """Return `log` where the slowest frames would leave no room for the others."""
    if not latency_ms or latency_ms[0] <= 0:
        return "linear"
    return "log" if latency_ms[-1] >= LOG_FROM_RATIO * latency_ms[0] else "linear"


def _limit_label(check: Check) -> str:
    quantile = check.metric.removeprefix("latency_").removesuffix("_ms").replace("_", ".")
    return one_line(f"{quantile} limit {limit_text(check)}")
