"""cyclictest (rt-tests) as a peer: how late the kernel wakes a sleeper on an absolute grid."""

import subprocess
from collections.abc import Mapping, Sequence
from itertools import accumulate

HISTOGRAM_US = 400_000
"""Wake-ups later than this are only counted."""


def other(*, interval_us: int, n: int) -> Mapping[str, float]:
    """Return `p50_us` and `p99_us` of a sleeper without priority."""
    return _run("--policy=other", interval_us=interval_us, n=n)


def fifo(*, interval_us: int, n: int) -> Mapping[str, float]:
    """Return `p50_us` and `p99_us` of a sleeper with real-time priority."""
    return _run("--priority=80", interval_us=interval_us, n=n)


def _run(policy: str, *, interval_us: int, n: int) -> Mapping[str, float]:
    command = ["cyclictest", "-m", "-q", f"-i{interval_us}", f"-l{n}", f"-h{HISTOGRAM_US}", policy]
    called = subprocess.run(command, capture_output=True, text=True, check=False)
    if called.returncode:
        raise RuntimeError(f"cyclictest: {called.stderr.strip() or called.stdout.strip()}")
    counts = read_histogram(called.stdout)
    return {"p50_us": rank_us(counts, 500), "p99_us": rank_us(counts, 990)}


def read_histogram(output: str) -> list[tuple[float, int]]:
    """Return (lateness in us, how often), ascending; what overflowed comes last, as infinitely late."""
    counts: list[tuple[float, int]] = []
    n_over = 0
    for line in output.splitlines():
        if line.startswith("# Histogram Overflows:"):
            n_over = int(line.rpartition(":")[2])
        elif line[:1].isdigit():
            lateness_us, count = line.split()
            counts.append((float(lateness_us), int(count)))
    return [*counts, (float("inf"), n_over)]


def rank_us(counts: Sequence[tuple[float, int]], permille: int) -> float:
    """Return a percentile by nearest rank.

    Raises:
        ValueError: nothing was counted.
    """
    n = sum(count for _, count in counts)
    if not n:
        raise ValueError("an empty histogram has no percentiles")
    rank = -(-n * permille // 1000)
    reached = accumulate(count for _, count in counts)
    return next(lateness_us for (lateness_us, _), total in zip(counts, reached, strict=True) if total >= rank)
