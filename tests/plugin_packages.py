"""The plug-in package of CONTRIBUTING.md, taken from the page, built, installed beside hilrig."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "CONTRIBUTING.md"
FILE = re.compile(r"`([\w./]+\.\w+)`[^\n]*\n```(?:python|toml|yaml)\n(.*?)```", re.DOTALL)
BUILD = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
"""What the page leaves to the reader."""


def blocks() -> list[str]:
    """Return every block of code of the page: what a contributor would write."""
    return re.findall(r"```(?:python|toml|yaml)\n(.*?)```", PAGE.read_text(), re.DOTALL)


def files() -> dict[str, str]:
    """Return the files that the page shows, by their paths."""
    return dict(FILE.findall(PAGE.read_text()))


def write_package(folder: Path, name: str, files: dict[str, str]) -> Path:
    """Write a package's sources; return their folder."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").touch()
    for path, text in files.items():
        (folder / path).write_text(text)
    return folder


def write_page_package(folder: Path) -> Path:
    """Write the page's package."""
    shown = {path: text for path, text in files().items() if path.startswith(("acme_hilrig/", "pyproject"))}
    shown["pyproject.toml"] += BUILD
    return write_package(folder, "acme_hilrig", shown)


def make_environment(folder: Path) -> Path:
    """Make an environment that sees all that this one has, hilrig included; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    own = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    site = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (site / "beside.pth").write_text("".join(f"import site; site.addsitedir({one!r})\n" for one in sorted(own)))
    return python


def install(python: Path, package: Path) -> None:
    """Build and install a package from its folder, with what is there: nothing is fetched."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps"]
    subprocess.run(
        [*command, "--no-build-isolation", "--no-cache", "--python", str(python), str(package)], check=True
    )
