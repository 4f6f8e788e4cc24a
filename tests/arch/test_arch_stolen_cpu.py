"""The patience of every test with a shared machine: stolen CPU time excuses a failure, nothing else does."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = Path(__file__).parents[1]
SCRIPTED_LOOKS = """
import itertools

import psutil
import stolen_cpu

LOOKS = itertools.count()
NOTHING = psutil.cpu_times()._replace(**dict.fromkeys(psutil.cpu_times()._fields, 0.0))
psutil.cpu_times = lambda: NOTHING._replace(user=100.0 * (n := next(LOOKS)), steal={stolen} * n)
"""
FAILS_AT_FIRST = """
from pathlib import Path

def test_it():
    tried = Path("tried")
    tried.touch()
    tried.write_text(tried.read_text() + "x")
    assert len(tried.read_text()) > {n_failures}
"""


@pytest.fixture
def outcomes(pytester, monkeypatch):
    """Return how a test ends that fails a few times, where every look finds 100 s used and some stolen."""
    monkeypatch.setenv("PYTHONPATH", f"{TESTS}:{TESTS.parent}")

    def outcomes(*, n_failures: int, stolen: float) -> dict[str, int]:
        pytester.makeconftest((TESTS / "conftest.py").read_text() + SCRIPTED_LOOKS.format(stolen=stolen))
        pytester.makepyfile(FAILS_AT_FIRST.format(n_failures=n_failures))
        return pytester.runpytest_subprocess("-p", "no:labgrid", "-p", "no:schemathesis").parseoutcomes()

    return outcomes


def test_a_failure_beside_stolen_cpu_time_is_made_again_and_named(outcomes):
    """The second try counts, and the summary says that there was a first."""
    assert outcomes(n_failures=1, stolen=2.0) == {"passed": 1, "rerun": 1}


def test_a_failure_on_cpus_of_its_own_is_a_failure_at_once(outcomes):
    """As much as a run's own check allows excuses nothing either: 1 % of all CPU time."""
    assert outcomes(n_failures=1, stolen=1.0) == {"failed": 1}


def test_what_fails_in_three_tries_has_failed_whoever_took_the_cpus(outcomes):
    """A test that holds something false fails each time."""
    assert outcomes(n_failures=3, stolen=50.0) == {"failed": 1, "rerun": 2}
