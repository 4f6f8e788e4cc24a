"""Why frames failed, in words: a target that hangs is another finding than one that answers nonsense."""

from typing import Final

import numpy as np

from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.verdict.window import Window
from hilrig.verdict.wording import counted, listed

WORDS: Final = {
    OutcomeReason.PREPROCESS_ERROR: "preprocess raised an error",
    OutcomeReason.INFERENCE_ERROR: "inference ended in an error",
    OutcomeReason.NON_FINITE_SCORE: "a score was NaN or infinite",
    OutcomeReason.NO_ANSWER: "no answer came in time",
    OutcomeReason.BAD_ANSWER: "the answer was no decision",
    OutcomeReason.TARGET_LOST: "the target was lost",
}


def why_failed(window: Window) -> str:
    """Return `3 frames: no answer came in time; 1 frame: ...`, the most frequent first; empty without failures."""
    reasons = window.measured.reason[window.measured.outcome == Outcome.FAILED]
    n_of = np.bincount(reasons, minlength=1).tolist()
    seen = sorted((reason for reason, n in enumerate(n_of) if n), key=lambda reason: (-n_of[reason], reason))
    return listed([f"{counted(n_of[reason], 'frame')}: {_words(reason)}" for reason in seen], at_most=len(WORDS))


def _words(reason: int) -> str:
    known = OutcomeReason(reason) if reason in set(OutcomeReason) else None
    return WORDS.get(known, f"reason {reason}") if known is not None else f"unknown reason {reason}"
