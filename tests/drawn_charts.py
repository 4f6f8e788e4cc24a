"""The charts of a report as tests look at them: their page, their view, what is painted where."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browsers import Browser, Opened
from hilrig.app.finished.conclude import build_result
from hilrig.app.finished.documents import measured_frames
from hilrig.core.document import Document, SignatureInfo
from hilrig.report.html import render_report
from hilrig.verdict.judge import judge
from soaks import throttled_soak

PICTURE = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU\x00\x00\x00\n"
    b"IDATx\x9cc`\x00\x00\x00\x02\x00\x01H\xaf\xa4q\x00\x00\x00\x00IEND\xaeB`\x82"
)


def soak_document(*, hours: float) -> Document:
    """Return the document of a soak that heat spoiled."""
    record = throttled_soak(hours=hours)
    nobody = SignatureInfo(key_fingerprint="", envelope_file="", envelope_sha256="")
    result = build_result(record, judge(record), digests={})
    return Document(result=result, signature=nobody, frames=measured_frames(record))


def write(document: Document, folder: Path) -> Path:
    """Write a document's page."""
    path = folder / "report.html"
    path.write_bytes(render_report(document, png=PICTURE))
    return path


@contextmanager
def drawn(browser: Browser, page: Path, fragment: str = "", **context: Any) -> Iterator[Opened]:
    """Open a page and wait until its charts stand there."""
    with browser.open(page.absolute().as_uri() + fragment, **context) as opened:
        opened.page.wait_for_function("document.documentElement.dataset.ready", timeout=30_000)
        yield opened


def zoom(opened: Opened, from_s: float, to_s: float) -> str:
    """Ask the page for a view, through its address, and return what it says of it."""
    opened.page.evaluate(
        """(hash) => new Promise((done) => {
          addEventListener("hashchange", () => setTimeout(done), { once: true });
          location.hash = hash;
        })""",
        f"#t={from_s:.3f}-{to_s:.3f}",
    )
    return view_text(opened)


def view_text(opened: Opened) -> str:
    """Return what the page says of its view."""
    return opened.page.locator(".view-text").text_content()


def slowest_ms(text: str) -> float:
    """Return the slowest frame of a view from its words."""
    return float(text.partition("slowest ")[2].partition(" ms")[0].replace(",", ""))


def hash_of(opened: Opened) -> tuple[float, float]:
    """Return the view that the page's address holds."""
    begin, _, end = opened.page.evaluate("location.hash").removeprefix("#t=").partition("-")
    return float(begin), float(end)


def ink(opened: Opened, panel: str, *, x_share: float, y_share: float) -> int:
    """Return how many pixels are painted in a narrow upright strip of a panel's plot, from a height to its top.

    `y_share` is 0 at the bottom of the plot, 1 at its top.
    """
    return opened.page.evaluate(
        """([panel, x, y]) => {
          const canvas = document.querySelector(`[data-panel="${panel}"] canvas`);
          const over = document.querySelector(`[data-panel="${panel}"] .u-over`);
          const ratio = devicePixelRatio, box = over.getBoundingClientRect(), at = canvas.getBoundingClientRect();
          const left = Math.round((box.left - at.left + x * box.width - 3) * ratio);
          const top = Math.round((box.top - at.top) * ratio), height = Math.round(box.height * (1 - y) * ratio);
          const data = canvas.getContext("2d").getImageData(left, top, 6, Math.max(1, height)).data;
          let n = 0;
          for (let i = 3; i < data.length; i += 4) n += data[i] > 60;
          return n;
        }""",
        [panel, x_share, y_share],
    )
