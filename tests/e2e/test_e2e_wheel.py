"""The wheel: what a user without a checkout gets."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_the_package_and_its_bundled_profile(tmp_path):
    """Code, templates, types and the weld station; no test, no report, no other folder of the repository."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"hilrig"}
    for needed in (
        "hilrig/py.typed",
        "hilrig/cli/main.py",
        "hilrig/report/templates/report.html.j2",
        "hilrig/report/templates/report.css",
        "hilrig/report/scripts/main.js",
        "hilrig/report/vendor/uplot/uPlot.iife.min.js",
        "hilrig/report/vendor/uplot/uPlot.min.css",
        "hilrig/report/vendor/uplot/LICENSE",
        "hilrig/app/web/static/page.html",
        "hilrig/bundled/weld-station/profile.yaml",
        "hilrig/bundled/weld-station/model.onnx",
        "hilrig/target/ring/hilrig_ring.h",
        "hilrig/target/ring/example.c",
    ):
        assert needed in names
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]
