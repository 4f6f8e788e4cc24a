"""One self-contained page for the engineer who has to decide at six in the morning."""

from typing import Final

from hilrig.core.document import Document
from hilrig.core.verdict import RunStatus
from hilrig.report import wording
from hilrig.report.chart_svg import latency_chart
from hilrig.report.page import render_page
from hilrig.report.telemetry_svg import telemetry_panels
from hilrig.report.time_axis import time_axis

_LEVELS: Final = {RunStatus.PASS: "pass", RunStatus.FAIL: "fail", RunStatus.INCONCLUSIVE: "open"}


class HtmlSink:
    """The full report: opens from disk with the network off, runs no script, loads nothing."""

    file_name = "report.html"

    def render(self, document: Document) -> bytes:
        """Return the page as UTF-8."""
        judgement = document.result.judgement
        return render_page(
            "report.html.j2",
            styles=("report.css", "telemetry.css"),
            level=_LEVELS[judgement.status],
            signature=document.signature,
            result=document.result,
            judgement=judgement,
            chart=latency_chart(judgement.latency_series, judgement.checks, judgement.throttle_windows),
            panels=telemetry_panels(judgement, time_axis(judgement.latency_series)),
            measured_s=wording.measured_s(document.result),
        )
