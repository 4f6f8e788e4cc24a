"""The pages for everybody: no serious finding of axe-core, everything within reach of the keyboard."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hilrig.app.compare.runs import compare_runs
from hilrig.app.compare.trend import read_trend
from hilrig.app.finished.conclude import conclude
from hilrig.core import files
from hilrig.core.clock import SystemClock
from hilrig.core.run import RunRecord
from hilrig.record.listing import list_runs
from hilrig.report.capacity_html import render_capacity
from hilrig.report.compare_html import render_comparison
from hilrig.report.side_by_side_html import render_side_by_side
from hilrig.report.trend_html import render_trend
from searches import make_capacity, make_comparison, make_pair
from signed_pages import make_signer
from soaks import calm_soak, short_soak, throttled_soak, write_soak

pytestmark = pytest.mark.waiting  # the same findings however long they take

HOURS = 0.1  # 10,800 frames: every section of the page has something to show
SOAKS: dict[str, Callable[..., RunRecord]] = {"pass": calm_soak, "fail": throttled_soak, "open": short_soak}
SEARCHES: dict[str, Callable[[], bytes]] = {
    "capacity": lambda: render_capacity(make_capacity()),
    "compare": lambda: render_comparison(make_comparison(*[make_pair(10.0, 10.1)] * 7)),
}
MANY_RUNS = ("side-by-side", "trend")
DESK = {"width": 1180, "height": 920}
PHONE = {"width": 390, "height": 844}
SERIOUS = {"serious", "critical"}
READY_MS = 15_000

INTERACTIVE = "a[href], button, input, select, textarea, summary, [tabindex]:not([tabindex='-1'])"
"""What the keyboard has to reach; `isReachable` leaves out what is not there for anybody at the moment."""

IS_REACHABLE = f"""() => {{
  const isReachable = (element) => element.checkVisibility() && !element.disabled;
  return [...document.querySelectorAll(`{INTERACTIVE}`)].filter(isReachable).length;
}}"""
MARK_FOCUSED = """() => {
  const element = document.activeElement;
  if (element === document.body || element.dataset.wasFocused) return null;
  element.dataset.wasFocused = "yes";
  const style = getComputedStyle(element);
  return { name: element.outerHTML.slice(0, 90), hasOutline: style.outlineStyle !== "none" };
}"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the reports of three real soaks, of all of them together, and of two searches, by name."""
    folder = tmp_path_factory.mktemp("reports")
    run_dirs = {name: write_soak(make(hours=HOURS), folder) for name, make in SOAKS.items()}
    for run_dir in run_dirs.values():
        conclude(run_dir, make_signer())
    pages = {name: run_dir / files.REPORT_HTML for name, run_dir in run_dirs.items()}
    pages |= {name: folder / f"{name}.html" for name in MANY_RUNS}
    pages["side-by-side"].write_bytes(render_side_by_side(compare_runs([*run_dirs.values()], keys=[])))
    entries = list_runs(folder, clock=SystemClock())
    pages["trend"].write_bytes(render_trend(read_trend(folder, entries, page=pages["trend"])))
    for name, render in SEARCHES.items():
        pages[name] = folder / f"{name}.html"
        pages[name].write_bytes(render())
    return pages


COLORS = {"runOnly": ["color-contrast", "link-in-text-block"]}
"""The rules that a color scheme can break: by far the dearest."""

OTHERS = {"rules": {name: {"enabled": False} for name in COLORS["runOnly"]}}
"""Those that it cannot; a narrow window can break some of them."""

OF_THE_VERDICT = {"include": [["header"], ["#limits"], ["#causes"], ["#instrument"]]}
"""Where a verdict has colors of its own: the rest of the three reports has those of `fail`."""


def findings(page, rules: dict, context: dict | None = None) -> Iterator[str]:
    """Say what axe-core finds that keeps people out, with the elements."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
    )
    found = axe.Axe().run(page, context=context, options={"resultTypes": ["violations"], **rules})
    for violation in found.response["violations"]:
        if violation["impact"] in SERIOUS:
            places = [node["html"][:160] for node in violation["nodes"][:5]]
            yield f"{violation['impact']} {violation['id']}: {violation['help']}: {places}"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("pass", marks=pytest.mark.long),  # short: fail
        "fail",
        pytest.param("open", marks=pytest.mark.long),  # short: fail
        *MANY_RUNS,
        *SEARCHES,
    ],
)
def test_axe_has_no_serious_finding(tab, reports: dict[str, Path], name: str) -> None:
    """Contrast, names, roles, headings, tables: nothing serious in light, in dark, and on a phone.

    Axe-core does not look into a closed `details`: all are open.
    """
    where = OF_THE_VERDICT if name in ("pass", "open") else None
    with tab.open(reports[name], viewport=DESK) as opened:
        page = opened.page
        page.wait_for_load_state("load")
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true })")
        assert [*findings(page, OTHERS), *findings(page, COLORS, where)] == [], "light"
        page.emulate_media(color_scheme="dark")
        assert list(findings(page, COLORS, where)) == [], "dark"
        if name in SOAKS:  # where tables scroll in regions of their own
            page.set_viewport_size(PHONE)
            assert list(findings(page, OTHERS)) == [], "phone"


@pytest.mark.parametrize("name", ["fail", "capacity", "compare", "side-by-side", "trend"])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(tab, reports: dict[str, Path], name: str) -> None:
    """The Tab key visits every link, button and scrolled region once, each with an outline, and none is a trap."""
    with tab.open(reports[name], viewport=DESK) as opened:
        n_interactive = opened.page.evaluate(IS_REACHABLE)
        assert n_interactive >= 3
        focused = []
        for _ in range(n_interactive + 50):
            opened.page.keyboard.press("Tab")
            found = opened.page.evaluate(MARK_FOCUSED)
            if found is None:
                break
            focused.append(found)
        assert [one["name"] for one in focused if not one["hasOutline"]] == []
        assert len(focused) >= n_interactive


@pytest.mark.parametrize("name", ["fail", "capacity", "compare", "side-by-side", "trend"])
def test_the_skip_link_comes_first_and_skips(tab, reports: dict[str, Path], name: str) -> None:
    """The first Tab shows the link over the long head of the page; Enter goes on behind it."""
    with tab.open(reports[name], viewport=DESK) as opened:
        page = opened.page
        page.keyboard.press("Tab")
        skip = page.locator("a.skip")
        assert skip.evaluate("(link) => link === document.activeElement")
        assert skip.bounding_box()["x"] >= 0
        page.keyboard.press("Enter")
        target = skip.get_attribute("href")
        page.keyboard.press("Tab")
        assert page.evaluate(f"document.querySelector('{target}').contains(document.activeElement)")


def test_the_badge_is_announced(tab, reports: dict[str, Path]) -> None:
    """A screen reader hears how the check of the signature ended: a status in words, no colour needed."""
    with tab.open(reports["pass"]) as opened:
        opened.page.wait_for_selector("html:not([data-signature='checking'])[data-signature]", timeout=READY_MS)
        status = opened.page.get_by_role("status").filter(has_text="Signature")
        assert "cannot vouch" in status.inner_text()
