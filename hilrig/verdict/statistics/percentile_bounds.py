"""Distribution-free bounds of a percentile, honest about clustered stalls.

All of it is integer arithmetic or plain IEEE additions in a fixed order, so that equal input gives equal bytes on
every machine. Quantiles are given in per mille (990 is p99), which keeps ranks exact.

Source of the formulas: David & Nagaraja, Order Statistics; Hahn & Meeker, Statistical Intervals.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

ALPHA: Final = 0.01
"""A bound is wrong at most this often: each percentile check is its own one-sided 99 % claim."""

MANY_BATCHES: Final = 100
FEW_BATCHES: Final = 30
N_FOR_MANY_BATCHES: Final = 2_000
"""Up to so many frames, batches would be shorter than a stall with 100 of them."""

N_BURSTS_TO_ESTIMATE: Final = 10
BURST_GAP_FRAMES: Final = 10
"""Over-limit frames at most this far apart belong to one burst."""

N_FRAMES_FORETOLD_MAX: Final = 100_000_000
"""How far `frames_to_pass` looks ahead: more than a month at 30 fps."""

_TAIL_SD: Final = 20
"""So many standard deviations below the mean, what is left of a binomial cannot move a sum near 0.01."""


def nearest_rank(n: int, permille: int) -> int:
    """Return the 1-based rank of a percentile among `n` ascending values: ceil(q * n), no interpolation."""
    return -(-n * permille // 1000)


def most_refuted(n: int, probability: float) -> int:
    """Return the largest t with P(Bin(n, probability) <= t) <= 1 %; -1 when even t = 0 is likelier than that.

    One walk up the probability mass from its negligible tail, started in log space. Exact to about 1e-7 of the
    tail probability for n up to 3e6.
    """
    mean = n * probability
    t = max(0, math.floor(mean - _TAIL_SD * math.sqrt(mean * (1 - probability))))
    mass = math.exp(_log_mass(t, n, probability))
    tail = mass
    odds = probability / (1 - probability)
    while tail <= ALPHA and t < n:
        t += 1
        mass *= (n - t + 1) / t * odds
        tail += mass
    return t - 1


def _log_mass(t: int, n: int, probability: float) -> float:
    choose = math.lgamma(n + 1) - math.lgamma(t + 1) - math.lgamma(n - t + 1)
    return choose + t * math.log(probability) + (n - t) * math.log1p(-probability)


def minimum_frames(permille: int) -> int:
    """Return how many frames a percentile needs to pass at all: 90 for p95, 459 for p99, 4603 for p99.9."""
    return math.ceil(math.log(ALPHA) / math.log(permille / 1000))


def upper_rank(n: int, permille: int, deff: float) -> int | None:
    """Return the rank of the one-sided 99 % upper bound of a percentile; None when `n` is too small for one.

    `n` frames clustered with design effect `deff` are worth floor(n / deff) independent ones. A system whose true
    percentile is over the limit shows as few frames over it, as this rank leaves above it, in at most 1 % of runs.
    """
    refuted = most_refuted(int(n / deff), 1 - permille / 1000)
    return None if refuted < 0 else n - math.floor(refuted * deff)


def lower_rank(n: int, permille: int, deff: float) -> int | None:
    """Return the rank of the one-sided 99 % lower bound of a percentile; None when `n` is too small for one."""
    n_independent = int(n / deff)
    n_over = math.ceil((n_independent - most_refuted(n_independent, permille / 1000)) * deff)
    return None if n_over > n else n - n_over + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bursts:
    """Over-limit frames grouped by nearness: how many groups, and how many frames the largest one has."""

    n: int
    longest_frames: int


def bursts(over: NDArray[np.bool_]) -> Bursts:
    """Return how the true values of `over` (one per frame, in the order of the frames) cluster."""
    positions = np.flatnonzero(over)
    if not positions.size:
        return Bursts(n=0, longest_frames=0)
    breaks = np.flatnonzero(np.diff(positions) > BURST_GAP_FRAMES) + 1
    edges = np.concatenate(([0], breaks, [positions.size]))
    return Bursts(n=edges.size - 1, longest_frames=int(np.diff(edges).max()))


def design_effect(over: NDArray[np.bool_]) -> float:
    """Return by how much clustering shrinks the evidence in `over`: n frames are worth n / deff independent ones.

    The rule, in order:

    1. No frame over the limit: nothing clusters, 1.
    2. Batch means: the variance of the over-limit share of 100 contiguous batches (30 for up to 2000 frames)
       against what independent frames would show.
    3. Fewer than 10 bursts are too few to estimate their length from, so the longest one seen is taken for the
       typical one where that is larger: a limit passes then only if it would pass with every burst that long.
    4. At most a batch, because batches are taken as independent; so a run that is over the limit from end to end
       still fails.

    Single scattered frames over the limit make bursts of one and cost nothing.

    Simulated: of ten-minute runs at 30 fps with 1.2 % over a p99 limit in bursts of 20, about 1 % pass. What was
    never seen cannot be corrected for: one-minute runs of that system pass in a third of cases, because they show
    no burst at all. Latencies that wander slowly (correlated over fifty frames) and are exactly at the limit pass
    in 5 % of ten-minute runs instead of 1 %, in 2 % of one-hour runs. Only a longer run helps.
    """
    n_batches = _n_batches(over.size)
    n_over = int(np.count_nonzero(over))
    if n_over == 0 or n_batches < 2:  # noqa: PLR2004 - a variance needs two batches
        return 1.0
    seen = bursts(over)
    longest = float(seen.longest_frames if seen.n < N_BURSTS_TO_ESTIMATE else 1)
    return max(1.0, min(max(batch_means(over, n_batches), longest), over.size / n_batches))


def _n_batches(n: int) -> int:
    return MANY_BATCHES if n > N_FOR_MANY_BATCHES else min(FEW_BATCHES, n)


def batch_means(over: NDArray[np.bool_], n_batches: int) -> float:
    """Return the variance of the share of `over` among contiguous batches, against that of independent values.

    1 when there is nothing to compare: all values are equal.
    """
    n = over.size
    share = int(np.count_nonzero(over)) / n
    if share in {0.0, 1.0}:
        return 1.0
    edges = np.arange(n_batches + 1) * n // n_batches
    counts = np.add.reduceat(over, edges[:-1], dtype=np.int64).tolist()
    sizes = np.diff(edges).tolist()
    deviations = [count / size - share for count, size in zip(counts, sizes, strict=True)]
    squared_error = math.fsum(deviation * deviation for deviation in deviations) / (n_batches * (n_batches - 1))
    return squared_error * n / (share * (1 - share))


def frames_to_pass(n: int, n_over: int, *, permille: int, deff: float) -> int | None:
    """Return about how many more frames would let the percentile pass if the share over the limit stays.

    None when more frames cannot help, because the share is not below what the percentile allows, or only after
    more than a month.
    """
    if n_over * 1000 >= n * (1000 - permille):
        return None
    short, enough = n, n
    while not _passes(enough, -(-n_over * enough // n), permille, deff):
        short, enough = enough, 2 * enough
        if enough > N_FRAMES_FORETOLD_MAX:
            return None
    while enough - short > 1:
        middle = (short + enough) // 2
        if _passes(middle, -(-n_over * middle // n), permille, deff):
            enough = middle
        else:
            short = middle
    return enough - n


def _passes(n: int, n_over: int, permille: int, deff: float) -> bool:
    rank = upper_rank(n, permille, deff)
    return rank is not None and n_over <= n - rank
