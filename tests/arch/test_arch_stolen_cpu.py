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
def tried(pytester):
    """Return what pytest says of a test that fails a few times; every look finds 100 s used and some stolen."""

    def tried(*, n_failures: int, stolen: float) -> pytest.RunResult:
        pytester.makeconftest((TESTS / "conftest.py").read_text() + SCRIPTED_LOOKS.format(stolen=stolen))
        made = pytester.makepyfile(FAILS_AT_FIRST.format(n_failures=n_failures))
        return pytester.runpytest_subprocess("-c", TESTS.parent / "pyproject.toml", "--rootdir", made.parent, made)

    return tried


def test_a_failure_beside_stolen_cpu_time_is_made_again_and_named(tried):
    """The second try counts; the summary says that there was a first, and where it failed."""
    result = tried(n_failures=1, stolen=2.0)
    assert result.parseoutcomes() == {"passed": 1, "rerun": 1}
    result.stdout.fnmatch_lines(["RERUN *::test_it", "*AssertionError"])


def test_a_failure_on_cpus_of_its_own_is_a_failure_at_once(tried):
    """As much as a run's own check allows excuses nothing either: 1 % of all CPU time."""
    assert tried(n_failures=1, stolen=1.0).parseoutcomes() == {"failed": 1}


def test_what_fails_in_three_tries_has_failed_whoever_took_the_cpus(tried):
    """A test that holds something false fails each time."""
    assert tried(n_failures=3, stolen=50.0).parseoutcomes() == {"failed": 1, "rerun": 2}
