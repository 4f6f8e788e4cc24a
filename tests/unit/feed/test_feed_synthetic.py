import hashlib
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from hilrig.feed.synthetic import LABELS, SyntheticFeed, SyntheticOptions

PINNED = {
    1: (("undercut", "spatter"), "d1b8e5b675ae68f58291fb2d0ce10a2f2dfa28b9e8c61f0667f4e96cfb21228b"),
    3: (("porosity", "undercut"), "23d72e6f72121e28722a614134575340427e3c6526f3df213a85a6b6f26606dd"),
    6: (("crack",), "3d420df4718c0093121c5123cff720473f175f3147cf376b269118a9b5565428"),
}


def take(index, **options):
    feed = SyntheticFeed(SyntheticOptions(**options), Path())
    info = feed.describe()
    pixels = np.zeros((info.height_px, info.width_px, 3), np.uint8)
    return feed.fill(index, pixels), pixels


@pytest.mark.parametrize("index", PINNED)
def test_pixels_are_pinned_to_the_byte(index):
    """A frame is the same on every machine and with every numpy: its digest never changes."""
    truth, pixels = take(index, seed=7, defect_ratio=1.0)
    assert (truth.labels, hashlib.sha256(pixels.data).hexdigest()) == PINNED[index]


def test_extreme_options_are_pinned_to_the_byte():
    """The last frame of the last seed, small, blurred and noisy, is pinned as well."""
    truth, pixels = take(
        999_999,
        seed=2**32 - 1,
        defect_ratio=1.0,
        width_px=320,
        height_px=200,
        motion_blur_px=9,
        sensor_noise=0.05,
        illumination_drift=0.5,
    )
    assert truth.labels == ("porosity", "undercut")
    digest = hashlib.sha256(pixels.data).hexdigest()
    assert digest == "3c2fac6bba1a244e9765c771a2d848a8823d6385c34e501b14cba1115da64b29"


def test_a_frame_does_not_depend_on_what_was_asked_before():
    """Frame 5 alone, after others, or from a feed of another length is one and the same."""
    feed = SyntheticFeed(SyntheticOptions(width_px=128, height_px=128, n_frames=6), Path())
    pixels = np.zeros((128, 128, 3), np.uint8)
    for index in (4, 0, 5):
        feed.fill(index, pixels)
    assert (pixels == take(5, width_px=128, height_px=128)[1]).all()


def test_different_seeds_and_frames_differ():
    """Neither another frame nor another seed repeats a part."""
    digests = {take(i, seed=s, width_px=128, height_px=128)[1].tobytes() for i in range(4) for s in range(4)}
    assert len(digests) == 16


@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_defect_ratio_at_its_ends_is_certain(ratio):
    """With ratio 0 every part is good, with ratio 1 none."""
    for index in range(12):
        truth, _ = take(index, defect_ratio=ratio, width_px=128, height_px=128)
        assert bool(truth.labels) == bool(ratio)


def test_labels_can_be_narrowed():
    """Only the chosen kinds of defect occur, and each frame names a kind once, in the order of LABELS."""
    seen = [
        take(i, defect_ratio=1.0, labels=("spatter", "crack"), width_px=128, height_px=128)[0] for i in range(24)
    ]
    assert {truth.labels for truth in seen} == {("crack",), ("spatter",), ("crack", "spatter")}


def test_all_labels_and_two_kinds_occur():
    """Every kind of defect comes about equally often, and some parts have two."""
    truths = [take(i, defect_ratio=1.0, width_px=128, height_px=128)[0].labels for i in range(120)]
    counts = [sum(label in labels for labels in truths) for label in LABELS]
    assert min(counts) > 20
    assert {len(labels) for labels in truths} == {1, 2}


def test_truth_agrees_with_its_boxes():
    """Labels are those of the boxes, and every box lies in the frame."""
    for index in range(20):
        truth, pixels = take(index, defect_ratio=1.0, width_px=200, height_px=150)
        assert truth.labels == tuple(defect.label for defect in truth.defects)
        for defect in truth.defects:
            assert 0 <= defect.x0_px < defect.x1_px <= pixels.shape[1]
            assert 0 <= defect.y0_px < defect.y1_px <= pixels.shape[0]


def test_good_and_defective_parts_share_their_plates():
    """Far from the defect a part looks as it would without: only the defect tells them apart."""
    good = take(3, seed=2, defect_ratio=0.0)[1]
    truth, bad = take(3, seed=2, defect_ratio=1.0, labels=("porosity",))
    box = truth.defects[0]
    differs = np.argwhere((good != bad).any(axis=2))
    assert len(differs) > 0
    assert differs.min(axis=0)[0] >= box.y0_px - 3
    assert differs.max(axis=0)[0] < box.y1_px + 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": -1}, "seed: expected 0 to"),
        ({"seed": 2**32}, "seed: expected 0 to"),
        ({"width_px": 127}, "width_px: expected 128 to 4096, found 127"),
        ({"height_px": 5000}, "height_px"),
        ({"n_frames": 0}, "n_frames"),
        ({"defect_ratio": 1.01}, "defect_ratio: expected 0 to 1"),
        ({"defect_ratio": float("nan")}, "defect_ratio: expected 0 to 1, found nan"),
        ({"severity_min": 0.8, "severity_max": 0.2}, "severity_max: expected 0.8 to 1, found 0.2"),
        ({"illumination_drift": 1.0}, "illumination_drift"),
        ({"drift_period_frames": 0}, "drift_period_frames"),
        ({"motion_blur_px": 65}, "motion_blur_px"),
        ({"sensor_noise": float("inf")}, "sensor_noise"),
        ({"labels": ()}, "labels: expected some of porosity, crack, undercut, spatter, each once; found"),
        ({"labels": ("crack", "crack")}, "each once"),
        ({"labels": ("rust",)}, "rust"),
    ],
)
def test_impossible_options_are_refused(options, words):
    """What no camera can do is refused with the option, what was expected and what was found."""
    with pytest.raises(ValueError, match=words):
        SyntheticOptions(**options)


def test_options_come_from_yaml_values_strictly():
    """Plain YAML values become options; an unknown key is an error."""
    adapter = TypeAdapter(SyntheticFeed.Options)
    assert adapter.validate_python({"seed": 3, "labels": ["crack"]}).labels == ("crack",)
    for wrong in ({"sead": 3}, {"seed": -3}, {"labels": ["rust"]}, {"width_px": 512.5}):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)


def test_a_frame_of_another_shape_is_refused():
    """A buffer that is not the feed's size is an error, never a part of a picture."""
    feed = SyntheticFeed(SyntheticOptions(width_px=128, height_px=128), Path())
    with pytest.raises(ValueError, match="broadcast"):
        feed.fill(0, np.zeros((128, 127, 3), np.uint8))
