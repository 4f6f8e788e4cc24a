"""LoadGen (MLPerf Inference) as a peer: its Python binding around a system that answers at once."""

import json
import subprocess
import sys
from collections.abc import Mapping


def single_stream(seconds: float) -> Mapping[str, float]:
    """Return `period_us`, the mean time from one query to the next when each waits for the one before."""
    return _run("single", seconds)


def server(*, qps: float, seconds: float) -> Mapping[str, float]:
    """Return `p50_us` and `p99_us` from the scheduled time at a Poisson rate, and the `rate_fps` achieved."""
    return _run("server", qps, seconds)


def memory(*, qps: float, hours: float) -> Mapping[str, float]:
    """Return `before_b`: bytes of memory for each scheduled query before the first one is sent."""
    return _run("memory", qps, hours)


def _run(kind: str, *numbers: float) -> Mapping[str, float]:
    command = [sys.executable, "-m", "bench.loadgen_child", kind, *map(str, numbers)]
    called = subprocess.run(command, capture_output=True, text=True, check=False)
    if called.returncode:
        raise RuntimeError(f"LoadGen: {called.stderr.strip().splitlines()[-1:]}")
    return json.loads(called.stdout.splitlines()[-1])
