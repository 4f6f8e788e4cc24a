"""What the pages of a search have in common with the report of a run: style, shapes, escaping, no script."""

import base64
import hashlib
from importlib import resources
from typing import Any, Final

from markupsafe import Markup

from hilrig.report.html import _SHAPES, _environment, _icon

STYLES: Final = ("report.css", "search.css")


def render_page(template: str, *, level: str, **values: Any) -> bytes:
    """Return a self-contained page as UTF-8; `level` (pass, fail, open) gives its colour, shape and icon."""
    folder = resources.files(__package__) / "templates"
    css = "".join((folder / name).read_text(encoding="utf-8") for name in STYLES)
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
