"""Self-checks of the camera: it kept to its schedule.

It was on time, and at the rate that was asked for.
"""

from typing import Final

from hilrig.core.run import Pacing
from hilrig.core.units import NS_PER_MS, NS_PER_S, NS_PER_US
from hilrig.core.verdict import SelfCheck
from hilrig.verdict.measure import PERMILLE, lateness_ns, percentile_ns
from hilrig.verdict.percentile import PERMILLE_OF
from hilrig.verdict.self_checks.self_check import stated
from hilrig.verdict.window import RELEASE, Window, grid_ns
from hilrig.verdict.wording import quantity

LATENESS_OF_LIMIT: Final = 0.10
LATENESS_OF_PERIOD: Final = 0.05
RATE_OFF_PCT_MAX: Final = 0.1


def check_feeder(window: Window) -> tuple[SelfCheck, ...]:
    """Return lateness (paced runs only: without a grid nothing is late) and rate."""
    if window.plan.pacing is Pacing.UNPACED:
        return (_rate(window),)
    return (_lateness(window), _rate(window))


def lateness_limit_ns(window: Window) -> float:
    """Return how late p99 may be: 10 % of the smallest latency limit, at most 5 % of the period."""
    limits_ms = [limit.limit for limit in window.plan.limits if limit.metric in PERMILLE_OF]
    of_period_ns = LATENESS_OF_PERIOD * window.plan.period_ns
    return min([of_period_ns, *(LATENESS_OF_LIMIT * limit_ms * NS_PER_MS for limit_ms in limits_ms)])


def _lateness(window: Window) -> SelfCheck:
    late_ns, limit_ns = lateness_ns(window), lateness_limit_ns(window)
    p99_ns = percentile_ns(late_ns, PERMILLE["p99"]) if late_ns.size else None
    limit_text = quantity(limit_ns / NS_PER_US, "us")
    observed = "no frame released" if p99_ns is None else quantity(p99_ns / NS_PER_US, "us")
    return stated(
        "feeder.lateness",
        ok=p99_ns is not None and p99_ns <= limit_ns,
        observed=observed,
        limit=f"p99 at most {limit_text}",
        holds=f"The camera was on time: p99 of its lateness {observed}, at most {limit_text} allowed.",
        broken=f"The camera was late: p99 of its lateness {observed}, at most {limit_text} allowed.",
        advice="Free a core for the feeder: stop other load, allow real-time priority, or use more cores.",
    )


def _rate(window: Window) -> SelfCheck:
    off_pct = rate_off_pct(window)
    asked = quantity(NS_PER_S / window.plan.period_ns, "fps")
    observed = "not paced" if off_pct is None else f"{quantity(off_pct, '%')} off"
    return stated(
        "feeder.rate",
        ok=off_pct is not None and abs(off_pct) <= RATE_OFF_PCT_MAX,
        observed=observed,
        limit=f"within {RATE_OFF_PCT_MAX} % of {asked}",
        holds=f"Frames were offered at {asked} ({observed}).",
        broken=f"Frames were not offered at {asked}: {observed}, {RATE_OFF_PCT_MAX} % allowed.",
        advice="A verdict needs a paced camera that keeps up: use a rig that can feed this frame rate.",
    )


def rate_off_pct(window: Window) -> float | None:
    """Return by how many per cent the offered rate is off, positive when too slow; None when nothing paced it.

    From the medians of the first and the last tenth of the frames: one late frame at an edge is lateness, no rate.
    """
    if window.plan.pacing is Pacing.UNPACED:
        return None
    released = window.measured.stamps_ns[RELEASE] > 0
    release_ns = window.measured.stamps_ns[RELEASE][released]
    due_ns = grid_ns(window.plan, window.measured.frame_id[released])
    if release_ns.size < 2 or due_ns[-1] <= due_ns[0]:  # noqa: PLR2004 - a rate needs two frames
        return None
    behind_ns = release_ns - due_ns
    n_tenth = max(1, release_ns.size // 10)
    half = PERMILLE["p50"]
    drift_ns = percentile_ns(behind_ns[-n_tenth:], half) - percentile_ns(behind_ns[:n_tenth], half)
    between_ns = int(due_ns[-(n_tenth + 1) // 2]) - int(due_ns[n_tenth // 2])
    return 100 * drift_ns / max(1, between_ns)
