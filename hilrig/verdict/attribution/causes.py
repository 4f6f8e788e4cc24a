"""Why frames were late: for each the cause that the evidence names, or that it names none.

A frame's excess is what its own part, or that of the frame that it waited behind, took beyond the usual. A cause
is named when it can explain at least half of the excess; among those that explain about as much as the best one,
the most direct evidence wins (see `spike_evidence.FINDINGS`). Everything else is UNEXPLAINED, and counted as such.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.run import RunEvent
from hilrig.core.units import NS_PER_MS, ms_to_ns
from hilrig.core.verdict import Cause, CauseCount
from hilrig.verdict.attribution.evidence import FINDINGS, Evidence
from hilrig.verdict.attribution.explanation import Explanation
from hilrig.verdict.attribution.origin import Origins, Positions, ServiceLine
from hilrig.verdict.attribution.words import describe
from hilrig.verdict.percentile import PERMILLE_OF
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.window import NEVER, Window

SHARE_MIN: Final = 0.5
"""Of the excess that a cause must be able to explain: what explains less is not what made the frame late."""

SHARE_OF_BEST: Final = 0.9
"""Causes within a tenth of the best one explain as much as it does: readings are no finer than that."""

MATERIAL_NS: Final = NS_PER_MS
MATERIAL_OF_USUAL: Final = 10
"""An excess below 1 ms or a tenth of the usual is the ordinary wandering of every pipeline."""

ABNORMAL_NS: Final = 2 * NS_PER_MS
ABNORMAL_OF_USUAL: Final = 2
"""A frame within the limit asks for an explanation when it took half as long again as usual, and 2 ms more."""

MEDIANS_WITHOUT_LIMIT: Final = 3
"""Without a latency limit, frames over three times the median are those that ask for an explanation."""

CHUNK_FRAMES: Final = 1 << 16
"""Frames explained at a time: ten findings each, so that a run of millions needs no gigabyte."""

CAUSES: Final = tuple(Cause)
_CAUSE_OF_FINDING: Final = np.array([CAUSES.index(one.cause) for one in FINDINGS])
_IS_SHAREABLE: Final = np.array([one.is_shareable for one in FINDINGS])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attribution:
    """The explanations of a run's frames, asked for by their positions in `Window.measured`.

    Args:
        limit_ns: the latency above which frames count as late.
    """

    window: Window
    limit_ns: int
    line: ServiceLine
    evidence: Evidence

    def explain(self, positions: Positions) -> Explanation:
        """Return the causes of these frames; UNEXPLAINED where no evidence carries."""
        origins = self.line.origins(positions)
        excess_ns = np.maximum(1, origins.excess_ns)
        found_ns = np.clip(self.evidence.explained_ns(origins), 0, excess_ns)
        share = found_ns / excess_ns
        is_enough = share >= np.maximum(SHARE_MIN, SHARE_OF_BEST * share.max(axis=0))
        carries = is_enough & self._is_material(positions, origins)
        finding = np.where(carries.any(axis=0), carries.argmax(axis=0), -1)
        service = self.evidence.active_service(origins)
        code = np.where(
            _IS_SHAREABLE[finding] & (service >= 0), CAUSES.index(Cause.CO_RESIDENT), _CAUSE_OF_FINDING[finding]
        )
        return Explanation(
            positions=positions,
            origins=origins,
            found_ns=found_ns,
            finding=finding,
            service=service,
            code=np.where(finding < 0, CAUSES.index(Cause.UNEXPLAINED), code),
        )

    def words(self, explanation: Explanation) -> list[str]:
        """Return the evidence of each explained frame as a sentence."""
        return describe(explanation, self.window, self.line.usual, self.evidence, limit_ns=self.limit_ns)

    def is_abnormal(self, positions: Positions) -> NDArray[np.bool_]:
        """Return which frames need an explanation: over the limit, or far beyond the usual."""
        latency_ns, usual_ns = self.window.latency_ns[positions], self.line.usual.latency_ns
        is_slow = latency_ns - usual_ns > max(ABNORMAL_NS, usual_ns // ABNORMAL_OF_USUAL)
        return is_slow | (latency_ns > self.limit_ns)

    def _is_material(self, positions: Positions, origins: Origins) -> NDArray[np.bool_]:
        """Return which frames lost enough time, where they lost it, for its cause to be sought.

        What fills the queue until frames are dropped must last about a period: a shorter disturbance only happened
        to meet a target that is too slow anyway. A frame whose pipeline failed was not late.
        """
        latency_ns, usual = self.window.latency_ns[positions], self.line.usual
        least_ns = np.where(latency_ns == NEVER, self.window.plan.period_ns / 2, _material_ns(usual.own_ns))
        is_late = latency_ns - usual.latency_ns >= _material_ns(usual.latency_ns)
        return is_late & (origins.excess_ns >= least_ns) & ~self._is_error(positions)

    def _is_error(self, positions: Positions) -> NDArray[np.bool_]:
        measured = self.window.measured
        is_failed = measured.outcome[positions] == Outcome.FAILED
        is_error: NDArray[np.bool_] = is_failed & (measured.reason[positions] != OutcomeReason.NO_ANSWER)
        return is_error


def attribute(window: Window, telemetry: Telemetry, events: tuple[RunEvent, ...]) -> Attribution:
    """Return what explains the frames of a run: pure, like everything that the verdict computes."""
    limit_ns = _limit_ns(window)
    return Attribution(
        window=window,
        limit_ns=limit_ns,
        line=ServiceLine(window, limit_ns),
        evidence=Evidence(telemetry, events),
    )


def count_causes(attribution: Attribution) -> tuple[CauseCount, ...]:
    """Return how many frames over the limit, undecided ones included, each cause explains.

    The most frequent comes first; UNEXPLAINED is one like every other. Empty when no frame is over the limit.
    """
    latency_ns = attribution.window.latency_ns
    over = np.flatnonzero(latency_ns > attribution.limit_ns)
    if not over.size:
        return ()
    chunks = np.split(over, range(CHUNK_FRAMES, over.size, CHUNK_FRAMES))
    code = np.concatenate([attribution.explain(chunk).code for chunk in chunks])
    n_frames = np.bincount(code, minlength=len(CAUSES))
    present = np.flatnonzero(n_frames)
    worst = np.array([over[code == one][np.argmax(latency_ns[over[code == one]])] for one in present])
    evidence = attribution.words(attribution.explain(worst))
    counts = [
        CauseCount(cause=CAUSES[one], n_frames=int(n_frames[one]), evidence=text)
        for one, text in zip(present, evidence, strict=True)
    ]
    return tuple(sorted(counts, key=lambda count: -count.n_frames))


def causes_of(attribution: Attribution, positions: Positions) -> list[tuple[Cause | None, str]]:
    """Return for each frame its cause and the evidence in words; None and no words where nothing is to explain."""
    explanation = attribution.explain(positions)
    words = attribution.words(explanation)
    is_abnormal = attribution.is_abnormal(positions)
    return [
        (CAUSES[code], text) if is_asking else (None, "")
        for code, text, is_asking in zip(explanation.code, words, is_abnormal, strict=True)
    ]


def _limit_ns(window: Window) -> int:
    """Return the p99 limit, else the smallest latency limit, else three times the median of the decided frames."""
    limits_ms = {one.metric: one.limit for one in window.plan.limits if one.metric in PERMILLE_OF}
    if limits_ms:
        return ms_to_ns(limits_ms.get("latency_p99_ms", min(limits_ms.values())))
    median_ns = int(window.sorted_latency_ns[window.n_decided // 2]) if window.n_decided else 0
    return MEDIANS_WITHOUT_LIMIT * median_ns


def _material_ns(usual_ns: int) -> int:
    return max(MATERIAL_NS, usual_ns // MATERIAL_OF_USUAL)
