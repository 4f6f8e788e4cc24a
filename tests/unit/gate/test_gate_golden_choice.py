import pytest

from hilrig.core.golden_bundle import Answer
from hilrig.gate.golden_choice import Candidate, choose

THRESHOLDS = {"a": 0.5, "b": 0.5}


def candidate(index, truth="", *, found=None, a=0.0, brightness=50.0, sharpness=50.0, scores=True):
    found = tuple(truth) if found is None else found
    return Candidate(
        index=index,
        truth=tuple(truth),
        answer=Answer(found=tuple(found), scores={"a": a, "b": 0.0} if scores else {}, score=a),
        brightness=brightness,
        sharpness=sharpness,
        width_px=8,
        height_px=8,
        pixels_sha256="0" * 64,
    )


SET = [
    candidate(0),
    candidate(1, "a", found=""),
    candidate(2, "a"),
    candidate(3, "b"),
    candidate(4, brightness=1),
    candidate(5, brightness=99),
    candidate(6, sharpness=1),
    candidate(7, a=0.49),
    *(candidate(index) for index in range(8, 40)),
]


def test_it_covers_labels_good_parts_and_extremes():
    """Each label by a frame where it was found, a good part, the darkest, brightest, most blurred, nearest."""
    why = choose(SET, THRESHOLDS, 8)
    assert list(why) == [2, 3, 0, 4, 5, 6, 7, 10]
    assert [why[index] for index in (2, 3, 0, 4, 5, 6, 7)] == [
        ("a",),
        ("b",),
        ("no defect",),
        ("darkest",),
        ("brightest",),
        ("most blurred",),
        ("nearest to its threshold",),
    ]


def test_a_frame_that_stands_for_several_things_is_there_once():
    """The one frame of a set is everything."""
    assert choose([candidate(9, "a")], THRESHOLDS, 5) == {
        9: ("a", "darkest", "brightest", "most blurred", "nearest to its threshold")
    }


def test_a_label_that_is_never_found_still_has_its_frame():
    """What the pipeline misses is worth knowing too."""
    assert choose([candidate(0), candidate(1, "a", found="")], THRESHOLDS, 1) == {1: ("a",)}


@pytest.mark.parametrize("n", [1, 3, 12, 24, 40, 100])
def test_there_are_as_many_as_asked_or_all(n):
    """The rest is spread over the set, no frame twice."""
    assert len(choose(SET, THRESHOLDS, n)) == min(n, len(SET))


def test_a_pipeline_that_keeps_its_scores_has_no_nearest():
    """Without scores nobody knows what was close."""
    why = choose([candidate(0, scores=False)], THRESHOLDS, 3)
    assert "nearest to its threshold" not in why[0]


def test_of_nothing_nothing_is_chosen():
    """A set of which no frame was decided."""
    assert choose([], THRESHOLDS, 12) == {}
