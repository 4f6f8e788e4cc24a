import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilrig.feed.defects import PAINTERS
from hilrig.feed.seam import lay_seam, paint_part
from hilrig.feed.stream import Stream

SIDES_PX = st.integers(128, 400)
SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(128, 4096), st.integers(128, 4096))
@settings(max_examples=50, deadline=None)
def test_the_bead_stays_in_the_frame(seed, height_px, width_px):
    """However long or flat the frame, the whole bead and its toes are in it."""
    seam = lay_seam(Stream(seed), height_px, width_px)
    assert (seam.centre_px - seam.half_px).min() > 0
    assert (seam.centre_px + seam.half_px).max() < height_px
    assert (seam.half_px > 0).all()


@given(SEEDS, SIDES_PX, SIDES_PX)
@settings(max_examples=15, deadline=None)
def test_a_part_is_finite_float32_and_neither_black_nor_white(seed, height_px, width_px):
    """Every plane is float32 of the frame's size with grey levels that a camera would see."""
    stream = Stream(seed)
    planes = paint_part(stream, lay_seam(stream, height_px, width_px))
    assert len(planes) == 3
    for plane in planes:
        assert plane.shape == (height_px, width_px)
        assert plane.dtype == np.float32
        assert np.isfinite(plane).all()
        assert 60 < plane.mean() < 190


def test_the_bead_has_ripples_and_the_plate_has_none():
    """Along the seam the bead is far livelier than the plate."""
    stream = Stream(11)
    seam = lay_seam(stream, 512, 512)
    green = paint_part(stream, seam)[1]
    bead = green[int(seam.centre_px.mean())]
    assert np.abs(np.diff(bead)).mean() > 3 * np.abs(np.diff(green[480])).mean()


@pytest.mark.parametrize("label", PAINTERS)
@pytest.mark.parametrize("severity", [0.0, 0.5, 1.0])
def test_a_defect_changes_its_box_and_nothing_far_from_it(label, severity):
    """The truth's box holds the drawn defect: outside it and a margin not one pixel changes."""
    for seed in range(12):
        stream = Stream(seed)
        seam = lay_seam(stream, 256, 384)
        before = paint_part(stream, seam)
        after = [plane.copy() for plane in before]
        box = PAINTERS[label](after, seam, Stream(seed, 1), severity)
        changed = np.argwhere(np.abs(after[1] - before[1]) > 2.0)
        inside = (slice(box.y0_px, box.y1_px), slice(box.x0_px, box.x1_px))
        assert box.label == label
        assert np.abs(after[1] - before[1])[inside].max() > 12.0
        assert changed[:, 0].min() >= box.y0_px - 2
        assert changed[:, 0].max() < box.y1_px + 2
        assert changed[:, 1].min() >= box.x0_px - 2
        assert changed[:, 1].max() < box.x1_px + 2


@pytest.mark.parametrize("label", PAINTERS)
def test_a_severe_defect_changes_more_than_a_slight_one(label):
    """Severity counts: on average a severe defect takes at least twice the area."""

    def area_px(severity):
        total = 0
        for seed in range(10):
            stream = Stream(seed)
            seam = lay_seam(stream, 512, 512)
            plane = np.full((512, 512), 120.0, np.float32)
            PAINTERS[label]([plane], seam, Stream(seed, 1), severity)
            total += int((np.abs(plane - 120.0) > 15.0).sum())
        return total

    assert area_px(1.0) > 2 * area_px(0.0)
