"""Screenshots of four real reports for the README and the docs: `python -m screenshots OUT_DIR`.

Every report is judged, signed and rendered by the real code: a run that was measured on a machine (the sample in
`reports/`), and soaks of which only the measuring was left out. For each there is the first screen, as an engineer
sees it, and the whole page, for looking.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from browsers import Browser, chromium
from hilrig.app.conclude import DERIVED, conclude
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


def main(out: Path) -> None:
    """Write two pictures of each report into `out`, which is made when missing."""
    out.mkdir(parents=True, exist_ok=True)
    with chromium() as browser, TemporaryDirectory() as folder:
        for name, (expected, make) in REPORTS.items():
            run_dir = make(Path(folder) / name)
            result = conclude(run_dir, make_signer())
            assert result.judgement.status is expected, f"{name}: {result.judgement.sentence}"
            photograph(browser, run_dir / files.REPORT_HTML, out / name)
            print(f"{name}: {result.judgement.sentence}", flush=True)  # noqa: T201 - a script, run by hand


def photograph(browser: Browser, page: Path, stem: Path) -> None:
    """Write STEM.png, the first screen of a page, and STEM-full.png, all of it."""
    with browser.open(page, viewport=SCREEN, color_scheme="light", reduced_motion="reduce") as opened:
        opened.page.wait_for_selector(DRAWN, timeout=20_000)
        assert opened.complaints == [], opened.complaints
        opened.page.screenshot(path=stem.with_suffix(".png"))
        opened.page.screenshot(path=stem.with_name(f"{stem.name}-full.png"), full_page=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m screenshots OUT_DIR")
    main(Path(sys.argv[1]))
