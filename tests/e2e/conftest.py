"""The command line as a subprocess, with a key and a small station of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from browsers import Browser, chromium
from stations import write_station


@dataclass
class Bench:
    """A folder with a key, in which hilrig is called as a person or a CI job calls it."""

    folder: Path

    @property
    def reports(self) -> Path:
        """Return the folder of run directories."""
        return self.folder / "reports"

    def environment(self, **extra: str) -> dict[str, str]:
        """Return the environment of a call."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")}
        return kept | {"HILRIG_HOME": str(self.folder / "home"), "NO_COLOR": "1"} | extra

    def start(self, *arguments: str, through: tuple[str, ...] = (), **extra: str) -> subprocess.Popen[str]:
        """Start hilrig, perhaps through another command such as nohup, and return its process."""
        return subprocess.Popen(
            [*through, sys.executable, "-m", "hilrig", *arguments],
            cwd=self.folder,
            env=self.environment(**extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, *arguments: str, **extra: str) -> "Called":
        """Run hilrig to its end."""
        process = self.start(*arguments, **extra)
        out, err = process.communicate(timeout=170)
        return Called(process.returncode, out, err)

    def run_dirs(self) -> list[Path]:
        """Return the run directories, the oldest first."""
        return sorted(path for path in self.reports.glob("*") if path.is_dir()) if self.reports.exists() else []

    def station(self, name: str = "station", **changes) -> str:
        """Write a station and return its folder's name."""
        write_station(self.folder / name, **changes)
        return name


@dataclass
class Called:
    """What a call gave: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


@pytest.fixture
def bench(tmp_path: Path, keys_home: Path) -> Bench:
    """Return a bench with the session's key."""
    folder = tmp_path / "bench"
    shutil.copytree(keys_home, folder / "home")
    return Bench(folder)


@pytest.fixture(scope="session")
def keys_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a HILRIG_HOME with one key, made by `hilrig keys new`."""
    folder = tmp_path_factory.mktemp("keys")
    made = Bench(folder).call("keys", "new")
    assert made.code == 0, made
    return folder / "home"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, keys_home: Path) -> tuple[Bench, Called, Path]:
    """Return one finished run of two seconds: its bench, what the call gave, its directory."""
    folder = tmp_path_factory.mktemp("finished") / "bench"
    shutil.copytree(keys_home, folder / "home")
    bench = Bench(folder)
    called = bench.call("run", bench.station())
    assert len(bench.run_dirs()) == 1, called
    return bench, called, bench.run_dirs()[0]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return a real browser, one for all tests of this process."""
    with chromium() as started:
        yield started
