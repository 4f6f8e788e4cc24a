"""Precision and recall of the decisions on frames whose truth is known."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hilrig.core.frame import Truth
from hilrig.core.verdict import LabelQuality
from hilrig.verdict.window import Window


def detection(window: Window, truths: Sequence[Truth]) -> tuple[LabelQuality, ...]:
    """Return the quality for each label with a threshold, over decided measured frames of known truth."""
    labels, thresholds = window.plan.model.labels, window.plan.pipeline.decide.thresholds
    present, found = _compared(window, truths)
    return tuple(
        _quality(label, present >> bit & 1 != 0, found >> bit & 1 != 0)
        for bit, label in enumerate(labels)
        if label in thresholds
    )


def _compared(window: Window, truths: Sequence[Truth]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return label masks, true and found, of the frames that count."""
    labels = window.plan.model.labels
    masks = [
        sum(1 << bit for bit, label in enumerate(labels) if truth.labels and label in truth.labels)
        for truth in truths
    ]
    is_known = np.array([truth.labels is not None for truth in truths], np.bool_)
    pool_index = window.measured.frame_id % max(1, len(truths))
    counts = window.measured.is_decided & is_known[pool_index] if truths else np.zeros(window.n, np.bool_)
    present = np.array(masks, np.uint32)[pool_index[counts]]
    return present, window.measured.defects[counts]


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
