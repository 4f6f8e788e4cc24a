"""How the run used up the frames that may break a limit.

This is for looking, the checks decide.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.analysis import Budget
from hilrig.core.frame import Outcome
from hilrig.core.profile import Comparator, Limit
from hilrig.core.units import NS_PER_S, ms_to_ns
from hilrig.verdict.percentile import PERMILLE_OF
from hilrig.verdict.statistics.percentile_bounds import nearest_rank
from hilrig.verdict.window import INTENDED, Window

N_POINTS_MAX: Final = 240
"""Two minutes each in a run of eight hours; about 4 kB of result.json a limit."""

OUTCOME_OF: Final = {"drop_pct": Outcome.DROPPED, "failed_pct": Outcome.FAILED}
"""What a frame has become that uses the budget of a share."""


def budgets(window: Window) -> tuple[Budget, ...]:
    """Return the budget of each upper limit on a latency percentile or on a share of frames, in their order.

    A percentile's is `n - ceil(q * n)` frames: with one more over the limit, the nearest rank is over it too. A
    frame uses it when its latency is over the limit or it got no decision. A share's is the largest number of
    frames whose share is within the limit. The budget is that of the frames that were measured: of a run that
    ended early, those up to its end.

    At most 240 points: the first at the start with nothing used, then one after equally many frames each.
    """
    if not window.n:
        return ()
    edges = _edges(window.n)
    t_s = _moments_s(window, edges)
    return tuple(
        _budget(limit, window, edges, t_s)
        for limit in window.plan.limits
        if limit.comparator is Comparator.LE and (limit.metric in PERMILLE_OF or limit.metric in OUTCOME_OF)
    )


def _budget(limit: Limit, window: Window, edges: list[int], t_s: tuple[float, ...]) -> Budget:
    n_broken = np.add.reduceat(_breaks(limit, window), edges[:-1], dtype=np.int64)
    return Budget(
        check_id=limit.check_id,
        n_measured=window.n,
        n_allowed=_n_allowed(limit, window.n),
        t_s=t_s,
        n_used=(0, *np.cumsum(n_broken).tolist()),
    )


def _breaks(limit: Limit, window: Window) -> NDArray[np.bool_]:
    """Return which frames use the budget; a frame without a decision is later than every limit."""
    if limit.metric in PERMILLE_OF:
        is_over: NDArray[np.bool_] = window.latency_ns > ms_to_ns(limit.limit)
        return is_over
    became: NDArray[np.bool_] = window.measured.outcome == OUTCOME_OF[limit.metric]
    return became


def _n_allowed(limit: Limit, n: int) -> int:
    if limit.metric in PERMILLE_OF:
        return n - nearest_rank(n, PERMILLE_OF[limit.metric])
    return _n_within(limit.limit, n)


def _n_within(limit_pct: float, n: int) -> int:
    """Return the largest count whose share is within the limit, to the last bit as the check computes it."""
    count = min(n, int(limit_pct * n / 100))
    while count < n and 100 * (count + 1) / n <= limit_pct:
        count += 1
    while count > 0 and 100 * count / n > limit_pct:
        count -= 1
    return count


def _edges(n: int) -> list[int]:
    """Return the position at which each step begins, and `n`: all steps have as many frames, or one more."""
    n_steps = min(N_POINTS_MAX - 1, n)
    return [index * n // n_steps for index in range(n_steps + 1)]


def _moments_s(window: Window, edges: list[int]) -> tuple[float, ...]:
    """Return when the first frame of each step was due, then the end of the measured part; never falling."""
    due_ns = window.measured.stamps_ns[INTENDED, edges[1:-1]].tolist()
    moments_ns = [0, *(due - window.start_ns for due in due_ns), window.duration_ns]
    latest_ns, ascending = 0, []
    for moment_ns in moments_ns:
        latest_ns = max(latest_ns, moment_ns)
        ascending.append(latest_ns / NS_PER_S)
    return tuple(ascending)
