"""The report in a real browser, from the disk, without a network."""

import shutil
import subprocess

import pytest

pytestmark = pytest.mark.waiting

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_the_page_opens_from_disk_and_breaks_no_rule_of_its_own(finished, tmp_path):
    """Verdict and limits are on the rendered page; nothing is blocked by its content security policy."""
    _, called, run_dir = finished
    page = subprocess.run(
        [
            CHROMIUM,
            *QUIET,
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            f"file://{run_dir / 'report.html'}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "INCONCLUSIVE" in page.stdout, called
    assert "latency.p99_max_ms" in page.stdout
    assert "Content Security Policy" not in page.stderr
    assert "Refused to" not in page.stderr
