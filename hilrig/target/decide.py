"""From scores to a decision, by the thresholds of the profile."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hilrig.core.decision import labels_of_bits


class Decider:
    """Says which labels reach their thresholds.

    Args:
        labels: names of the scores, in the model's order.
        thresholds: by label; labels without one are never reported.
    """

    def __init__(self, labels: Sequence[str], thresholds: Mapping[str, float]) -> None:
        decided = [label for label in labels if label in thresholds]
        places = {label: index for index, label in enumerate(labels)}
        bits = labels_of_bits(labels, thresholds)
        self._indices = np.array([places[label] for label in decided], np.int64)
        self._thresholds = np.array([thresholds[label] for label in decided])
        self._bits = np.array([1 << bits.index(label) for label in decided], np.int64)

    def __call__(self, scores: NDArray[np.floating]) -> tuple[int, float] | None:
        """Return the mask of found labels (`labels_of_bits`) with the highest score; None if any is not finite.

        A NaN compares false with every threshold: without the test a broken model would pass every part.
        """
        with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite, and so a failed frame
            held = scores.astype(np.float32, copy=False)
        if not np.isfinite(held).all():
            return None
        kept = held.reshape(-1)[self._indices]
        found = kept >= self._thresholds
        return int(self._bits[found].sum()), float(kept.max())
