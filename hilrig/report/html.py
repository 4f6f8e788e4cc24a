"""One self-contained page for the engineer who has to decide at six in the morning."""

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hilrig.core.result import Document
from hilrig.core.units import format_duration
from hilrig.core.verdict import RunStatus
from hilrig.report import tables, values, wording
from hilrig.report.chart_svg import latency_chart
from hilrig.report.margin_svg import margin_bar

_LEVELS: Final = {RunStatus.PASS: "pass", RunStatus.FAIL: "fail", RunStatus.INCONCLUSIVE: "open"}
_COLORS: Final = {"pass": "#0b6b3a", "fail": "#b3261e", "open": "#8a5a00"}
_SHAPES: Final = {
    "pass": '<circle cx="8" cy="8" r="7.5"/><path d="M4.5 8.2 7 10.7l4.5-5" fill="none"/>',
    "fail": '<path d="M5 .5h6L15.5 5v6L11 15.5H5L.5 11V5z"/><path d="m5.3 5.3 5.4 5.4m0-5.4-5.4 5.4"/>',
    "open": '<path d="M8 .3 15.7 8 8 15.7.3 8z"/><path d="M8 4.3v4.4m0 2.6v.2"/>',
}
"""The shape of each level in a square of 16: the outline, then the mark drawn over it (never colour alone)."""


class HtmlSink:
    """The full report: opens from disk with the network off, runs no script, loads nothing."""

    file_name = "report.html"

    def render(self, document: Document) -> bytes:
        """Return the page as UTF-8."""
        environment = _environment()
        css = (resources.files(__package__) / "templates" / "report.css").read_text(encoding="utf-8")
        level = _LEVELS[document.result.judgement.status]
        page = environment.get_template("report.html.j2").render(
            css=Markup(css),  # noqa: S704 - hilrig's own file
            css_sha256=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode(),
            icon=_icon(level),
            level=level,
            shapes={name: Markup(shape) for name, shape in _SHAPES.items()},  # noqa: S704 - hilrig's own constants
            signature=document.signature,
            result=document.result,
            judgement=document.result.judgement,
            chart=latency_chart(document.result.judgement.latency_series, document.result.judgement.checks),
            measured_s=wording.measured_s(document.result),
        )
        return page.encode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("hilrig.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        wording=wording,
        tables=tables,
        quantity=values.quantity,
        number=values.number,
        aligned=values.aligned,
        missing=values.missing,
        moment=values.moment,
        margin_bar=margin_bar,
        format_duration=format_duration,
    )
    return environment


def _printable(value: Any) -> Any:
    """Keep out of the page what no template may print: invisible characters, the word None."""
    if isinstance(value, Markup):
        return value
    if value is None:
        return "— not stated"
    return values.plain(str(value))


def _icon(level: str) -> str:
    """Return the verdict's shape as an icon for the browser's tab, as a data URI."""
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" stroke="#fff" stroke-width="1.8"'
    svg = f'{head} fill="{_COLORS[level]}">{_SHAPES[level]}</svg>'
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
