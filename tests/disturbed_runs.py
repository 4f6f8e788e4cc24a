"""Runs on a machine that is shared: what says it was disturbed says nothing of a model, and is made again."""

import json
import os
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

N_TRIES = 5
TRIES_S = 100
"""No further try begins after this: a test has 600 s for all of its tries."""

STOLEN = "host.steal"
DISTURBANCES = {"feeder.lateness", "feeder.rate", "drill.camera", STOLEN}
"""Self-checks that such a machine breaks."""

T = TypeVar("T")


def until_undisturbed(attempt: Callable[[], T], runs: Callable[[T], list[Path]]) -> T:
    """Return what an attempt gave whose runs were not disturbed; the directories of the others are gone.

    Where each try was disturbed, and in one at least the host gave this machine's CPUs to others, the test is
    skipped: no software here can mend that. So it is where this user gets no real-time priority: beside others
    the camera waits for its turn then. One that is late with it, on CPUs of its own, is for the test to judge.
    """
    begun_s, seen = time.monotonic(), set[str]()
    for n_left in reversed(range(N_TRIES)):
        made = attempt()
        found = {run_dir: disturbances(run_dir) for run_dir in runs(made)}
        seen |= set[str]().union(*found.values())
        if not any(found.values()) or not n_left or time.monotonic() - begun_s > TRIES_S:
            break
        for run_dir in found:
            shutil.rmtree(run_dir)
    if any(found.values()) and STOLEN in seen:
        pytest.skip(
            f"hardware: every try was disturbed, other virtual machines took CPUs ({', '.join(sorted(seen))})"
        )
    if any(found.values()) and not gets_real_time():
        pytest.skip(f"user: every try was disturbed, no real-time priority here ({', '.join(sorted(seen))})")
    return made


def gets_real_time() -> bool:
    """Return whether this user's processes may ask for real-time priority (sched(7))."""
    return os.geteuid() == 0 or resource.getrlimit(resource.RLIMIT_RTPRIO)[0] > 0


def disturbances(run_dir: Path) -> set[str]:
    """Return which of the run's own checks found its camera late or its CPUs stolen; without a result, none."""
    result = run_dir / "result.json"
    return disturbances_in(json.loads(result.read_bytes())) if result.exists() else set()


def disturbances_in(result: dict[str, Any]) -> set[str]:
    """Return the same of a run whose result.json was read."""
    checks = result["judgement"]["self_checks"]
    return {one["check_id"] for one in checks if one["check_id"] in DISTURBANCES and not one["ok"]}
