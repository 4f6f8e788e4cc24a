"""What has to hold after a round, whatever it did: nothing hangs on, nothing finished is lost, all goes on."""

import json
from pathlib import Path
from typing import Any, Final

from chaos.place import Place, digest_of
from chaos.round import Round
from hilrig.core import files
from hilrig.core.exits import ExitCode

GONE_S: Final = 45
"""A killed supervisor takes its processes with it at once; one that saw its caller die judges and signs first."""

DISTURBED: Final = frozenset({ExitCode.FAIL, ExitCode.INCONCLUSIVE, ExitCode.ABORTED})


def all_ended(round_: Round) -> None:
    """Require that no process of the round lives on, that the rig is free, that nothing was left lying about."""
    place = round_.place
    is_empty = place.until(lambda: not place.processes(), GONE_S)
    left = [" ".join(process.cmdline()[-2:])[:80] for process in place.processes()] if not is_empty else []
    round_.require(is_empty, f"processes live on: {left}")
    place.end_all()
    round_.require(place.is_lease_free(), "the rig's lease is held by nobody who lives")


def nothing_lies_about(round_: Round) -> None:
    """Require that temporary files are gone."""
    left = round_.place.leftovers()
    round_.require(not left, f"left behind: {left}")


def runs_hold(round_: Round, *, disturbed: bool = False) -> None:
    """Recover what is unfinished, verify all that is finished; `disturbed`: none of the runs may have passed."""
    place = round_.place
    round_.require(round_.look("list").code == ExitCode.OK, "hilrig list does not list")
    for run_dir in place.run_dirs():
        if not (run_dir / files.RESULT).is_file():
            _recovered(round_, run_dir)
        if (run_dir / files.RESULT).is_file():
            verified(round_, run_dir, may_pass=not disturbed)


def _recovered(round_: Round, run_dir: Path) -> None:
    called = round_.look("recover", str(run_dir))
    result = _result_of(run_dir)
    verdicts = {*DISTURBED, ExitCode.OK} if result.get("ended") == "completed" else DISTURBED
    may_be = {*verdicts, ExitCode.PRECONDITION, ExitCode.TRUST}
    round_.require(called.code in may_be, f"recover of {run_dir.name} gave {called.code}, an unfinished run")
    round_.require(
        bool(result) == (called.code in verdicts), f"recover gave {called.code}, result: {bool(result)}"
    )


def _result_of(run_dir: Path) -> dict[str, Any]:
    path = run_dir / files.RESULT
    return dict(json.loads(path.read_bytes())) if path.is_file() and not path.is_symlink() else {}


def verified(round_: Round, run_dir: Path, *, may_pass: bool) -> None:
    """Require that a finished run verifies, with the exit code that its result has."""
    try:
        expected = json.loads((run_dir / files.RESULT).read_bytes())["exit_code"]
    except (OSError, ValueError, KeyError):
        expected = ExitCode.TRUST
    called = round_.look("verify", str(run_dir))
    round_.require(called.code == expected, f"{run_dir.name} was finished with {expected}, verify: {called.code}")
    round_.require(may_pass or called.code != ExitCode.OK, f"{run_dir.name} was disturbed, and passed")


def refused(round_: Round, run_dir: Path, before: dict[str, str]) -> None:
    """Require that a run directory that is not what was signed any more is refused by `hilrig verify`."""
    if digest_of(run_dir) == before:
        return
    called = round_.look("verify", str(run_dir))
    round_.require(
        called.code in {ExitCode.TRUST, ExitCode.PRECONDITION} and "verified  " not in called.out,
        f"{run_dir.name} was changed, and verify gave {called.code}",
    )


def finished_stands(round_: Round, run_dir: Path, before: dict[str, str]) -> None:
    """Require that a finished run of somebody else is what it was, and verifies."""
    now = digest_of(run_dir) if run_dir.is_dir() else {}
    changed = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    round_.require(not changed, f"a finished run of another was touched: {changed[:4]}")


def next_run_works(round_: Round, station: str) -> None:
    """Require that the next run comes to a verdict and verifies."""
    called = round_.call("run", station, "--duration", "1s")
    verdicts = {ExitCode.OK, ExitCode.FAIL, ExitCode.INCONCLUSIVE}
    round_.require(called.code in verdicts, f"the next run gave {called.code}")
    run_dirs = round_.place.run_dirs()
    if called.code in verdicts and run_dirs:
        newest = max(run_dirs, key=lambda path: path.stat().st_mtime_ns)
        verified(round_, newest, may_pass=True)


def all_of_it(round_: Round, station: str, *, disturbed: bool = False) -> None:
    """Require everything that holds after any run: in the order in which a person would look."""
    all_ended(round_)
    runs_hold(round_, disturbed=disturbed)
    if round_.drawn.get("next_run"):
        next_run_works(round_, station)
    nothing_lies_about(round_)


def lone(place: Place) -> Path | None:
    """Return the only run directory of a place, None when there is none."""
    found = place.run_dirs()
    return found[-1] if found else None
