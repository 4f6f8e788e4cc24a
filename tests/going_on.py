"""Runs that go on, as tests of the command line wait for them."""

import json
import sys
import time

from terminals import terminal

HILRIG = (sys.executable, "-m", "hilrig")


def on_terminal(bench, *arguments, columns=100, **extra):
    """Call hilrig on a terminal of its own."""
    environment = bench.environment(TERM="xterm", **extra)
    for name in ("COLUMNS", "LINES"):  # of the terminal that the tests run on: these go before its own size
        environment.pop(name, None)
    return terminal([*HILRIG, *arguments], folder=bench.folder, environment=environment, columns=columns)


def wait_for(what, *, limit_s=60):
    """Return what `what` gives once that is true; looks often, since runs are short."""
    end_s = time.monotonic() + limit_s
    while not (found := what()):
        assert time.monotonic() < end_s, "it did not come to that"
        time.sleep(0.05)
    return found


def status_of(run_dir):
    """Return status.json."""
    return json.loads((run_dir / "status.json").read_bytes())


def measuring(bench):
    """Return the run directory once frames are measured."""

    def look():
        there = (run_dir for run_dir in bench.run_dirs() if (run_dir / "status.json").exists())
        return next((run_dir for run_dir in there if status_of(run_dir)["phase"] == "measure"), None)

    return wait_for(look)


def result_of(run_dir):
    """Return result.json once it is there."""
    wait_for((run_dir / "result.json").exists)
    return json.loads((run_dir / "result.json").read_bytes())
