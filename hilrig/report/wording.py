"""What every view says of a verdict, in the same words."""

from collections.abc import Sequence
from typing import Final

from hilrig.core.judged_from import JudgedFrom
from hilrig.core.metrics import METRICS
from hilrig.core.result import Result
from hilrig.core.units import S_PER_MIN, format_duration
from hilrig.core.verdict import Cause, Check, CheckStatus, Judgement, RunStatus, SelfCheck, WorstFrame
from hilrig.report.values import missing, number, one_line, unit_word

MEANING: Final = {
    RunStatus.PASS: "may go to the line",
    RunStatus.FAIL: "do not release",
    RunStatus.INCONCLUSIVE: "not enough evidence",
}

VERIFY_COMMAND: Final = "hilrig verify <folder> --key KEY.pub"

CANNOT_VOUCH: Final = (
    "This page cannot vouch for the key: whoever changes the page can change the key with it. "
    "To check it against the keys that you trust, run, with the folder that this page lies in:"
)

UNSIGNED: Final = "The result behind this page is not signed: nothing vouches for these numbers."

NO_CHECKS: Final = "No limit was checked: this run proves nothing about the model."

_CAUSE_WORDS: Final = {
    Cause.CLOCK_DROP: "lower clock",
    Cause.HOST_STALL: "the host stood still",
    Cause.STOPPED: "the target's process was stopped",
    Cause.RUN_QUEUE: "waited for a CPU",
    Cause.CO_RESIDENT: "co-resident service",
    Cause.IO_PRESSURE: "I/O pressure",
    Cause.FEEDER_LATE: "the camera was late (the instrument's own fault)",
    Cause.THROTTLE: "throttled",
}

_STATUS_ORDER: Final = (
    CheckStatus.FAIL,
    CheckStatus.NOT_MEASURED,
    CheckStatus.INCONCLUSIVE,
    CheckStatus.PASS,
)
_COMPARATOR_WORDS: Final = {"<=": "≤", ">=": "≥"}


def title(result: Result) -> str:
    """Return the one line that names the run and its verdict: `FAIL weld-station on local`."""
    return one_line(f"{result.judgement.status.value} {result.profile_name} on {result.rig}")


def tally(judgement: Judgement) -> str:
    """Return how many limits and self-checks hold."""
    n_passed = sum(check.status is CheckStatus.PASS for check in judgement.checks)
    n_ok = sum(check.ok for check in judgement.self_checks)
    return (
        f"{n_passed} of {len(judgement.checks)} limits hold, "
        f"{n_ok} of {len(judgement.self_checks)} self-checks hold"
    )


def ordered_checks(checks: Sequence[Check]) -> list[Check]:
    """Return the checks as they are read: failed first, then undecided, then by margin with none first."""
    return sorted(checks, key=_reading_order)


def _reading_order(check: Check) -> tuple[int, bool, float]:
    has_margin = check.margin_pct is not None
    return _STATUS_ORDER.index(check.status), has_margin, check.margin_pct or 0.0


def ordered_self_checks(self_checks: Sequence[SelfCheck]) -> list[SelfCheck]:
    """Return the self-checks, failed ones first."""
    return sorted(self_checks, key=lambda self_check: self_check.ok)


def check_title(check: Check) -> str:
    """Return what a person calls the metric of a check: `latency p99`."""
    metric = METRICS.get(check.metric)
    return metric.title if metric else check.metric


def status_word(status: CheckStatus) -> str:
    """Return the status as a word: `NOT MEASURED`."""
    return status.value.replace("_", " ")


def limit_text(check: Check) -> str:
    """Return the limit with its comparator and unit, exactly as the profile gives it: `≤ 45 ms`."""
    if check.unit == "bool":
        return "must be yes" if check.limit else "must be no"
    return f"{_COMPARATOR_WORDS.get(check.comparator, check.comparator)} {limit_value(check)}"


def limit_value(check: Check) -> str:
    """Return the limit with its unit only: `45 ms`."""
    return f"{check.limit:,.10g} {unit_word(check.unit)}".rstrip()


def observed_text(check: Check, judgement: Judgement) -> str:
    """Return the observation with its unit, or why there is none."""
    if check.status is not CheckStatus.NOT_MEASURED:
        return one_line(check.observed_text) or missing("")
    reasons = {measurement.metric: measurement.reason for measurement in judgement.measurements}
    return missing(reasons.get(check.metric, ""))


def interval_text(check: Check) -> str:
    """Return the two one-sided 99 % bounds, or that there is no interval."""
    unit = unit_word(check.unit)
    if check.lower is None and check.upper is None:
        return "— no interval"
    if check.upper is None:
        return one_line(f"over {number(check.lower or 0.0)} {unit}, no upper bound")
    if check.lower is None:
        return one_line(f"up to {number(check.upper)} {unit}, no lower bound")
    return one_line(f"{number(check.lower)} to {number(check.upper)} {unit}")


def margin_text(check: Check) -> str:
    """Return how far inside or beyond the limit the observation is, in per cent of the limit."""
    if check.margin_pct is None:
        return "— no margin"
    side = "inside" if check.margin_pct >= 0 else "beyond"
    return f"{number(abs(check.margin_pct))} % {side}"


def needed_text(check: Check) -> str:
    """Return about how much longer a run must be to decide; empty when longer can't help or is not needed."""
    if check.minutes_needed is None:
        return ""
    return f"about {format_duration(check.minutes_needed * S_PER_MIN)} more"


def measured_s(result: Result) -> float | None:
    """Return the measured duration in seconds; None when it was not measured."""
    for measurement in result.judgement.measurements:
        if measurement.metric == "duration_min" and measurement.value is not None:
            return measurement.value * S_PER_MIN
    return None


def cause_word(cause: Cause) -> str:
    """Return a cause as people name it: `run queue`."""
    return _CAUSE_WORDS.get(cause, cause.value.replace("_", " "))


def cause_text(frame: WorstFrame) -> str:
    """Return what made a frame slow with the evidence for it; a dash for one that is not slow."""
    if frame.cause is None:
        return "— not slow"
    return one_line(f"{cause_word(frame.cause)}: {frame.evidence}" if frame.evidence else cause_word(frame.cause))


def judged_again(source: JudgedFrom) -> str:
    """Return whose evidence a result rests on that was not judged when it was measured."""
    return one_line(
        f"Judged again: the evidence is that of run {source.run_id}, which was measured under the profile with "
        f"sha256 {source.profile_sha256}; the limits are those of the profile named below."
    )
