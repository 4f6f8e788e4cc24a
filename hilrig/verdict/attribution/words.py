"""The evidence for a cause as a sentence, for the frames that a report shows."""

from typing import Final

from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.units import NS_PER_MS
from hilrig.verdict.attribution.evidence import FINDINGS, Evidence
from hilrig.verdict.attribution.explanation import Explanation
from hilrig.verdict.attribution.origin import Usual
from hilrig.verdict.window import Window
from hilrig.verdict.wording import capitalised, quantity

TOLD_MIN: Final = 0.05
"""A cause that explains less of the excess than this is nothing to tell."""


def describe(
    explanation: Explanation, window: Window, usual: Usual, evidence: Evidence, *, limit_ns: int
) -> list[str]:
    """Return a sentence for each explained frame: what its cause rests on, or what was looked at in vain."""
    slow = too_slow(usual, limit_ns)
    blind = ", ".join(cause.value.replace("_", " ") for cause in evidence.blind())
    unseen = f"; not recorded on this rig: {blind}" if blind else ""
    sentences = []
    for index, finding in enumerate(explanation.finding.tolist()):
        if finding < 0:
            text = _unexplained(explanation, index, window, usual, unseen=unseen)
            text = f"{text}; {slow}" if slow else text
        else:
            text = _named(explanation, index, window) + _service(explanation, index, evidence)
        sentences.append(f"{capitalised(text)}.")
    return sentences


def too_slow(usual: Usual, limit_ns: int) -> str:
    """Return that the pipeline breaks the limit with nothing in its way; empty where it keeps it."""
    if usual.own_ns <= limit_ns:
        return ""
    return f"its usual time of {_ms(usual.own_ns)} alone is over the limit of {_ms(limit_ns)}"


def _named(explanation: Explanation, index: int, window: Window) -> str:
    finding = int(explanation.finding[index])
    explained = _ms(float(explanation.found_ns[finding, index]))
    excess = _ms(float(explanation.origins.excess_ns[index]))
    words = FINDINGS[finding].words.format(explained=explained)
    return f"{_behind(explanation, index, window)}{words}, of {excess} more than usual"


def _service(explanation: Explanation, index: int, evidence: Evidence) -> str:
    finding, service = int(explanation.finding[index]), int(explanation.service[index])
    if service < 0 or not FINDINGS[finding].is_shareable:
        return ""
    return f", while the co-resident service {evidence.service_names[service]} was active"


def _unexplained(explanation: Explanation, index: int, window: Window, usual: Usual, *, unseen: str) -> str:
    """Return why no cause is named: there is nothing to explain by time, or nothing that explains it."""
    position = int(explanation.positions[index])
    outcome, reason = int(window.measured.outcome[position]), int(window.measured.reason[position])
    if outcome == Outcome.FAILED and reason != OutcomeReason.NO_ANSWER:
        return f"the pipeline failed on it ({_reason_name(reason)}), which is no matter of time"
    return f"{_in_vain(explanation, index, window, usual)}{unseen}"


def _in_vain(explanation: Explanation, index: int, window: Window, usual: Usual) -> str:
    best = int(explanation.found_ns[:, index].argmax())
    found_ns = float(explanation.found_ns[best, index])
    excess_ns = int(explanation.origins.excess_ns[index])
    behind = _behind(explanation, index, window)
    if excess_ns < NS_PER_MS:
        return f"{behind}the target took no longer than usual ({_ms(usual.own_ns)})"
    cause = FINDINGS[best].cause.value.replace("_", " ")
    is_worth_telling = found_ns >= TOLD_MIN * excess_ns
    most = f": the most is {cause} with {_ms(found_ns)}" if is_worth_telling else ""
    return f"{behind}no evidence for most of the {_ms(excess_ns)} more than usual{most}"


def _behind(explanation: Explanation, index: int, window: Window) -> str:
    position = int(explanation.positions[index])
    culprit = int(explanation.origins.frame_id[index])
    if culprit == int(window.measured.frame_id[position]):
        return ""
    how = "queued" if window.measured.is_decided[position] else "dropped"
    return f"{how} behind frame {culprit}: "


def _reason_name(code: int) -> str:
    return OutcomeReason(code).name.lower().replace("_", " ") if code in set(OutcomeReason) else f"reason {code}"


def _ms(length_ns: float) -> str:
    return quantity(length_ns / NS_PER_MS, "ms")
