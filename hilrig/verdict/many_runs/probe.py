"""What one short run says of its frame rate."""

from dataclasses import dataclass
from typing import Final

from hilrig.core.search import ProbeOutcome
from hilrig.core.verdict import CheckStatus, Judgement
from hilrig.verdict.wording import counted, listed

LEFT_OUT: Final = frozenset(
    {
        "duration_min",
        "power_loss_recovered",
        "fault_recovery_s",
        "fault_false_decisions",
        "fault_undecided_pct",
        "companion_slowdown",
    }
)
"""Limits that a probe leaves aside: it is short, and has no power-loss test, no companion alone, no faults."""

KEEPING_UP: Final = frozenset({"feeder.lateness", "feeder.rate", "telemetry.sampled", "records.conserved"})
"""Self-checks that break when hilrig is too slow for a rate: camera, sampler, records on their way to the disk."""

RATE_FREE: Final = frozenset(
    {"host_memory_peak_mib", "gpu_memory_peak_mib", "detection_precision", "detection_recall"}
)
"""What a lower rate does not mend: the queue holds as many frames, and they show the same."""

N_REASONS_MAX: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFinding:
    """The outcome of a probe, with what it rests on."""

    outcome: ProbeOutcome
    reason: str


def weigh_probe(judgement: Judgement) -> ProbeFinding:
    """Return what a judged run says of its rate, every limit held but those that a search leaves out.

    A limit that fails is the model's (the judge has excused what the instrument can have caused). Short of that, a
    broken self-check speaks of the instrument, never of the model.
    """
    checks = [check for check in judgement.checks if check.metric not in LEFT_OUT]
    failed = [check for check in checks if check.status is CheckStatus.FAIL]
    if failed:
        is_unfit = all(check.metric in RATE_FREE for check in failed)
        outcome = ProbeOutcome.UNFIT if is_unfit else ProbeOutcome.NOT_SUSTAINED
        return _finding(outcome, [check.sentence for check in failed])
    broken = [one for one in judgement.self_checks if not one.ok]
    too_slow = [one.sentence for one in broken if one.check_id in KEEPING_UP]
    if too_slow:
        return _finding(ProbeOutcome.INSTRUMENT, too_slow)
    doubts = [one.sentence for one in broken]
    doubts += [check.sentence for check in checks if check.status is not CheckStatus.PASS]
    if doubts or not checks:
        return _finding(ProbeOutcome.UNDECIDED, doubts or ["The profile limits nothing that a probe measures."])
    return ProbeFinding(outcome=ProbeOutcome.SUSTAINED, reason=f"{counted(len(checks), 'limit')} held.")


def _finding(outcome: ProbeOutcome, sentences: list[str]) -> ProbeFinding:
    texts = [sentence.removesuffix(".") for sentence in sentences]
    return ProbeFinding(outcome=outcome, reason=f"{listed(texts, at_most=N_REASONS_MAX)}.")
