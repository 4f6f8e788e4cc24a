"""Numbers that cannot be: evidence that contradicts itself proves nothing, whoever signed it."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import isfinite
from typing import Final

from hilrig.core.gate_facts import RunFacts
from hilrig.core.golden import GoldenReport
from hilrig.core.result import Result
from hilrig.core.run import Ended
from hilrig.core.units import NS_PER_S, S_PER_MIN
from hilrig.core.verdict import Check, CheckStatus, RunStatus
from hilrig.gate.golden_score import why_impossible
from hilrig.gate.moment import SKEW_NS, moment_ns

RISING: Final = ("latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "latency_p99_9_ms", "latency_max_ms")
"""Of the same frames, none can be above the next one."""

PARTS: Final = ("frames_decided", "frames_dropped", "frames_failed")
WHOLE: Final = "frames_offered"
PERCENTAGES: Final = ("drop_pct", "failed_pct", "gpu_util_sustained_pct", "telemetry_coverage_pct")
SHARES: Final = ("detection_precision", "detection_recall")
NEVER_NEGATIVE: Final = frozenset(
    {*RISING, *PARTS, WHOLE, *PERCENTAGES, *SHARES, "duration_min", "host_memory_peak_mib", "gpu_memory_peak_mib"}
)
_COVERAGE_SLACK_PCT: Final = 1e-6  # a share of two floats may round to just above 100


def impossible_run(run: RunFacts, *, now_ns: int) -> str:
    """Return the first thing in a run that cannot be, in words; empty where there is none.

    Args:
        run: as recomputed.
        now_ns: CLOCK_REALTIME of the one who decides.
    """
    return next(_of_run(run, now_ns), "")


def impossible_golden(report: GoldenReport) -> str:
    """Return the first thing in a golden report that cannot be; empty where there is none."""
    passed = report.checks if report.status is CheckStatus.PASS else ()
    return why_impossible(report) or next((words for check in passed for words in _of_check(check)), "")


def _of_run(run: RunFacts, now_ns: int) -> Iterator[str]:
    result = run.result
    values = measured(result)
    yield from _of_two_runs(run)
    yield from _of_values(result, values)
    yield from _of_order(values)
    yield from _of_counts(values)
    yield from _of_times(result, values, now_ns)
    yield from _of_verdict(run)


def measured(result: Result) -> dict[str, float]:
    """Return the value of every metric that has one."""
    return {one.metric: one.value for one in result.judgement.measurements if one.value is not None}


def _of_two_runs(run: RunFacts) -> Iterator[str]:
    plan, result = run.plan, run.result
    pairs = {
        "run": (plan.run_id, result.run_id),
        "model": (plan.model_bundle_sha256, result.model_bundle_sha256),
        "pipeline": (plan.pipeline_sha256, result.pipeline_sha256),
        "profile": (plan.profile_sha256, result.profile_sha256),
        "device class": (plan.device_class, result.device_class),
    }
    for what, (planned, judged) in pairs.items():
        if planned != judged:
            yield f"its plan and its result name another {what}"


def _of_values(result: Result, values: Mapping[str, float]) -> Iterator[str]:
    for name, value in values.items():
        if not isfinite(value):
            yield f"{name} is {value}"
        elif value < 0 and name in NEVER_NEGATIVE:
            yield f"{name} is {value:g}, below 0"
    for one in result.judgement.measurements:
        if one.n < 0:
            yield f"{one.metric} was measured {one.n} times"
    for name in (*SHARES, *PERCENTAGES):
        most = 1.0 if name in SHARES else 100.0 + _COVERAGE_SLACK_PCT
        if values.get(name, 0.0) > most:
            yield f"{name} is {values[name]:g}, above {most:g}"


def _of_order(values: Mapping[str, float]) -> Iterator[str]:
    known = [name for name in RISING if name in values]
    for lower, higher in pairwise(known):
        if values[lower] > values[higher]:
            yield f"{lower} {values[lower]:g} is above {higher} {values[higher]:g}"


def _of_counts(values: Mapping[str, float]) -> Iterator[str]:
    if WHOLE not in values:
        return
    parts = sum(values.get(name, 0.0) for name in PARTS)
    if parts > values[WHOLE]:
        yield f"{parts:g} frames were decided, dropped or failed, {values[WHOLE]:g} were offered"


def _of_times(result: Result, values: Mapping[str, float], now_ns: int) -> Iterator[str]:
    began_ns, ended_ns = moment_ns(result.started_at_utc), moment_ns(result.ended_at_utc)
    if began_ns is None or ended_ns is None:
        yield f"it ran from '{result.started_at_utc[:40]}' to '{result.ended_at_utc[:40]}'"
        return
    if ended_ns < began_ns:
        yield f"it ended at {result.ended_at_utc}, before it began"
    if ended_ns > now_ns + SKEW_NS:
        yield f"it ended at {result.ended_at_utc}, which is still to come"
    measured_ns = values.get("duration_min", 0.0) * S_PER_MIN * NS_PER_S
    if measured_ns > ended_ns - began_ns + SKEW_NS:
        yield f"it measured {values['duration_min']:g} min between {result.started_at_utc} and its end"


def _of_verdict(run: RunFacts) -> Iterator[str]:
    result, judgement = run.result, run.result.judgement
    if result.exit_code != judgement.status.exit_code:
        yield f"its verdict is {judgement.status.value}, its exit code {result.exit_code}"
    if judgement.status is not RunStatus.PASS:
        return
    held = {check.check_id: check for check in judgement.checks}
    if not held or not run.plan.limits:
        yield "it passed without any limit"
    if result.ended != Ended.COMPLETED.value:
        yield f"it passed, and ended as '{result.ended[:40]}'"
    for check in judgement.checks:
        yield from _of_check(check)
    yield from (
        f"it passed, and its self-check {one.check_id} failed" for one in judgement.self_checks if not one.ok
    )
    for limit in run.plan.limits:
        if limit.check_id not in held or held[limit.check_id].limit != limit.limit:
            yield f"it passed without holding its limit {limit.check_id}"


def _of_check(check: Check) -> Iterator[str]:
    if check.status is not CheckStatus.PASS:
        yield f"it passed, and its check {check.check_id} is {check.status.value}"
    elif check.observed is None or not isfinite(check.observed):
        yield f"its check {check.check_id} passed and observed nothing"
    elif (check.observed > check.limit) if check.comparator == "<=" else (check.observed < check.limit):
        yield f"its check {check.check_id} passed at {check.observed:g} {check.comparator} {check.limit:g}"
