"""Which states of a disk a cut can leave, and what may run in each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.power_loss import UpdateStep
from hilrig.faults.block_log_format import LogEntry
from hilrig.faults.block_states import DiskState, Promise, StepSpan, disk_states, epochs, n_possible, promise_for


def log_of(pattern: str) -> tuple[LogEntry, ...]:
    """`w` is a write, `f` a flush."""
    return tuple(
        LogEntry(
            offset=index * 512,
            data=b"" if kind == "f" else bytes([index % 256]) * 512,
            is_flush=kind == "f",
            end=0,
        )
        for index, kind in enumerate(pattern)
    )


def written(state: DiskState, pattern: str) -> frozenset[int]:
    """The writes that are on the disk in a state."""
    return frozenset(i for i in range(state.base) if pattern[i] == "w") | frozenset(state.kept)


def span(begin: int, end: int, *, name: str = "activate", during: str = "AB", after: str = "B") -> StepSpan:
    """A step that ran from one entry of the log to another."""
    step = UpdateStep(name=name, argv=("x",), may_run_during=tuple(during), may_run_after=tuple(after))
    return StepSpan(step=step, begin=begin, end=end)


@pytest.mark.parametrize(
    ("pattern", "n_states"),
    [
        ("", 1),
        ("f", 1),
        ("w", 2),  # without it, with it
        ("wf", 2),
        ("ww", 4),
        ("wfw", 3),
        ("wwwf", 8),
        ("wwfww", 7),  # 4, and 3 more: nothing of the second two is everything of the first
        ("wwffww", 7),
        ("fwwf", 4),
    ],
)
def test_the_states_of_small_logs_are_counted_by_hand(pattern: str, n_states: int):
    """Between two flushes every subset, across a flush nothing is lost; each state once."""
    states = disk_states(log_of(pattern), seed=1, cap=1000)
    assert len({written(state, pattern) for state in states}) == len(states) == n_states
    assert n_possible(log_of(pattern)) == n_states


patterns = st.text("wwf", max_size=24)


@given(patterns, st.integers(0, 200), st.integers(0, 5))
def test_no_state_loses_what_was_flushed(pattern: str, cap: int, seed: int):
    """Whatever is kept, everything before the last flush before the cut is there, and nothing after the cut."""
    for state in disk_states(log_of(pattern), seed=seed, cap=cap):
        there = written(state, pattern)
        for cut in (state.first_cut, state.last_cut):
            flushed = pattern.rfind("f", 0, cut) + 1
            assert {i for i in range(flushed) if pattern[i] == "w"} <= there
            assert all(index < cut for index in there)


@given(patterns, st.integers(0, 5))
def test_every_prefix_of_the_writes_is_always_a_state(pattern: str, seed: int):
    """A cap never costs a prefix: the cut that a disk without a cache would show."""
    writes = [index for index, kind in enumerate(pattern) if kind == "w"]
    found = {written(state, pattern) for state in disk_states(log_of(pattern), seed=seed, cap=0)}
    assert found == {frozenset(writes[:length]) for length in range(len(writes) + 1)}


@given(patterns, st.integers(30, 60), st.integers(0, 5))
def test_the_cap_holds_and_the_seed_decides(pattern: str, cap: int, seed: int):
    """At most so many states, no state twice, the same for the same seed."""
    states = disk_states(log_of(pattern), seed=seed, cap=cap)
    assert len({written(state, pattern) for state in states}) == len(states) <= cap
    assert states == disk_states(log_of(pattern), seed=seed, cap=cap)


def test_a_long_epoch_is_drawn_not_enumerated():
    """Forty writes have more subsets than anybody can try: the cap is filled with draws from all over."""
    pattern = "w" * 40
    states = disk_states(log_of(pattern), seed=3, cap=100)
    assert 95 <= len(states) <= 100
    assert n_possible(log_of(pattern)) == 2**40
    assert any(0 not in state.kept and 39 in state.kept for state in states)


def test_epochs_are_in_the_order_in_which_the_disk_is_built():
    """States come with rising bases: one image is carried along."""
    states = disk_states(log_of("wwfwwwfw"), seed=1, cap=100)
    assert [state.base for state in states] == sorted(state.base for state in states)
    assert [epoch.base for epoch in epochs(log_of("wwfwwwfw"))] == [0, 3, 7, 8]


def state(first_cut: int, last_cut: int) -> DiskState:
    """A state that cuts between these leave."""
    return DiskState(base=0, kept=(), first_cut=first_cut, last_cut=last_cut)


@pytest.mark.parametrize(
    ("cut", "step", "may_run"),
    [
        (state(3, 3), "stage", ("A",)),
        (state(6, 6), "activate", ("A", "B")),
        (state(6, 7), "activate", ("A", "B")),
        (state(6, 9), "activate", ("B",)),  # the step may have returned by then: its promise holds
        (state(8, 8), "activate", ("B",)),
        (state(20, 20), "activate", ("B",)),  # written back long after the end
        (
            state(4, 8),
            "activate",
            (),
        ),  # nothing is right: a new release before it was allowed, or the old one after the promise
    ],
)
def test_what_may_run_is_what_is_right_at_every_moment_of_the_cut(cut, step, may_run):
    """A state that cuts at several moments can leave must be right for each of them."""
    promise = promise_for(cut, [span(2, 4, name="stage", during="A", after="A"), span(5, 8)])
    assert promise == Promise(step=step, may_run=may_run)


def test_a_cut_before_the_first_step_is_nobodys():
    """What mounting the disk wrote says nothing of the update."""
    assert promise_for(state(0, 1), [span(2, 4)]) is None
