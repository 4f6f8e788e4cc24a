"""The self-check of the PLC's stand-in: its stamps can be relied on.

It was awake when it stamped, and missed no write.
"""

from collections.abc import Iterator
from typing import Final

from hilrig.core.run import Ended, RunPlan
from hilrig.core.units import NS_PER_MS
from hilrig.core.verdict import SelfCheck
from hilrig.verdict.actuation import Actuated
from hilrig.verdict.measure import PERMILLE, percentile_ns
from hilrig.verdict.percentile import ACTUATION_PERMILLE_OF
from hilrig.verdict.self_checks.self_check import stated
from hilrig.verdict.window import Window
from hilrig.verdict.wording import counted, quantity

LAG_OF_LIMIT: Final = 0.10
"""A stamp may be late by a tenth of what it is held against, as the camera may."""

LAG_LEAST_NS: Final = 2 * NS_PER_MS
"""Below this an idle machine's own scheduling is seen, not a fault."""


def check_actuation(window: Window, actuated: Actuated | str) -> Iterator[SelfCheck]:
    """Yield whether the stamps can be relied on; nothing for a run without a PLC."""
    if window.plan.actuation is None:
        return
    problems = [actuated] if isinstance(actuated, str) else list(_problems(window, actuated))
    observed = "; ".join(problems) or "no write missed"
    yield stated(
        "actuation.listener",
        ok=not problems,
        observed=observed,
        limit=f"every heartbeat seen, p99 of the own lag at most {_limit_text(window.plan)}",
        holds="The stand-in for the PLC was awake and missed no write.",
        broken=f"The times at the PLC cannot be relied on: {observed}.",
        advice="One adapter only may write to actuation.port; free a core for the listener; see run.log.",
    )


def _problems(window: Window, actuated: Actuated) -> Iterator[str]:
    rows, plan = actuated.rows, window.plan
    if window.ended in {None, Ended.RECOVERED}:
        yield "the run was cut off, and the last writes with it"
    if not rows.size:
        return  # an adapter that is silent is the node's fault, and every frame shows it
    n_skipped = int(rows["n_skipped"].sum())
    if n_skipped:
        yield f"{counted(n_skipped, 'heartbeat')} never arrived"
    lag_ns = percentile_ns(rows["lag_ns"], PERMILLE["p99"])
    if lag_ns > _lag_limit_ns(plan):
        yield f"the listener lagged by {quantity(lag_ns / NS_PER_MS, 'ms')} (p99)"


def _lag_limit_ns(plan: RunPlan) -> float:
    limits_ms = [limit.limit for limit in plan.limits if limit.metric in ACTUATION_PERMILLE_OF]
    return max([LAG_LEAST_NS, *([LAG_OF_LIMIT * min(limits_ms) * NS_PER_MS] if limits_ms else [])])


def _limit_text(plan: RunPlan) -> str:
    return quantity(_lag_limit_ns(plan) / NS_PER_MS, "ms")
