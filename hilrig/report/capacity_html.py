"""The page of a capacity search."""

from typing import Final

from hilrig.core.exits import ExitCode
from hilrig.core.search import Capacity, ProbeOutcome, SearchEnd
from hilrig.report.capacity_svg import capacity_chart
from hilrig.report.page import render_page
from hilrig.report.values import number

_CHIPS: Final = {
    ProbeOutcome.SUSTAINED: ("pass", "SUSTAINED"),
    ProbeOutcome.NOT_SUSTAINED: ("fail", "NOT SUSTAINED"),
    ProbeOutcome.UNFIT: ("fail", "UNFIT"),
    ProbeOutcome.UNDECIDED: ("open", "UNDECIDED"),
    ProbeOutcome.INSTRUMENT: ("open", "INSTRUMENT"),
}


def render_capacity(capacity: Capacity) -> bytes:
    """Return the page as UTF-8: the found rate, latency against rate, every probe."""
    return render_page(
        "capacity.html.j2",
        styles=("report.css", "search.css"),
        level=_level(capacity),
        capacity=capacity,
        chart=capacity_chart(capacity),
        chips=_CHIPS,
        headline=_headline(capacity),
    )


def _level(capacity: Capacity) -> str:
    return {ExitCode.OK: "pass", ExitCode.FAIL: "fail"}.get(capacity.exit_code, "open")


def _headline(capacity: Capacity) -> str:
    if capacity.ended is not SearchEnd.COMPLETED:
        return "Unfinished"
    return "No rate found" if capacity.found_fps is None else f"{number(capacity.found_fps)} fps"
