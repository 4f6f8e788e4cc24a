"""Screenshots of four real reports: `python -m screenshots SCREENS WHOLE`.

Every report is judged, signed and rendered by the real code: a run that was measured on a machine (the sample in
`reports/`), and soaks of which only the measuring was left out. The folder SCREENS gets one screen of each, as the
README shows it, WHOLE the whole pages, for looking.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from browsers import Browser, chromium
from hilrig.app.finished.conclude import DERIVED, conclude
from hilrig.core import files
from hilrig.core.verdict import RunStatus
from signed_pages import make_signer
from soaks import short_soak, throttled_soak, write_soak

SAMPLE = Path(__file__).parents[2] / "reports" / "sample"
SCREEN = {"width": 1180, "height": 920}
DRAWN = "html[data-ready][data-signature='holds']"
"""Matches when the charts are drawn and the signature is checked: no picture of a page that failed."""


def copied_sample(folder: Path) -> Path:
    """Return a copy of the sample's evidence, without what was made from it."""
    run_dir = folder / SAMPLE.name
    shutil.copytree(SAMPLE, run_dir, ignore=shutil.ignore_patterns(*DERIVED, files.RESULT))
    return run_dir


REPORTS: dict[str, tuple[RunStatus, Callable[[Path], Path]]] = {
    "pass": (RunStatus.PASS, copied_sample),
    "fail": (RunStatus.FAIL, lambda folder: write_soak(throttled_soak(hours=0.5, seed=4), folder)),
    "inconclusive": (RunStatus.INCONCLUSIVE, lambda folder: write_soak(short_soak(hours=0.2), folder)),
    "throttled-soak": (RunStatus.FAIL, lambda folder: write_soak(throttled_soak(hours=8), folder)),
}
"""By the name of the picture: the verdict that it has to show, and how its evidence is made."""


SECTIONS = {"throttled-soak": "#latency"}
"""What a picture shows instead of the top of the page."""

COLORS = 128
"""A page has few colours: with a palette a picture is a third as large."""


def main(screens: Path, whole: Path) -> None:
    """Write two pictures of each report; the folders are made when missing."""
    for folder in (screens, whole):
        folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser, TemporaryDirectory() as folder:
        for name, (expected, make) in REPORTS.items():
            run_dir = make(Path(folder) / name)
            result = conclude(run_dir, make_signer())
            assert result.judgement.status is expected, f"{name}: {result.judgement.sentence}"
            page = run_dir / files.REPORT_HTML
            photograph(
                browser,
                page,
                screen=screens / f"{name}.png",
                whole=whole / f"{name}.png",
                section=SECTIONS.get(name),
            )
            print(f"{name}: {result.judgement.sentence}", flush=True)  # noqa: T201 - a script, run by hand


def photograph(browser: Browser, page: Path, *, screen: Path, whole: Path, section: str | None) -> None:
    """Write a picture of one screen of a page, and one of all of it."""
    with browser.open(page, viewport=SCREEN, color_scheme="light", reduced_motion="reduce") as opened:
        opened.page.wait_for_selector(DRAWN, timeout=20_000)
        assert opened.complaints == [], opened.complaints
        opened.page.screenshot(path=whole, full_page=True)
        if section is not None:
            opened.page.eval_on_selector(section, "section => section.scrollIntoView()")
        opened.page.screenshot(path=screen)
    with Image.open(screen) as picture:
        picture.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).save(screen, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m screenshots SCREENS WHOLE")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
