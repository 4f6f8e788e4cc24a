"""hilrig.target.decide: what a score makes of a part."""

import numpy as np
import pytest

from hilrig.core.decision import found_labels, labels_of_bits, mask_of
from hilrig.target.decide import Decider

LABELS = ("porosity", "crack", "undercut")


def test_a_score_at_its_threshold_is_a_find():
    """The threshold itself counts as found."""
    assert Decider(LABELS, {"crack": 0.5})(np.array([0.9, 0.5, 0.9], np.float32)) == (0b010, 0.5)


def test_labels_without_a_threshold_are_never_found():
    """Only thresholded labels decide, with the bit of their place in the model."""
    mask, score = Decider(LABELS, {"porosity": 0.5, "undercut": 0.2})(np.array([0.1, 1.0, 0.3], np.float32))
    assert (mask, score) == (0b100, pytest.approx(0.3))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_non_finite_score_is_no_decision(bad, place):
    """One NaN or infinity anywhere, even in a label that nobody asks for, means that the frame has failed."""
    scores = np.array([0.1, 0.1, 0.1], np.float32)
    scores[place] = bad
    assert Decider(LABELS, {"porosity": 0.5})(scores) is None


def test_the_last_of_32_labels_has_its_own_bit():
    """Bit 31 is not lost to a sign."""
    labels = tuple(f"l{i}" for i in range(32))
    scores = np.zeros(32, np.float32)
    scores[31] = 1
    assert Decider(labels, dict.fromkeys(labels, 0.5))(scores) == (1 << 31, 1.0)


def test_a_label_behind_the_32nd_is_found_by_its_place_among_the_decided():
    """Of a thousand classes any 32 can be looked for: the bits go to the labels with a threshold, in order."""
    labels = tuple(f"l{i}" for i in range(1000))
    thresholds = {"l999": 0.5, "l3": 0.5, "l500": 0.9}
    scores = np.zeros(1000, np.float32)
    scores[[0, 500, 999]] = 0.8
    mask, score = Decider(labels, thresholds)(scores)
    bits = labels_of_bits(labels, thresholds)
    assert bits == ("l3", "l500", "l999")
    assert (mask, score) == (0b100, pytest.approx(0.8))
    assert found_labels(mask, bits) == ("l999",)
    assert mask_of({"l999", "l0"}, bits) == 0b100


def test_old_runs_keep_the_meaning_of_their_bits():
    """Where all thresholds are among the first 32 labels, bit i is label i, thresholds or not."""
    labels = tuple(f"l{i}" for i in range(40))
    assert labels_of_bits(labels, {"l31": 0.5, "l2": 0.5}) == labels[:32]


def test_a_score_that_the_record_cannot_hold_is_no_decision():
    """A double beyond float32 would end the worker when its record is written: the frame has failed instead."""
    assert Decider(LABELS, {"porosity": 0.5})(np.array([1e300, 0.1, 0.1], np.float64)) is None
