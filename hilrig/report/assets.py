"""The assets that go into a page: hilrig's own, besides uPlot, which the build has fetched.

They are style sheets and scripts. uPlot is not in the repository. The build hook in `.ci/charts` puts it into
the package, pinned by a lock file, so that no page and no rig ever needs a network for it.
"""

from functools import cache
from importlib import resources
from typing import Final

from hilrig.core.errors import PreconditionError

CHART_STYLES: Final = ("uPlot.min.css", "charts.css")
"""What a page with charts needs besides its own style sheets."""

CHART_SCRIPTS: Final = (
    "uPlot.iife.min.js",
    "theme.js",
    "format.js",
    "axes.js",
    "decode.js",
    "buckets.js",
    "shading.js",
    "latency.js",
    "lanes.js",
    "panels.js",
    "timeline.js",
    "readout.js",
    "zoom.js",
    "curves.js",
    "main.js",
)
"""In this order: uPlot first, the one that starts them all last."""

_VENDORED: Final = ("uPlot.iife.min.js", "uPlot.min.css")
_LICENCE: Final = "LICENSE"


def require_assets() -> None:
    """Refuse an installation whose reports could not be drawn.

    Raises:
        PreconditionError: the chart library is not there.
    """
    folder = resources.files(__package__) / "vendor" / "uplot"
    if not all((folder / name).is_file() for name in (*_VENDORED, _LICENCE)):
        raise PreconditionError(
            "the chart library is missing from this installation: its reports could not be drawn",
            hint="install hilrig again: `make demo` in a checkout, else `pip install --force-reinstall hilrig`",
        )


@cache
def style(name: str) -> str:
    """Return a style sheet by its file name."""
    return _vendored(name) if name in _VENDORED else _own("templates", name)


@cache
def script(name: str) -> str:
    """Return a script by its file name."""
    return _vendored(name) if name in _VENDORED else _own("scripts", name)


def _own(folder: str, name: str) -> str:
    return (resources.files(__package__) / folder / name).read_text(encoding="utf-8")


def _vendored(name: str) -> str:
    """Return a file of uPlot under its licence, which asks to go wherever the code goes."""
    require_assets()
    folder = resources.files(__package__) / "vendor" / "uplot"
    licence, text = ((folder / one).read_text(encoding="utf-8") for one in (_LICENCE, name))
    return f"/*! uPlot\n{licence.strip()}\n*/\n{text}"
