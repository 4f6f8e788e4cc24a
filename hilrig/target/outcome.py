"""From what a pipeline answered to what the record says of the frame."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.ports import Processed


class FrameError(Exception):
    """A frame that a pipeline did not decide: the reason for the record, a message for the log."""

    def __init__(self, reason: OutcomeReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class FailureLog:
    """Writes the first failure of each reason to stderr, which is the run's log; the record counts them all."""

    def __init__(self) -> None:
        self._seen: set[OutcomeReason] = set()

    def note(self, reason: OutcomeReason, message: str) -> None:
        """Write `message` unless a failure of this reason was written before."""
        if reason not in self._seen:
            self._seen.add(reason)
            sys.stderr.write(f"first frame that failed with {reason.name} (the others are counted): {message}\n")
            sys.stderr.flush()


def failed(reason: OutcomeReason, t_preprocessed_ns: int = 0, t_inferred_ns: int = 0) -> Processed:
    """Return a failed frame; the stamps are those of the stages that it went through."""
    return Processed(t_preprocessed_ns, t_inferred_ns, 0, Outcome.FAILED, reason, 0, 0.0)


def decided(decision: tuple[int, float] | None, t_preprocessed_ns: int = 0, t_inferred_ns: int = 0) -> Processed:
    """Return the frame as `Decider` left it, stamped now; None is a score that is not finite."""
    if decision is None:
        return failed(OutcomeReason.NON_FINITE_SCORE, t_preprocessed_ns, t_inferred_ns)
    return Processed(
        t_preprocessed_ns, t_inferred_ns, time.monotonic_ns(), Outcome.DECIDED, OutcomeReason.NONE, *decision
    )


def scores_of(answer: Any, labels: Sequence[str]) -> NDArray[np.floating]:
    """Return one score per label, in the order of `labels`.

    Args:
        answer: a mapping from label to number, or a sequence or an array of one number per label.
        labels: names of the scores.

    Raises:
        FrameError: BAD_ANSWER, it is neither. A number is an int or a float: text, booleans and None are not.
    """
    if isinstance(answer, Mapping):
        answer = _in_order(answer, labels)
    scores = _array([_number(value) for value in answer] if isinstance(answer, list | tuple) else answer)
    if scores.size != len(labels) or scores.ndim == 0:
        raise bad_answer(f"expected {len(labels)} scores ({', '.join(labels)}), found {scores.size}")
    return scores.reshape(-1)


def bad_answer(message: str) -> FrameError:
    """Return the failure of an answer that is no decision."""
    return FrameError(OutcomeReason.BAD_ANSWER, message)


def _in_order(answer: Mapping[Any, Any], labels: Sequence[str]) -> list[Any]:
    missing = [label for label in labels if label not in answer]
    unknown = [str(label) for label in answer if label not in labels]
    if missing or unknown:
        found = f"missing: {', '.join(missing) or 'none'}; not in model.labels: {', '.join(unknown) or 'none'}"
        raise bad_answer(f"expected one score for each of model.labels; {found[:300]}")
    return [answer[label] for label in labels]


def _number(value: Any) -> float:
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise bad_answer("a score is beyond the largest number") from None
    raise bad_answer(f"a score is a number, found {type(value).__name__}: {str(value)[:60]}")


def _array(answer: Any) -> NDArray[Any]:
    try:
        scores = np.asarray(answer)
    except Exception as error:
        raise bad_answer(f"scores of type {type(answer).__name__} are no array: {error}") from error
    if scores.dtype.kind not in "fiu":
        raise bad_answer(f"expected scores as numbers, found {type(answer).__name__} of {scores.dtype}")
    return scores
