"""The numbers that the frame records alone give: latency, stages, drops, rates."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.frame import Outcome
from hilrig.core.run import Pacing
from hilrig.core.units import NS_PER_MS, NS_PER_S, NS_PER_US, S_PER_MIN
from hilrig.core.verdict import Measurement
from hilrig.verdict.statistics.percentile_bounds import nearest_rank
from hilrig.verdict.window import (
    DECIDED,
    DEQUEUE,
    INFERRED,
    INTENDED,
    PREPROCESSED,
    RELEASE,
    Window,
)
from hilrig.verdict.wording import quantity

PERMILLE: Final = {"p50": 500, "p95": 950, "p99": 990, "p99_9": 999}

STAGES: Final = {
    "queue": (RELEASE, DEQUEUE),
    "preprocess": (DEQUEUE, PREPROCESSED),
    "infer": (PREPROCESSED, INFERRED),
    "decide": (INFERRED, DECIDED),
    "service": (DEQUEUE, DECIDED),
}
"""From which stamp to which a stage lasts."""

NO_FRAMES: Final = "no frame was measured"
NO_DECISIONS: Final = "no measured frame was decided"
NO_STAGES: Final = "the target does not show its stages"


def measure_frames(window: Window) -> Iterator[Measurement]:
    """Yield every measurement that needs only the frame records."""
    yield from _counts(window)
    yield from _latency(window)
    yield from _lateness(window)
    for name, (begin, end) in STAGES.items():
        yield from _stage(window, name, begin, end)
    yield from _shares(window)
    yield _timed(window, "duration_min", "min", float(_duration_min(window)))
    yield _timed(window, "decision_gap_ms", "ms", _decision_gap_ns(window) / NS_PER_MS)
    yield _throughput(window)


def unmeasured(metric: str, unit: str, reason: str) -> Measurement:
    """Return a measurement without a value."""
    return Measurement(metric=metric, unit=unit, value=None, n=0, reason=reason)


def longest_run(mask: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of true values."""
    padded = np.concatenate(([False], mask, [False]))
    changes = np.flatnonzero(padded[1:] != padded[:-1])
    return int((changes[1::2] - changes[::2]).max()) if changes.size else 0


def lateness_ns(window: Window) -> NDArray[np.int64]:
    """Return t_release - t_intended of the measured frames that were released, in nanoseconds."""
    stamps_ns = window.measured.stamps_ns
    late_ns: NDArray[np.int64] = (stamps_ns[RELEASE] - stamps_ns[INTENDED])[stamps_ns[RELEASE] > 0]
    return late_ns


def percentile_ns(values_ns: NDArray[np.int64], permille: int) -> int:
    """Return the nearest-rank percentile of a non-empty array."""
    index = nearest_rank(values_ns.size, permille) - 1
    return int(np.partition(values_ns, index)[index])


def _counts(window: Window) -> Iterator[Measurement]:
    n_of = np.bincount(window.measured.outcome, minlength=len(Outcome)).tolist()
    counts = {
        "frames_offered": window.n,
        "frames_decided": n_of[Outcome.DECIDED],
        "frames_dropped": n_of[Outcome.DROPPED],
        "frames_failed": n_of[Outcome.FAILED],
        "warmup_frames_cut": window.all.n - window.n - window.n_tail_cut,
        "tail_frames_cut": window.n_tail_cut,
    }
    for metric, count in counts.items():
        yield Measurement(metric=metric, unit="frames", value=float(count), n=window.all.n)


def _latency(window: Window) -> Iterator[Measurement]:
    """Yield latency of the decided frames, and its p99 with every other frame counted as infinite."""
    n = window.n_decided
    decided_ns = window.sorted_latency_ns[:n]
    yield from _spread("latency", decided_ns, PERMILLE, unit="ms", is_sorted=True)
    mean_ms = float(Fraction(int(decided_ns.sum()), n * NS_PER_MS)) if n else None
    yield Measurement(metric="latency_mean_ms", unit="ms", value=mean_ms, n=n, reason="" if n else NO_DECISIONS)
    yield _p99_incl_drops(window)


def _p99_incl_drops(window: Window) -> Measurement:
    metric, unit = "latency_p99_incl_drops_ms", "ms"
    if not window.n:
        return unmeasured(metric, unit, NO_FRAMES)
    p99_ns = window.latency_at(nearest_rank(window.n, PERMILLE["p99"]))
    if p99_ns is None:
        undecided = quantity(100 * (window.n - window.n_decided) / window.n, "%")
        reason = f"infinite: {undecided} of frames got no decision"
        return Measurement(metric=metric, unit=unit, value=None, n=window.n, reason=reason)
    return Measurement(metric=metric, unit=unit, value=p99_ns / NS_PER_MS, n=window.n)


def _lateness(window: Window) -> Iterator[Measurement]:
    wanted = {name: PERMILLE[name] for name in ("p50", "p99")}
    yield from _spread("feeder_lateness", lateness_ns(window), wanted, unit="us")


def _stage(window: Window, name: str, begin: int, end: int) -> Iterator[Measurement]:
    """Yield how long a stage took, of decided frames with both of its stamps: 0 is no stamp, not no time."""
    stamps_ns, is_decided = window.measured.stamps_ns, window.measured.is_decided
    shows_stage = is_decided & (stamps_ns[begin] > 0) & (stamps_ns[end] > 0)
    lasted_ns = (stamps_ns[end] - stamps_ns[begin])[shows_stage]
    wanted = {name: PERMILLE[name] for name in ("p50", "p95", "p99")}
    yield from _spread(
        name, lasted_ns, wanted, unit="ms", why_none=NO_STAGES if is_decided.any() else NO_DECISIONS
    )


def _spread(
    name: str,
    values_ns: NDArray[np.int64],
    wanted: dict[str, int],
    *,
    unit: str,
    is_sorted: bool = False,
    why_none: str = NO_DECISIONS,
) -> Iterator[Measurement]:
    """Yield the wanted percentiles of durations, then their maximum."""
    n = values_ns.size
    if not n:
        for suffix in (*wanted, "max"):
            yield unmeasured(f"{name}_{suffix}_{unit}", unit, why_none)
        return
    indices = [nearest_rank(n, permille) - 1 for permille in wanted.values()] + [n - 1]
    ordered = values_ns if is_sorted else np.partition(values_ns, indices)
    scale_ns = NS_PER_MS if unit == "ms" else NS_PER_US
    for suffix, index in zip((*wanted, "max"), indices, strict=True):
        value = int(ordered[index]) / scale_ns
        yield Measurement(metric=f"{name}_{suffix}_{unit}", unit=unit, value=value, n=n)


def _shares(window: Window) -> Iterator[Measurement]:
    is_dropped = window.measured.outcome == Outcome.DROPPED
    n_failed = int(np.count_nonzero(window.measured.outcome == Outcome.FAILED))
    yield _share(window, "drop_pct", int(np.count_nonzero(is_dropped)))
    yield _share(window, "failed_pct", n_failed)
    yield _timed(window, "consecutive_drops", "frames", float(longest_run(is_dropped)))


def _share(window: Window, metric: str, count: int) -> Measurement:
    if not window.n:
        return unmeasured(metric, "%", NO_FRAMES)
    return Measurement(metric=metric, unit="%", value=100 * count / window.n, n=window.n)


def _timed(window: Window, metric: str, unit: str, value: float) -> Measurement:
    if not window.n:
        return unmeasured(metric, unit, NO_FRAMES)
    return Measurement(metric=metric, unit=unit, value=value, n=window.n)


def _duration_min(window: Window) -> Fraction:
    """Return how much of the camera's grid was measured, exactly; an unpaced run has only elapsed time."""
    if window.plan.pacing is Pacing.UNPACED:
        return Fraction(window.duration_ns, S_PER_MIN * NS_PER_S)
    period_ns = Fraction(window.plan.period_numerator_ns, window.plan.period_denominator)
    return window.n * period_ns / (S_PER_MIN * NS_PER_S)


def _decision_gap_ns(window: Window) -> int:
    """Return the longest time without a decision inside the measured part.

    Decisions on warm-up frames that fall into the measured part are decisions too: with a latency of several
    periods, counting the first measured frame's alone would show a gap that nobody on the line sees.
    """
    decided_ns = np.sort(window.all.stamps_ns[DECIDED][window.all.is_decided], kind="stable")  # nearly sorted
    inside_ns = np.clip(decided_ns, window.start_ns, window.end_ns)
    return int(np.diff(np.concatenate(([window.start_ns], inside_ns, [window.end_ns]))).max())


def _throughput(window: Window) -> Measurement:
    if window.duration_ns <= 0:
        return unmeasured("throughput_fps", "fps", NO_FRAMES)
    fps = window.n_decided * NS_PER_S / window.duration_ns
    return Measurement(metric="throughput_fps", unit="fps", value=fps, n=window.n)
