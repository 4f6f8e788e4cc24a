"""A frame of a bundle run here, held against what came out where it was released."""

from collections.abc import Mapping
from math import isfinite

from hilrig.core.golden_bundle import Answer, ExpectedFrame, FrameCheck
from hilrig.core.verdict import CheckStatus


def compare_frame(
    frame: ExpectedFrame, here: Answer, *, thresholds: Mapping[str, float], tolerance: float
) -> FrameCheck:
    """Return whether scores agree within the tolerance and the same labels were found.

    A label may be found here and not there only where its score lies within the tolerance of its threshold:
    kernels for other processors add in another order.

    Args:
        frame: with what is expected.
        here: what the pipeline of this machine said.
        thresholds: those of the bundle.
        tolerance: as a part of the larger of 1 and the expected score.
    """
    if here.found is None:
        return failed_frame(frame, f"no decision here ({here.reason})")
    expected = frame.answer
    pairs = _pairs(expected, here)
    missing = sorted(set(expected.scores) - set(here.scores)) if here.scores else []
    if missing:
        return failed_frame(frame, f"no score of {', '.join(missing)} here: other labels")
    worst, difference = max(((name, abs(a - b)) for name, (a, b) in pairs.items()), key=lambda pair: pair[1])
    off = [name for name, (a, b) in pairs.items() if not abs(a - b) <= _allowed(a, tolerance)]
    flipped = _flipped(expected, here, thresholds, tolerance)
    if off or flipped:
        words = [f"{worst} is off by {difference:.3g}"] if off else []
        words += [f"{label} {'lost' if label in (expected.found or ()) else 'found'}" for label in flipped]
        return failed_frame(frame, ", ".join(words), difference=difference)
    return FrameCheck(
        name=frame.name,
        why=frame.why,
        status=CheckStatus.PASS,
        difference=difference,
        sentence=f"scores agree to {difference:.3g} ({worst})" if difference else "scores are the same",
    )


def failed_frame(frame: ExpectedFrame, sentence: str, *, difference: float | None = None) -> FrameCheck:
    """Return the check of a frame that does not agree."""
    return FrameCheck(
        name=frame.name,
        why=frame.why,
        status=CheckStatus.FAIL,
        difference=difference if difference is None or isfinite(difference) else None,
        sentence=sentence,
    )


def _pairs(expected: Answer, here: Answer) -> dict[str, tuple[float, float]]:
    """Return scores there and here by label; only the highest where one of the two gives no others away."""
    if expected.scores and here.scores:
        return {
            label: (score, here.scores[label]) for label, score in expected.scores.items() if label in here.scores
        }
    return {"the highest score": (expected.score, here.score)}


def _allowed(score: float, tolerance: float) -> float:
    return tolerance * max(1.0, abs(score))


def _flipped(expected: Answer, here: Answer, thresholds: Mapping[str, float], tolerance: float) -> list[str]:
    return [
        label
        for label in sorted(set(expected.found or ()) ^ set(here.found or ()))
        if not _is_on_the_edge(expected.scores.get(label), thresholds.get(label), tolerance)
    ]


def _is_on_the_edge(score: float | None, threshold: float | None, tolerance: float) -> bool:
    return score is not None and threshold is not None and abs(score - threshold) <= _allowed(score, tolerance)
