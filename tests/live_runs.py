"""Run directories as they stand while a run goes on, and looks at them, for tests of live views."""

import json
import os
from dataclasses import replace
from pathlib import Path

from builders import make_plan
from hilrig.config.plan_file import dump_plan
from hilrig.core import files
from hilrig.core.clock import Clock, SystemClock
from hilrig.record.heartbeat import write_status

STATUS = {
    "phase": "measure",
    "certain_failure": "",
    "warnings": ["mind the step"],
    "disk_needed_mib": 100.0,
    "elapsed_s": 31.0,
    "total_s": 61.0,
    "fps": 30.0,
    "n_offered": 915,
    "n_decided": 912,
    "n_dropped": 3,
    "n_failed": 0,
    "recent_n": 915,
    "recent_n_undecided": 3,
    "recent_p50_ms": 11.0,
    "recent_p95_ms": 12.0,
    "recent_p99_ms": 13.0,
    "measured": {
        "n": 900,
        "n_decided": 897,
        "n_dropped": 3,
        "n_failed": 0,
        "p50_ms": 11.1,
        "p95_ms": 12.1,
        "p99_ms": 13.1,
        "p99_9_ms": None,
        "max_ms": 40.0,
        "longest_gap_ms": 66.7,
        "n_over_limit": {"latency.p99_max_ms": 9},
    },
    "measured_peak_ram_mib": 300.0,
    "thermal_state": "nominal",
    "throttled_s": 0.0,
    "temperatures": [
        {"name": "cpu", "now_cel": 88.0, "hottest_cel": 90.0, "limit_cel": None},
        {"name": "gpu0", "now_cel": 71.0, "hottest_cel": 80.0, "limit_cel": 97.0},
    ],
}
"""Half a minute measured of a minute that was asked for: 900 of 1800 frames at 30 fps."""

RESULT = {
    "exit_code": 10,
    "files": {},
    "judgement": {
        "status": "FAIL",
        "sentence": "Latency p99: 51 ms, over the limit of 45 ms.",
        "measurements": [{"metric": "latency_p99_ms", "value": 51.0}],
        "checks": [
            {
                "check_id": "latency.p99_max_ms",
                "metric": "latency_p99_ms",
                "status": "FAIL",
                "comparator": "<=",
                "limit": 45.0,
                "unit": "ms",
                "observed": 51.0,
                "sentence": "Latency p99: 51 ms, over the limit of 45 ms.",
            }
        ],
    },
}


def write_live(
    folder: Path, *, clock: Clock | None = None, pid: int | None = None, profile_s=60.0, **said
) -> Path:
    """Write the directory of a run that goes on, by this process; `said` replaces parts of its status."""
    folder.mkdir(parents=True)
    limits = said.pop("limits", None)
    plan = make_plan() if limits is None else make_plan(limits=limits)
    plan = replace(plan, profile_duration_s=profile_s, operator="Ada", note="night shift")
    (folder / files.PLAN).write_bytes(dump_plan(plan))
    write_status(folder, {**STATUS, **said}, clock=clock or SystemClock())
    if pid is not None:
        status = json.loads((folder / files.STATUS).read_bytes())
        (folder / files.STATUS).write_text(json.dumps({**status, "pid": pid}))
    return folder


def write_result(folder: Path, **changes) -> None:
    """Write result.json as a live view needs it."""
    (folder / files.RESULT).write_text(json.dumps({**RESULT, **changes}))


def gone_pid() -> int:
    """Return the number of a process that has ended and was waited for."""
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid
