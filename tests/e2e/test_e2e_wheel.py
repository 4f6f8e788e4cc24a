"""The wheel: what a user without a checkout gets."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUNDLED = "hilrig/bundled/weld-station/"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of this tree, its wheel, its source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    for name in ("hilrig", ".ci/charts", "profiles/weld-station"):
        shutil.copytree(ROOT / name, folder / "tree" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", ".gitignore", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, folder / "tree")
    build(folder / "tree", folder, "wheel", "sdist")
    return folder


def build(tree: Path, folder: Path, *targets: str) -> None:
    """Build from a tree, with what is installed here."""
    wanted = [word for target in targets for word in ("-t", target)]
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", *wanted, "-d", str(folder)],
        cwd=tree,
        check=True,
        capture_output=True,
    )


def contents(wheel: Path) -> dict[str, bytes]:
    """Return every file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_holds_the_whole_package_and_its_bundled_profile(dist):
    """Every file of hilrig/ byte for byte, the weld station, the metadata; no test, no other folder."""
    found = contents(next(dist.glob("*.whl")))
    tree = dist / "tree"
    files = [path for path in (tree / "hilrig").rglob("*") if path.is_file()]
    package = {path.relative_to(tree).as_posix(): path.read_bytes() for path in files}
    station = tree / "profiles" / "weld-station"
    package |= {BUNDLED + name: (station / name).read_bytes() for name in ("model.onnx", "profile.yaml")}
    assert {name: data for name, data in found.items() if ".dist-info/" not in name} == package
    assert {name.split("/")[0].partition("-")[0] for name in found} == {"hilrig"}
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
        "hilrig/rig/agent/__main__.py",
        "hilrig/target/ring/hilrig_ring.h",
        "hilrig/target/ring/example.c",
    ):
        assert needed in package


def test_a_wheel_from_the_source_distribution_is_the_same(dist, tmp_path):
    """Whoever builds from what is published gets the file that was tested, to the byte."""
    shutil.unpack_archive(next(dist.glob("*.tar.gz")), tmp_path)
    build(next(tmp_path.glob("hilrig-*")), tmp_path / "dist", "wheel")
    first, second = next(dist.glob("*.whl")), next((tmp_path / "dist").glob("*.whl"))
    assert first.name == second.name
    assert contents(first) == contents(second)
    assert first.read_bytes() == second.read_bytes()
