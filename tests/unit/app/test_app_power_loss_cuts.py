"""Where a rig's power is cut."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hilrig.app.power_loss.cuts import RETURNED, CutPoint, cut_points

UPDATE = {"stage": ("stage.begin", "stage.bytes", "stage.bytes", "stage.bytes", "stage.done"), "activate": ()}
events = st.dictionaries(st.sampled_from("abc"), st.lists(st.sampled_from("xyz"), max_size=6), max_size=3)


@given(events, st.integers(0, 40), st.integers(0, 9))
def test_every_cut_is_at_something_that_was_seen(seen, n_cuts, seed):
    """As many as asked for where there is a step at all, each at an occurrence that an uncut update reached."""
    points = cut_points(seen, n_cuts=n_cuts, seed=seed)
    assert len(points) == (n_cuts if seen else 0)
    for point in points:
        assert point.event == RETURNED or 1 <= point.nth <= Counter(seen[point.step])[point.event]
    assert points == cut_points(seen, n_cuts=n_cuts, seed=seed)


def test_each_kind_of_event_has_its_turn_before_any_comes_again():
    """Three pieces of a file are one kind: they do not crowd out the rest, and the end of a step is a kind too."""
    kinds = [(point.step, point.event) for point in cut_points(UPDATE, n_cuts=5, seed=7)]
    assert sorted(kinds) == sorted(
        [
            ("stage", "stage.begin"),
            ("stage", "stage.bytes"),
            ("stage", "stage.done"),
            ("stage", ""),
            ("activate", ""),
        ]
    )


def test_another_seed_cuts_elsewhere():
    """Ten nights see more than one."""
    assert len({cut_points(UPDATE, n_cuts=5, seed=seed) for seed in range(10)}) > 5


def test_a_cut_is_told_in_words():
    """The report's reader knows no event ids."""
    assert CutPoint(step="stage", event="stage.bytes", nth=2).words == "in stage, at stage.bytes, time 2"
    assert CutPoint(step="stage", event="stage.done").words == "in stage, at stage.done"
    assert CutPoint(step="activate", event=RETURNED).words == "after activate had ended"
