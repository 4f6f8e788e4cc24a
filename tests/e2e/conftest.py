"""The command line as a subprocess, with a key and a small station of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from browsers import Browser, Opened, chromium
from disturbed_runs import until_undisturbed
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

    def run(self, *arguments: str, **extra: str) -> "Called":
        """Run until this machine did not disturb it: a run that says it was says nothing about a model.

        The directory of such a run goes: the one that is left is the one that counts.
        """
        return until_undisturbed(lambda: self.call("run", *arguments, **extra), lambda _: self.run_dirs()[-1:])

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


class Tab:
    """One page of the browser that shows one document after another: a context for each costs more than the look.

    For documents from disk, which keep nothing behind; what needs options of its own opens a context of its own.
    """

    def __init__(self, browser: Browser, opened: Opened) -> None:
        self._browser = browser
        self._opened = opened

    @contextmanager
    def open(
        self, url: str | Path, *, viewport: dict | None = None, color_scheme: str = "light", **options: Any
    ) -> Iterator[Opened]:
        """Open a file or an address in this page, as `Browser.open` does in a new one."""
        viewport = viewport or DESKTOP
        if options:
            with self._browser.open(url, viewport=viewport, color_scheme=color_scheme, **options) as opened:
                yield opened
            return
        opened, page = self._opened, self._opened.page
        page.goto("about:blank")  # so that an address that differs only behind its # is loaded as well
        page.set_viewport_size(viewport)
        page.emulate_media(media="null", color_scheme=color_scheme)
        opened.complaints, opened.requests = [], []
        address = url if isinstance(url, str) else url.absolute().as_uri()
        page.goto(address)
        if isinstance(url, Path):
            opened.requests = [one for one in opened.requests if one != address and not one.startswith("data:")]
        yield opened


DESKTOP = {"width": 1280, "height": 720}
"""What playwright opens where nothing is said."""


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Tab]:
    """Return one page for the documents of a module."""
    with browser.open("about:blank") as opened:
        yield Tab(browser, opened)


@pytest.fixture(scope="session")
def new_bench(tmp_path_factory: pytest.TempPathFactory, keys_home: Path) -> Callable[[str], Bench]:
    """Return what makes a bench with the session's key, for a run that several tests look at."""

    def made(name: str) -> Bench:
        folder = tmp_path_factory.mktemp(name) / "bench"
        shutil.copytree(keys_home, folder / "home")
        return Bench(folder)

    return made


@dataclass
class Benches:
    """Benches for the tests of one file: two at most are at work at a time, and none where timing is judged."""

    folders: pytest.TempPathFactory
    home: Path

    def new(self, name: str) -> Bench:
        """Return a bench with the session's key."""
        folder = self.folders.mktemp(name) / "bench"
        shutil.copytree(self.home, folder / "home")
        return Bench(folder)

    @staticmethod
    def ended(process: subprocess.Popen[str]) -> Called:
        """Wait for a call's end."""
        out, err = process.communicate(timeout=170)
        return Called(process.returncode, out, err)


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory, keys_home: Path) -> Benches:
    """Return what makes benches that several tests of a file look at."""
    return Benches(tmp_path_factory, keys_home)
