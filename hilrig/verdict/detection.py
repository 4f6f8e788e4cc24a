"""How well defects were found on the frames whose truth is known.

It is the precision and the recall of the decisions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilrig.core.decision import labels_of_bits, mask_of
from hilrig.core.frame import Truth
from hilrig.core.verdict import LabelQuality
from hilrig.verdict.window import Window


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KnownFrames:
    """Decided measured frames of known truth: masks of the labels that are present and of those that were found.

    `n_distinct` is how many different pool frames they show.
    """

    present: NDArray[np.uint32]
    found: NDArray[np.uint32]
    n_distinct: int


def known_frames(window: Window, truths: Sequence[Truth]) -> KnownFrames:
    """Return the frames that count. A fresh frame has the truth of its pool frame: only its noise is new."""
    bits = _bits(window)
    masks = [mask_of(truth.labels or (), bits) for truth in truths]
    is_known = np.array([truth.labels is not None for truth in truths], np.bool_)
    pool_index = window.measured.frame_id % max(1, len(truths))
    counts = window.measured.is_decided & is_known[pool_index] if truths else np.zeros(window.n, np.bool_)
    shown = pool_index[counts]
    return KnownFrames(
        present=np.array(masks, np.uint32)[shown],
        found=window.measured.defects[counts],
        n_distinct=int(np.count_nonzero(np.bincount(shown))),
    )


def detection(window: Window, known: KnownFrames) -> tuple[LabelQuality, ...]:
    """Return the quality for each label with a threshold."""
    thresholds = window.plan.pipeline.decide.thresholds
    return tuple(
        _quality(label, known.present >> bit & 1 != 0, known.found >> bit & 1 != 0)
        for bit, label in enumerate(_bits(window))
        if label in thresholds
    )


def _bits(window: Window) -> tuple[str, ...]:
    return labels_of_bits(window.plan.model.labels, window.plan.pipeline.decide.thresholds)


def _quality(label: str, present: NDArray[np.bool_], found: NDArray[np.bool_]) -> LabelQuality:
    n_both = int(np.count_nonzero(present & found))
    n_present, n_found = int(np.count_nonzero(present)), int(np.count_nonzero(found))
    return LabelQuality(
        label=label,
        true_positive=n_both,
        false_positive=n_found - n_both,
        false_negative=n_present - n_both,
        true_negative=present.size - n_present - n_found + n_both,
        precision=n_both / n_found if n_found else None,
        recall=n_both / n_present if n_present else None,
    )
