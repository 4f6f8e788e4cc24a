"""What every test shares: a home of its own, the rule that CI skips nothing that could be installed."""

import gc
import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import printing_processes
from stolen_cpu import StolenCpu

pytest.register_assert_rewrite("sampler_contract")  # tests that are not in a test_ file

settings.register_profile("shared-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared-machine")  # one stall of the machine is no fault of a strategy, nor of what it tests

MARKS_OF_FEW = {"waiting", "long", "nightly"}
STOLEN_CPU = StolenCpu()
HARDWARE = "hardware: "  # or rights that a test machine may not give
"""A skip whose reason starts so asks for what no package manager can bring."""


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return paths that nothing is at: twelve thousand tests make no folder, and few a home."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def own_home(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep keys and the rig's lock of a test away from those of the machine."""
    home = next(homes)
    monkeypatch.setenv("HILRIG_HOME", str(home))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return home


@pytest.fixture(autouse=True)
def own_children() -> None:
    """Let a test count the processes that it started, not those that were there before."""
    printing_processes.earlier = printing_processes.all_children()


def pytest_configure() -> None:
    """Heed signals as on a terminal: what tests start would else ignore them under nohup, or behind an `&`."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Make a test again that failed while other virtual machines took the CPUs; not where a debugger waits."""
    if not config.option.usepdb:
        STOLEN_CPU.excuses(items)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Count what others take from each try on."""
    STOLEN_CPU.begin()


def pytest_collection_finish() -> None:
    """Look for cycles less often: what was collected stays, and walking through it takes a tenth of the CPU."""
    gc.set_threshold(20_000, 50, 100)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files without the mark that is asked for first: each worker collects anew."""
    first, *_ = str(config.option.markexpr).split() or [""]
    is_test_file = collection_path.match("test_*.py")
    if first in MARKS_OF_FEW and is_test_file and f"mark.{first}" not in collection_path.read_text():
        return True
    return None


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name bytes by nothing of theirs: workers must collect the same names, of random keys too, at any second."""
    return "bytes" if isinstance(val, bytes) else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Turn a skip for want of something installable into a failure when HILRIG_REQUIRE=all."""
    report = yield
    if report.skipped and os.environ.get("HILRIG_REQUIRE") == "all" and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith(HARDWARE):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: skipped with HILRIG_REQUIRE=all: {reason}"
    return report
