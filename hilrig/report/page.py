"""A self-contained page from its template: style with its hash, shapes, escaping, no script."""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hilrig.core.units import format_duration
from hilrig.report import channel_table, tables, throttling, values, wording
from hilrig.report.channel_words import in_words
from hilrig.report.margin_svg import margin_bar

_COLORS: Final = {"pass": "#0b6b3a", "fail": "#b3261e", "open": "#8a5a00"}
_SHAPES: Final = {
    "pass": '<circle cx="8" cy="8" r="7.5"/><path d="M4.5 8.2 7 10.7l4.5-5" fill="none"/>',
    "fail": '<path d="M5 .5h6L15.5 5v6L11 15.5H5L.5 11V5z"/><path d="m5.3 5.3 5.4 5.4m0-5.4-5.4 5.4"/>',
    "open": '<path d="M8 .3 15.7 8 8 15.7.3 8z"/><path d="M8 4.3v4.4m0 2.6v.2"/>',
}
"""The shape of each level in a square of 16: the outline, then the mark drawn over it (never colour alone)."""


def render_page(template: str, *, styles: Sequence[str], level: str, **values: Any) -> bytes:
    """Return a page as UTF-8.

    Args:
        template: its file.
        styles: the style sheets that go into it.
        level: pass, fail or open: its colour, shape and icon.
        values: what the template shows.
    """
    folder = resources.files(__package__) / "templates"
    css = "".join((folder / name).read_text(encoding="utf-8") for name in styles)
    page = (
        _environment()
        .get_template(template)
        .render(
            css=Markup(css),  # noqa: S704 - hilrig's own files
            css_sha256=base64.b64encode(hashlib.sha256(css.encode()).digest()).decode(),
            icon=_icon(level),
            level=level,
            shapes={name: Markup(shape) for name, shape in _SHAPES.items()},  # noqa: S704 - hilrig's own constants
            **values,
        )
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
        channel_table=channel_table,
        throttling=throttling,
        quantity=values.quantity,
        number=values.number,
        in_words=in_words,
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
