"""One self-contained page for the engineer who has to decide at six in the morning."""

import base64
from typing import Final

from hilrig.core.document import Document
from hilrig.core.verdict import RunStatus
from hilrig.report import wording
from hilrig.report.anchors import profile_lines
from hilrig.report.assets import CHART_SCRIPTS, CHART_STYLES
from hilrig.report.baseline_words import baseline_line
from hilrig.report.fault_rows import fault_rows
from hilrig.report.identity import identity, plan_facts
from hilrig.report.limit_rows import budget_rows, limit_rows
from hilrig.report.margin_svg import share_bar
from hilrig.report.page import render_page
from hilrig.report.png import render_png
from hilrig.report.signed_blocks import signed_block
from hilrig.report.verdict_words import leading_cause, reasons
from hilrig.report.worst_rows import worst_rows

STYLES: Final = ("report.css", "sections.css", "trust.css", *CHART_STYLES)
SCRIPTS: Final = ("signature_proof.js", "signature_shown.js", "signature.js", *CHART_SCRIPTS)
_LEVELS: Final = {RunStatus.PASS: "pass", RunStatus.FAIL: "fail", RunStatus.INCONCLUSIVE: "open"}


class HtmlSink:
    """The full report: opens from disk with the network off and loads nothing."""

    file_name = "report.html"

    def render(self, document: Document) -> bytes:
        """Return the page as UTF-8, with the picture that it draws itself."""
        return render_report(document, png=render_png(document))


def render_report(document: Document, *, png: bytes) -> bytes:
    """Return the page as UTF-8.

    Args:
        document: what it shows.
        png: the picture for paper and for browsers without scripts, as `render_png` draws it; empty: none.
    """
    result, judgement = document.result, document.result.judgement
    listing = profile_lines(document.profile_text)
    return render_page(
        "report.html.j2",
        styles=STYLES,
        scripts=SCRIPTS,
        level=_LEVELS[judgement.status],
        document=document,
        signature=document.signature,
        signed=signed_block(document.signature),
        result=result,
        judgement=judgement,
        identity=identity(result),
        plan_facts=plan_facts(result),
        reasons=reasons(judgement),
        leading_cause=leading_cause(judgement),
        limits=limit_rows(judgement, baseline=document.baseline, n_profile_lines=len(listing)),
        baseline_line=baseline_line(document.baseline) if document.baseline else "",
        budgets=budget_rows(judgement),
        faults=fault_rows(judgement),
        worst=worst_rows(judgement.worst_frames, document.thumbnails),
        share_bar=share_bar,
        listing=listing,
        png_uri="data:image/png;base64," + base64.b64encode(png).decode() if png else "",
        alt=f"{wording.title(result)}: {judgement.sentence}",
    )
