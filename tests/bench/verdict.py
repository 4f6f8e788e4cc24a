"""The verdict: how long it takes over eight hours, how often it passes what it should not."""

import math
import time
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from itertools import count

import numpy as np

from bench.row import Bench, Row, Sense
from builders import make_frames, make_limit, make_plan, make_record
from hilrig.core.run import RunRecord
from hilrig.core.verdict import CheckStatus
from hilrig.verdict.judge import judge

N_LONG = 864_000  # 8 h at 30 fps
N_SHORT = 18_000  # 10 min at 30 fps
LIMIT_MS = 45.0
LIMITS = tuple(
    make_limit(f"latency.{name}_max_ms", f"latency_{name}_ms", LIMIT_MS, "ms")
    for name in ("p50", "p95", "p99", "p99_9")
)
SHARE_OVER = 0.012
BURST_FRAMES = 20  # mean length
N_RUNS = 1000  # each round
SEED = 20260101

_our_seeds, _binomial_seeds = count(SEED), count(SEED)  # each round its own runs, both sides the same ones


@cache
def _long_record(n: int) -> RunRecord:
    latency_ms = np.random.default_rng(SEED).lognormal(2.3, 0.2, n)
    plan = make_plan(n_measured=n, n_warmup=0, limits=LIMITS)
    return make_record(plan, frames=make_frames(plan, latency_ms=latency_ms))


def _judged(scale: float) -> Mapping[str, float]:
    record = _long_record(round(N_LONG * scale))
    begin_s = time.perf_counter()
    judge(record)
    return {"s": time.perf_counter() - begin_s}


def _sorted(scale: float) -> Mapping[str, float]:
    frames = _long_record(round(N_LONG * scale)).frames
    latency_ns = frames["t_decided_ns"] - frames["t_intended_ns"]
    begin_s = time.perf_counter()
    np.sort(latency_ns)
    return {"s": time.perf_counter() - begin_s}


def _bursty(random: np.random.Generator) -> np.ndarray:
    """Return which frames are over the limit: bursts and gaps of geometric lengths, 1.2 % over in the long run."""
    gap_frames = BURST_FRAMES * (1 - SHARE_OVER) / SHARE_OVER
    n_pairs = math.ceil(3 * N_SHORT / (gap_frames + BURST_FRAMES)) + 30  # more than enough
    lengths = np.stack([random.geometric(1 / gap_frames, n_pairs), random.geometric(1 / BURST_FRAMES, n_pairs)], 1)
    states = np.tile([False, True], n_pairs)
    over = np.repeat(states, lengths.ravel())
    start = random.integers(0, over.size - N_SHORT)  # somewhere in the middle, not always in a gap
    return over[start : start + N_SHORT]


def _our_passes(scale: float) -> Mapping[str, float]:
    plan = make_plan(n_measured=N_SHORT, n_warmup=0, fps=Fraction(30))
    random, n_runs, passed = np.random.default_rng(next(_our_seeds)), round(N_RUNS * scale), 0
    for _ in range(n_runs):
        latency_ms = np.where(_bursty(random), 2 * LIMIT_MS, LIMIT_MS / 2)
        record = make_record(plan, frames=make_frames(plan, latency_ms=latency_ms), curves=())
        passed += judge(record).checks[0].status is CheckStatus.PASS
    return {"share": passed / n_runs}


def _binomial_passes(scale: float) -> Mapping[str, float]:
    """Return how many of the same runs LoadGen's early stopping passes: it takes frames as independent."""
    random, n_runs = np.random.default_rng(next(_binomial_seeds)), round(N_RUNS * scale)
    allowed = _most_over_allowed(N_SHORT, 0.01)
    return {"share": sum(int(_bursty(random).sum()) <= allowed for _ in range(n_runs)) / n_runs}


def _most_over_allowed(n: int, share: float) -> int:
    """Return the largest t with P(Bin(n, share) <= t) <= 1 %: LoadGen's early-stopping test for p99."""
    logs = [
        math.lgamma(n + 1) - math.lgamma(t + 1) - math.lgamma(n - t + 1)
        + t * math.log(share) + (n - t) * math.log1p(-share)
        for t in range(round(2 * n * share))
    ]  # fmt: skip
    return int(np.searchsorted(np.cumsum(np.exp(logs)), 0.01, side="right")) - 1


VERDICT_TIME = Bench(
    name="verdict-time",
    rows=(
        Row(
            name="verdict over 864,000 frames, four percentiles with bounds",
            against="np.sort of the same",
            key="s",
            unit="s",
            reach=2.0,
            stretch=0.3,
            sense=Sense.OURS_AT_MOST,
        ),
    ),
    ours=_judged,
    peer=_sorted,
)
FALSE_PASS = Bench(
    name="false-pass",
    rows=(
        Row(
            name="false pass of a bursty system 1.2 % over, 10 min",
            against="LoadGen's binomial test",
            key="share",
            unit="of runs",
            reach=0.05,
            stretch=0.02,
            sense=Sense.OURS_AT_MOST,
        ),
    ),
    ours=_our_passes,
    peer=_binomial_passes,
)
