"""What companions answered alone, compared to what they answered while frames were measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.companion import CompanionFinding, CompanionRecord, CompanionSpec, ProbeSeries
from hilrig.core.profile import Limit
from hilrig.core.run import RunRecord
from hilrig.core.units import NS_PER_MS, NS_PER_US, ms_to_ns
from hilrig.core.verdict import SelfCheck
from hilrig.verdict.self_checks.self_check import stated
from hilrig.verdict.statistics.percentile_bounds import nearest_rank
from hilrig.verdict.window import NEVER, Window
from hilrig.verdict.wording import counted, listed, quantity

P50: Final = 500
P99: Final = 990
LATE_MS_MAX: Final = 10.0
LATE_SHARE_MAX: Final = 0.1
"""How late a probe may be sent at p99: 10 ms, or a tenth of the limit that it serves where that is more."""

COVERED_MIN: Final = 0.99
N_EDGE_PROBES: Final = 2
"""The grid of the probes does not begin with the frames: one at each edge may lie outside."""

NOT_PROBED: Final = "no probe was recorded while frames were measured"
NOT_WATCHED: Final = "nobody watched it while frames were measured"
NOT_ALONE: Final = "it was not measured alone"
NO_PROBE: Final = "the profile states no probe for it"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Beside:
    """One companion beside the model.

    Args:
        limits: those of the profile that are about it, by their key.
        alone_ns: answer times before the run in the order of the probes, NEVER where there was none.
        together_ns: the same while frames were measured.
        late_ns: by how much the prober itself was late with the latter.
        n_expected: probes that were due while frames were measured.
        n_final: the same, had the run not ended early.
        exits: how its process ended while it should have run: exit statuses, below 0 signals.
        kept_until_ns: until when it was watched, CLOCK_MONOTONIC; 0 for never.
    """

    spec: CompanionSpec
    limits: dict[str, Limit]
    alone_ns: NDArray[np.int64]
    together_ns: NDArray[np.int64]
    late_ns: NDArray[np.int64]
    n_expected: int
    n_final: int
    exits: tuple[int, ...]
    kept_until_ns: int

    @property
    def sick_alone(self) -> str:
        """Return what was wrong with it without the model, in words; empty: nothing."""
        if self.spec.probe is None or not self.spec.alone_s:
            return ""  # nobody asked, or a run of a search: it is not measured alone there
        if not self.alone_ns.size:
            return NOT_ALONE
        failed, slow = self.limits.get("failed_max_pct"), self.limits.get("p99_max_ms")
        n, n_failed = self.alone_ns.size, n_unanswered(self.alone_ns)
        if 100 * n_failed > n * (failed.limit if failed else 0):
            return f"without the model {n_failed} of {counted(n, 'probe')} failed already"
        p99_ms = percentile_ms(self.alone_ns, P99)
        if slow and (p99_ms is None or p99_ms > slow.limit):
            return f"without the model its p99 was already {shown(p99_ms)}"
        return ""


def find_beside(record: RunRecord, window: Window) -> tuple[Beside, ...]:
    """Return every companion of the plan with what its probes say, in the order of the profile."""
    recorded = {one.name: one for one in record.companions}
    nothing = CompanionRecord(name="", alone=ProbeSeries(), together=ProbeSeries())
    return tuple(_beside(spec, recorded.get(spec.name, nothing), window) for spec in record.plan.companions)


def describe(beside: Sequence[Beside]) -> tuple[CompanionFinding, ...]:
    """Return the numbers of each companion, for the report."""
    return tuple(map(_finding, beside))


def check_companions(beside: Sequence[Beside], window: Window) -> Iterator[SelfCheck]:
    """Yield whether the load was there and was asked as planned; nothing in a run without companions."""
    if beside:
        yield _kept(beside, window)
    probed = [one for one in beside if one.spec.probe is not None]
    if probed:
        yield _probed(probed)


def _kept(beside: Sequence[Beside], window: Window) -> SelfCheck:
    """Judge whether every companion ran to the end; one whose early ends are limited is judged by that limit."""
    lost = [one.spec.name for one in beside if one.kept_until_ns < window.end_ns]
    faults = [f"nobody watched {name} to the end" for name in lost]
    ended = [one for one in beside if one.exits and "restarts_max" not in one.limits]
    faults += [f"{one.spec.name} ended by itself" for one in ended]
    observed = listed(faults, at_most=3) if faults else f"{counted(len(beside), 'companion')} to the end"
    return stated(
        "companions.kept",
        ok=not faults,
        observed=observed,
        limit="all at work to the end",
        holds=f"The model ran beside its companions all the time ({observed}).",
        broken=f"The model did not run beside its companions all the time: {observed}.",
        advice="Their last words are in companion-NAME.log; allow early ends with restarts_max.",
    )


def _probed(probed: Sequence[Beside]) -> SelfCheck:
    faults = [fault for one in probed for fault in _faults(one)]
    n = sum(one.together_ns.size for one in probed)
    made = f"{counted(n, 'probe')} of {counted(len(probed), 'companion')}"
    observed = listed(faults, at_most=3) if faults else made
    return stated(
        "companions.probed",
        ok=not faults,
        observed=observed,
        limit="every probe made, sent in time at p99",
        holds=f"The companions were asked as planned ({observed}).",
        broken=f"The companions were not asked as planned: {observed}.",
        advice="Let hilrig have real-time priority (run.real_time, and the right to it), or probe less often.",
    )


def percentile_ms(answers_ns: NDArray[np.int64], permille: int) -> float | None:
    """Return the nearest-rank percentile of answers in ms; None for none, and where it is a missing answer."""
    if not answers_ns.size:
        return None
    index = nearest_rank(answers_ns.size, permille) - 1
    answer_ns = int(np.partition(answers_ns, index)[index])
    return None if answer_ns == NEVER else answer_ns / NS_PER_MS


def n_unanswered(answers_ns: NDArray[np.int64]) -> int:
    """Return how many probes failed."""
    return int(np.count_nonzero(answers_ns == NEVER))


def shown(answer_ms: float | None) -> str:
    """Return an answer time for a person."""
    return "infinite" if answer_ms is None else quantity(answer_ms, "ms")


def _beside(spec: CompanionSpec, record: CompanionRecord, window: Window) -> Beside:
    inside = _inside(record.together, window)
    period_ns = ms_to_ns(spec.probe.period_ms) if spec.probe else 1
    n_expected = window.duration_ns // period_ns if spec.probe else 0
    return Beside(
        spec=spec,
        limits=_limits_of(spec.name, window),
        alone_ns=_answers_ns(record.alone),
        together_ns=_answers_ns(record.together)[inside],
        late_ns=np.array(record.together.late_us, np.int64)[inside] * NS_PER_US,
        n_expected=n_expected,
        n_final=-(-n_expected * window.n_final // window.n) if window.n else 0,
        exits=tuple(status for t_ns, status in record.exits if t_ns < window.end_ns),
        kept_until_ns=record.kept_until_ns,
    )


def _limits_of(name: str, window: Window) -> dict[str, Limit]:
    start = f"companions.{name}."
    limits = [limit for limit in window.plan.limits if limit.check_id.startswith(start)]
    return {limit.check_id.removeprefix(start): limit for limit in limits}


def _inside(series: ProbeSeries, window: Window) -> NDArray[np.bool_]:
    t_ns = np.array(series.t_ns, np.int64)
    inside: NDArray[np.bool_] = (t_ns >= window.start_ns) & (t_ns < window.end_ns)
    return inside


def _answers_ns(series: ProbeSeries) -> NDArray[np.int64]:
    answer_us = np.array(series.answer_us, np.int64)
    return np.where(answer_us < 0, NEVER, answer_us * NS_PER_US)


def _faults(one: Beside) -> Iterator[str]:
    n = one.together_ns.size
    if n < COVERED_MIN * one.n_expected - N_EDGE_PROBES:
        yield f"{one.spec.name}: {n} of {counted(one.n_expected, 'probe')} recorded"
    late_ms = percentile_ms(one.late_ns, P99)
    slow = one.limits.get("p99_max_ms")
    most_ms = max(LATE_MS_MAX, LATE_SHARE_MAX * slow.limit if slow else 0.0)
    if late_ms is not None and late_ms > most_ms:
        sent = f"probes sent {quantity(late_ms, 'ms')} late at p99"
        yield f"{one.spec.name}: {sent}, more than {quantity(most_ms, 'ms', beside=late_ms)}"


def _finding(one: Beside) -> CompanionFinding:
    alone_p50_ms, p50_ms = percentile_ms(one.alone_ns, P50), percentile_ms(one.together_ns, P50)
    return CompanionFinding(
        name=one.spec.name,
        n_alone=one.alone_ns.size,
        n=one.together_ns.size,
        n_failed=n_unanswered(one.together_ns),
        alone_p50_ms=alone_p50_ms,
        alone_p99_ms=percentile_ms(one.alone_ns, P99),
        p50_ms=p50_ms,
        p99_ms=percentile_ms(one.together_ns, P99),
        slowdown=p50_ms / alone_p50_ms if p50_ms is not None and alone_p50_ms else None,
        exits=len(one.exits) if one.spec.argv else None,
        sick_alone=one.sick_alone,
        reason=_why_nothing(one),
    )


def _why_nothing(one: Beside) -> str:
    if one.spec.probe is None:
        return NO_PROBE
    if not one.together_ns.size:
        return NOT_PROBED
    return "infinite: too many of its probes failed" if percentile_ms(one.together_ns, P99) is None else ""
