"""The page of an interleaved comparison."""

from typing import Final

from hilrig.core.search import Comparison, ComparisonVerdict
from hilrig.report.page import render_page
from hilrig.report.pairs_svg import pairs_chart

_LEVELS: Final = {
    ComparisonVerdict.NON_INFERIOR: "pass",
    ComparisonVerdict.INFERIOR: "fail",
    ComparisonVerdict.INCONCLUSIVE: "open",
}
_MEANING: Final = {
    ComparisonVerdict.NON_INFERIOR: "the challenger is as fast, but for the margin",
    ComparisonVerdict.INFERIOR: "the challenger is slower than the margin allows",
    ComparisonVerdict.INCONCLUSIVE: "not enough evidence",
}


def render_comparison(comparison: Comparison) -> bytes:
    """Return the page as UTF-8: the verdict, the differences with their interval, every pair."""
    return render_page(
        "compare.html.j2",
        styles=("report.css", "search.css"),
        level=_LEVELS[comparison.verdict],
        comparison=comparison,
        chart=pairs_chart(comparison),
        meaning=_MEANING[comparison.verdict],
        word=comparison.verdict.value.replace("_", "-"),
        n_dropped=sum(bool(pair.dropped) for pair in comparison.pairs),
    )
