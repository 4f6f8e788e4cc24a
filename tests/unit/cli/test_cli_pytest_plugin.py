"""hilrig.cli.pytest_plugin: a run is a test's business like any other; a marked test is never green unasked."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from hilrig.attest.keys import create_key
from hilrig.cli.pytest_plugin import labgrid_place
from hilrig.cli.pytest_result import RunResult, beyond, known_limits, result_of
from hilrig.core.verdict import Check, CheckStatus, RunStatus
from signed_runs import make_check, make_judgement, make_result
from stations import write_station

pytestmark = pytest.mark.waiting

pytest_plugins = ["pytester"]

MODULE = "hilrig.cli.pytest_plugin"
ROOT = Path(__file__).parents[3]


ALONE = ("-p", "no:cacheprovider", "-p", "no:schemathesis")
NO_LABGRID = ("-p", "no:labgrid")
"""Plugins of others that are installed for our own tests: each would cost half a second of every start."""


@pytest.fixture
def plugged(pytester, tmp_path, monkeypatch):
    """Return a pytester with the plugin, by its entry point where that is installed, and a key."""
    home = tmp_path / "plug-home"
    monkeypatch.setenv("HILRIG_HOME", str(home))
    create_key(home / "keys", "rig", passphrase=None)
    write_station(pytester.path / "station")
    is_installed = bool(entry_points(group="pytest11", name="hilrig"))

    def run(code: str, *arguments: str, start=pytester.runpytest_subprocess):
        pytester.makepyfile(code)
        chosen = () if is_installed else ("-p", MODULE)
        return start(*chosen, *ALONE, *arguments)

    return run


def make_run(
    *checks: Check, status: RunStatus = RunStatus.PASS, exit_code: int | None = None, **values
) -> RunResult:
    judgement = make_judgement(status=status, measured=values)
    judgement = make_judgement(status=status, measured=values, checks=checks or judgement.checks)
    signed = SimpleNamespace(
        result=make_result(judgement), run_dir=Path("reports/run"), key_fingerprint="SHA256:abc"
    )
    return result_of(signed, exit_code=int(status.exit_code) if exit_code is None else exit_code)


def test_the_entry_point_is_declared():
    """An installation brings the plugin to pytest."""
    assert f'hilrig = "{MODULE}"' in (ROOT / "pyproject.toml").read_text()


def test_pytest_start_stays_cheap():
    """Whoever has hilrig installed pays nothing for tests without a rig: no layer below cli is imported."""
    code = (
        f"import pytest, sys, {MODULE}; print(sorted(name for name in sys.modules if name.startswith('hilrig')))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == str(["hilrig", "hilrig.cli", MODULE])


def test_a_pass_is_a_pass_only_with_exit_code_0():
    """A run whose numbers pass but that the operator ended is none."""
    make_run().assert_passed()
    with pytest.raises(AssertionError, match="exit code 12"):
        make_run(exit_code=12).assert_passed()


def test_the_assertion_is_the_verdicts_sentence():
    """With the checks that do not pass and where the report is; those that pass are left out."""
    failed = make_check(50.0, status=CheckStatus.FAIL, sentence="p99 is 50 ms, over 45 ms.")
    fine = make_check(1.0, check_id="latency.p95_max_ms", sentence="fine")
    with pytest.raises(AssertionError) as caught:
        make_run(failed, fine, status=RunStatus.FAIL).assert_passed()
    text = str(caught.value)
    assert "All limits hold." in text  # the builder's sentence
    assert "FAIL  latency.p99_max_ms: p99 is 50 ms, over 45 ms." in text
    assert "fine" not in text
    assert "reports/run/report.html" in text


def test_every_limit_of_a_profile_has_its_names():
    """The check's id, the same as an argument's name, the metric's name."""
    known = known_limits()
    for name in ("latency.p99_max_ms", "latency_p99_max_ms", "latency_p99_ms", "recovery_power_loss_test"):
        assert name in known
    assert known["temperature_headroom_c"].comparator.value == ">="


@pytest.mark.parametrize("name", ["latency.p99_max_ms", "latency_p99_max_ms", "latency_p99_ms"])
def test_a_limit_is_held_against_what_was_observed(name):
    """At the limit is held, below what was observed is not."""
    run = make_run(make_check(20.0))
    assert beyond(run, {name: 20.0}) == []
    assert beyond(run, {name: 19.9}) == [f"{name}: observed 20, limit <= 19.9"]


def test_what_was_not_measured_is_not_held():
    """None, infinite, no such number: each is a reason to fail, whatever the limit."""
    infinite = make_run(make_check(None))
    assert "infinite" in beyond(infinite, {"latency_p99_max_ms": 1e9})[0]
    assert "no sensor" in beyond(make_run(host_memory_peak_mib=None), {"host_memory_peak_mib": 1e9})[0]
    assert "no such number" in beyond(make_run(), {"gpu_memory_peak_mib": 1e9})[0]


def test_a_percentile_of_decided_frames_is_not_that_of_all():
    """A profile without the limit: the measured p50 counts only if no frame went undecided."""
    assert beyond(make_run(), {"latency_p50_ms": 45.0}) == []
    (text,) = beyond(make_run(frames_dropped=1.0), {"latency_p50_ms": 45.0})
    assert "never decided" in text


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("profile='station', latency_p98_max_ms=3", "'latency_p98_max_ms' is no limit"),
        ("profile='station', latency_p99_max_ms='fast'", "is a number"),
        ("profile='station', status='GREEN'", "status is one of PASS, FAIL, INCONCLUSIVE"),
        ("'station'", "write @pytest.mark.hilrig(profile="),
        ("duration='2s'", "write @pytest.mark.hilrig(profile="),
    ],
)
def test_a_marker_that_cannot_be_meant_is_a_usage_error(plugged, pytester, marker, words):
    """Before any test runs, with exit code 4: a misspelt limit must not be a limit that always holds."""
    marked = f"import pytest\n@pytest.mark.hilrig({marker})\ndef test_x(): pass\n"
    done = plugged(marked, *NO_LABGRID, start=pytester.runpytest_inprocess)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"*{words.replace('[', '?')}*"])


def test_a_rig_that_is_not_there_is_red(plugged):
    """An unknown rig is no skip and no pass; pytest shows what to do next."""
    done = plugged(
        "import pytest\n@pytest.mark.hilrig(profile='station', rig='nowhere')\ndef test_x(): pass\n",
        "--strict-markers",
        *NO_LABGRID,
    )
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*there is no rig 'nowhere'*"])


@pytest.mark.long  # short: the markers and results above
def test_a_run_in_a_test(plugged, pytester):
    """Real runs: fixture, marker with its verdict, a limit that does not hold, properties in JUnit."""
    done = plugged(
        """
        import pytest

        def test_fixture(hilrig_run):
            result = hilrig_run("station", note="from a test")
            assert result.checks["latency.p99_max_ms"].limit == 1000
            assert result.p99_ms > 0
            result.assert_passed()

        @pytest.mark.hilrig(profile="station", status="INCONCLUSIVE", latency_p99_max_ms=1e-6)
        def test_limit():
            pass

        @pytest.mark.hilrig(profile="station", status="INCONCLUSIVE", latency_p99_max_ms=1e6)
        def test_held(hilrig_result):
            assert (hilrig_result.run_dir / "report.html").is_file()
        """,
        "--junitxml=j.xml",
        "--hilrig-reports=kept",
    )
    done.assert_outcomes(passed=1, failed=2)  # 200 frames never pass a p99: INCONCLUSIVE by rule
    done.stdout.fnmatch_lines(
        ["*AssertionError: INCONCLUSIVE on local*", "*latency_p99_max_ms: observed*limit <= 1e-06*"]
    )
    assert len(list((pytester.path / "kept").iterdir())) == 3
    cases = ET.parse(pytester.path / "j.xml").iter("testcase")
    found = {one.get("name"): {p.get("name"): p.get("value") for p in one.iter("property")} for one in cases}
    for name in ("test_fixture", "test_limit", "test_held"):
        assert found[name]["hilrig_status"] == "INCONCLUSIVE"
        assert float(found[name]["hilrig_p99_ms"]) > 0
        assert found[name]["hilrig_key"].startswith("SHA256:")
        assert found[name]["hilrig_rig"] == "local"


def test_labgrids_environment_names_the_place(plugged, pytester):
    """Beside labgrid's own plugin: the place of `--lg-env` is the rig; no coordinator is asked for its name."""
    pytest.importorskip("labgrid", reason="labgrid is not installed")
    (pytester.path / "env.yaml").write_text(
        "targets:\n  main:\n    resources:\n      RemotePlace:\n        name: line3-orin\n"
    )
    done = plugged(
        """
        import pytest
        from hilrig.cli.pytest_plugin import labgrid_place

        def test_place(pytestconfig):
            assert labgrid_place(pytestconfig) == "line3-orin"

        @pytest.mark.hilrig(profile="station")
        def test_run():
            pass
        """,
        "--lg-env=env.yaml",
    )
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["*there is no rig 'line3-orin'*"])


def test_without_labgrid_there_is_no_place(pytestconfig):
    """No environment file, no place: the run is on this machine, or on the rig that was named."""
    assert labgrid_place(pytestconfig) == ""
