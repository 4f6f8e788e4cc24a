"""A self-contained page from its template.

It holds style and scripts with their hashes, shapes, escaping.
"""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hilrig.core.units import format_duration
from hilrig.report import assets, channel_table, power_loss, tables, throttling, values, wording
from hilrig.report.blocks import block
from hilrig.report.channel_words import in_words
from hilrig.report.charts import timeline_chart
from hilrig.report.curve_blocks import burn_downs, distribution_figures
from hilrig.report.margin_svg import margin_bar

_COLORS: Final = {"pass": "#0b6b3a", "fail": "#b3261e", "open": "#8a5a00"}
_SHAPES: Final = {
    "pass": '<circle cx="8" cy="8" r="7.5"/><path d="M4.5 8.2 7 10.7l4.5-5" fill="none"/>',
    "fail": '<path d="M5 .5h6L15.5 5v6L11 15.5H5L.5 11V5z"/><path d="m5.3 5.3 5.4 5.4m0-5.4-5.4 5.4"/>',
    "open": '<path d="M8 .3 15.7 8 8 15.7.3 8z"/><path d="M8 4.3v4.4m0 2.6v.2"/>',
}
"""The shape of each level in a square of 16: the outline, then the mark drawn over it (never colour alone)."""


def render_page(
    template: str, *, styles: Sequence[str], scripts: Sequence[str] = (), level: str, **values: Any
) -> bytes:
    """Return a page as UTF-8.

    Besides `values` a template gets `css` and `script`, to stand inline, and `csp`, the content of the policy that
    allows these two and nothing else: no network, no other script, no style attribute. `script` is empty for a
    page without scripts.

    Args:
        template: its file.
        styles: the style sheets that go into it, see `hilrig.report.assets`.
        scripts: the scripts that go into it, in their order; one function in strict mode holds them all.
        level: pass, fail or open: its colour, shape and icon.
        values: what the template shows.
    """
    css = "".join(assets.style(name) for name in styles)
    script = _in_one_function([assets.script(name) for name in scripts])
    page = (
        _environment()
        .get_template(template)
        .render(
            css=Markup(css),  # noqa: S704 - hilrig's own files
            script=Markup(script),  # noqa: S704 - hilrig's own files
            csp=Markup(_policy(css, script)),  # noqa: S704 - hashes and constants
            icon=_icon(level),
            level=level,
            shapes={name: Markup(shape) for name, shape in _SHAPES.items()},  # noqa: S704 - hilrig's own constants
            **values,
        )
    )
    return page.encode()


def _in_one_function(scripts: Sequence[str]) -> str:
    """Return the scripts as one text that leaves no name on the page; nothing for none."""
    return '(function () {\n"use strict";\n' + "\n".join(scripts) + "\n}());\n" if scripts else ""


def _policy(css: str, script: str) -> str:
    """Return the content security policy; a page without a script has no source for one."""
    allowed = [f"style-src 'sha256-{_sha256(css)}'", "img-src data:", "base-uri 'none'", "form-action 'none'"]
    if script:
        allowed.insert(0, f"script-src 'sha256-{_sha256(script)}'")
    return "; ".join(["default-src 'none'", *allowed])


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


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
        block=block,
        timeline_chart=timeline_chart,
        burn_downs=burn_downs,
        distribution_figures=distribution_figures,
        tables=tables,
        power_loss=power_loss,
        channel_table=channel_table,
        throttling=throttling,
        quantity=values.quantity,
        number=values.number,
        in_words=in_words,
        aligned=values.aligned,
        missing=values.missing,
        moment=values.moment,
        since_start=values.since_start,
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
