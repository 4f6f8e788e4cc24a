"""A real browser for tests: Chromium, driven by playwright, with the network off unless a test serves pages."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))), None)
"""The one without a window first: it opens a page in half the time."""


@dataclass
class Opened:
    """A page with everything that it complained of and every request that it made beside its own file."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


class Browser:
    """Opens pages, each in a context (cookies, storage) of its own."""

    def __init__(self, chromium: Any) -> None:
        self._chromium = chromium

    @contextmanager
    def open(
        self, url: str | Path, *, offline: bool = True, init_script: str = "", **context: Any
    ) -> Iterator[Opened]:
        """Open a file or an address; `init_script` runs before the page's own scripts.

        `context` goes to playwright's new_context: color_scheme, viewport, java_script_enabled, ...
        """
        made = self._chromium.new_context(offline=offline, **context)
        try:
            page = made.new_page()
            opened = Opened(page)
            if init_script:
                page.add_init_script(init_script)
            page.on(
                "console",
                lambda message: opened.complaints.append(message.text) if message.type == "error" else None,
            )
            page.on("pageerror", lambda error: opened.complaints.append(str(error)))
            page.on("request", lambda request: opened.requests.append(request.url))
            page.goto(url if isinstance(url, str) else url.absolute().as_uri())
            if isinstance(url, Path):
                opened.requests = [one for one in opened.requests if one != url.absolute().as_uri()]
                opened.requests = [one for one in opened.requests if not one.startswith("data:")]
            yield opened
        finally:
            made.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; skip where it or its driver is not installed."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield Browser(launched)
        finally:
            launched.close()
