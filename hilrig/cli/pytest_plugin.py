"""The pytest plugin with which a test runs a profile on a rig.

It brings the fixtures `hilrig_run` and `hilrig_result`, and the marker `hilrig`. pytest imports this file at
every start, also where nobody uses it: what is heavy is imported when a test runs.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hilrig.cli.pytest_result import RunResult

_ARGUMENTS = ("profile", "rig", "duration", "wait", "status")
_STATUSES = ("PASS", "FAIL", "INCONCLUSIVE")
_MARKER = (
    "hilrig(profile, rig=None, duration=None, wait=None, status='PASS', **limits): run this profile before the "
    "test; it fails when the verdict is another, or a limit such as latency_p99_max_ms=45 is not held"
)
_FOUND = pytest.StashKey["RunResult"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; each has an entry of the same name in the ini file."""
    group = parser.getgroup("hilrig", "hardware in the loop")
    for name, help_text in (
        (
            "rig",
            "the rig that tests run profiles on: its name or its file (else labgrid's place, or this machine)",
        ),
        ("rigs", "the folder of rig files (else HILRIG_RIGS, or rigs)"),
        ("reports", "the folder that run directories are made in (else reports)"),
    ):
        group.addoption(f"--hilrig-{name}", default=None, help=help_text)
        parser.addini(f"hilrig_{name}", help_text, default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Refuse a marker that cannot be meant; run every marked test's profile: else it would be green unasked."""
    marker = item.get_closest_marker("hilrig")
    if marker is None:
        return
    _refuse_wrong(item, marker)
    if "hilrig_result" not in getattr(item, "fixturenames", ()):
        item.fixturenames.append("hilrig_result")  # type: ignore[attr-defined] # every collected function has it


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Hold a marked test's run against its marker: here, so that it counts as failed and not as an error."""
    __tracebackhide__ = True
    marker, result = item.get_closest_marker("hilrig"), item.stash.get(_FOUND, None)
    if marker is not None and result is not None:
        _hold(result, marker)
    return (yield)


@pytest.fixture
def hilrig_run(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Callable[..., "RunResult"]:
    """Return what runs a profile: `hilrig_run(profile, rig=None, duration=None, wait=None, operator='', note='')`.

    Paths are relative to pytest's root folder, durations are as on the command line (`90s`). It returns a
    `RunResult`; a rig that is busy, lost or refuses raises that error. Ctrl-C ends the run in order, then pytest.
    """

    def run(profile: str | Path, **asked: Any) -> "RunResult":
        result = _run(request, profile, **asked)
        for name, value in _properties(result).items():
            record_property(name, value)
        return result

    return run


@pytest.fixture
def hilrig_result(request: pytest.FixtureRequest, hilrig_run: Callable[..., "RunResult"]) -> "RunResult":
    """Return the result of the run that the marker `hilrig` asks for."""
    marker = request.node.get_closest_marker("hilrig")
    if marker is None:
        raise pytest.UsageError("hilrig_result needs the marker: @pytest.mark.hilrig(profile='profiles/...')")
    asked = {name: marker.kwargs[name] for name in ("rig", "duration", "wait") if name in marker.kwargs}
    result = hilrig_run(marker.kwargs["profile"], **asked)
    request.node.stash[_FOUND] = result
    return result


def _hold(result: "RunResult", marker: pytest.Mark) -> None:
    from hilrig.cli.pytest_result import beyond

    __tracebackhide__ = True
    expected = marker.kwargs.get("status", "PASS")
    if expected == "PASS":
        result.assert_passed()
    elif result.status != expected:
        raise AssertionError(f"expected {expected}, found {result.in_words()}")
    excesses = beyond(result, _limits(marker))
    if excesses:
        raise AssertionError("\n".join(["the marker's limits are not held:", *excesses, result.in_words()]))


def _limits(marker: pytest.Mark) -> Mapping[str, Any]:
    return {name: value for name, value in marker.kwargs.items() if name not in _ARGUMENTS}


def _refuse_wrong(item: pytest.Item, marker: pytest.Mark) -> None:
    from hilrig.cli.pytest_result import known_limits

    if marker.args or "profile" not in marker.kwargs:
        raise pytest.UsageError(f"{item.nodeid}: write @pytest.mark.hilrig(profile='profiles/...')")
    status = marker.kwargs.get("status", "PASS")
    if status not in _STATUSES:
        raise pytest.UsageError(f"{item.nodeid}: status is one of {', '.join(_STATUSES)}, found {status!r}")
    known = known_limits()
    for name, value in _limits(marker).items():
        if name not in known:
            raise pytest.UsageError(f"{item.nodeid}: '{name}' is no limit; known are: {', '.join(sorted(known))}")
        try:
            known[name].limit(value)
        except (TypeError, ValueError):
            raise pytest.UsageError(f"{item.nodeid}: {name} is a number, found {value!r}") from None


def _run(request: pytest.FixtureRequest, profile: str | Path, **asked: Any) -> "RunResult":
    from hilrig.app.finished.signed_result import read_result_by_any_key
    from hilrig.app.run.search_stop import stop_watch
    from hilrig.cli.finished_options import trusted_keys
    from hilrig.cli.pytest_result import result_of
    from hilrig.core.errors import HilrigError

    root = request.config.rootpath
    with stop_watch() as watch:
        try:
            finished = _finished(request.config, root / profile, **asked)
        except HilrigError as error:
            request.node.add_report_section("call", "hilrig", f"next: {error.hint}")
            raise
        finally:
            if watch.requested:
                pytest.exit("the run was ended from the terminal", returncode=pytest.ExitCode.INTERRUPTED)
    signed = read_result_by_any_key(finished.run_dir, trusted_keys(None))
    return result_of(signed, exit_code=finished.exit_code)


def _finished(
    config: pytest.Config,
    profile: Path,
    *,
    rig: str | Path | None = None,
    duration: str | None = None,
    wait: str | None = None,
    operator: str = "",
    note: str = "",
) -> Any:
    from hilrig.app.run.request import RunRequest
    from hilrig.app.run.run import run
    from hilrig.cli.options import absolute, default_key, parse_duration
    from hilrig.cli.rigs.options import RigChoice
    from hilrig.cli.rigs.run import RigsAsked, run_on_one

    name = rig or _option(config, "rig") or labgrid_place(config)
    choice = RigChoice(rigs=(_rig(config, str(name)),) if name else (), on_all=False)
    request = RunRequest(
        profile=absolute(profile),
        rig_file=None,
        reports=absolute(config.rootpath / (_option(config, "reports") or "reports")),
        duration_s=None if duration is None else parse_duration(duration),
        key=absolute(default_key()),
        operator=operator or os.environ.get("HILRIG_OPERATOR", ""),
        note=note,
    )
    return run_on_one(
        request,
        RigsAsked(choice=choice, wait=wait, max_parallel=None),
        lambda one, show: run(one, on_status=show),
        on_status=lambda _: None,  # pytest owns the terminal
    )


def _rig(config: pytest.Config, name: str) -> Any:
    """Return a rig and its file: by its name, its file, or the name of its labgrid place."""
    from hilrig.app.rigs.files import find_rig, read_rigs, rigs_folder
    from hilrig.cli.options import absolute

    folder = config.rootpath / rigs_folder(Path(_option(config, "rigs")) if _option(config, "rigs") else None)
    rigs = [(file.rig, file.path) for file in read_rigs(folder) if file.rig] if folder.is_dir() else []
    placed = [found for found in rigs if found[0].transport_options.get("place") == name]
    if len(placed) == 1 and name not in {rig.name for rig, _ in rigs}:
        return placed[0][0], absolute(placed[0][1])
    rig, path = find_rig(name, folder)
    return rig, absolute(path)


def labgrid_place(config: pytest.Config) -> str:
    """Return the place of labgrid's environment (`--lg-env`), without asking its coordinator; empty for none."""
    hooks = sys.modules.get("labgrid.pytestplugin.hooks")
    env = config.stash.get(hooks.LABGRID_ENV_KEY, None) if hooks else None
    targets = env.config.get_targets() if env else {}
    resources = targets.get("main", {}).get("resources", {})
    listed = resources if isinstance(resources, list) else [resources]
    places = [one["RemotePlace"].get("name", "") for one in listed if "RemotePlace" in one]
    return str(places[0]) if places else ""


def _option(config: pytest.Config, name: str) -> str:
    return str(config.getoption(f"--hilrig-{name}") or config.getini(f"hilrig_{name}") or "")


def _properties(result: "RunResult") -> Mapping[str, object]:
    """Return what stands beside the test in JUnit; a number that was not measured is said to be so."""
    return {
        "hilrig_status": result.status,
        "hilrig_p99_ms": "not measured" if result.p99_ms is None else round(result.p99_ms, 3),
        "hilrig_run_dir": str(result.run_dir),
        "hilrig_rig": result.rig,
        "hilrig_key": result.key_fingerprint,
    }
