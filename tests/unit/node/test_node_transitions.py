"""What a store runs, and how that changes."""

from hilrig.node.transitions import (
    StoreState,
    asked,
    barred,
    confirmed,
    fallen_back,
    on_trial,
    repaired,
    rolled_back,
    tried,
    unbarred,
    without_candidate,
)

A, B, C = "a" * 64, "b" * 64, "c" * 64
RUNNING = StoreState(seq=5, current=B, previous=A, min_sequence=1, desired_sequence=7)
TRIAL = on_trial(RUNNING, C, tries=2, desired_sequence=8, reason="new")


def test_a_trial_changes_nothing_that_is_proven():
    """The current and the previous release stay while a candidate is on trial."""
    assert (TRIAL.current, TRIAL.previous, TRIAL.candidate, TRIAL.tries_left) == (B, A, C, 2)
    assert TRIAL.seq == 6
    assert TRIAL.desired_sequence == 8


def test_a_try_is_spent():
    """Each start of a candidate costs one."""
    assert tried(TRIAL).tries_left == 1
    assert tried(TRIAL).candidate == C


def test_a_confirmed_release_keeps_the_way_back():
    """What was current is previous; older releases than that are refused from now on."""
    state = confirmed(TRIAL, min_sequence=4, reason="good")
    assert (state.current, state.previous, state.candidate, state.tries_left) == (C, B, None, 0)
    assert state.min_sequence == 4
    assert confirmed(TRIAL, min_sequence=0, reason="good").min_sequence == 1


def test_a_rolled_back_candidate_is_barred():
    """It is remembered with the desired sequence of that moment; what ran before runs on."""
    state = rolled_back(TRIAL, reason="slow")
    assert (state.current, state.previous, state.candidate) == (B, A, None)
    assert state.barred == {C: 8}
    assert state.reason == "slow"


def test_a_rollback_without_a_candidate_goes_to_the_previous_release():
    """There is one way back, and it is used once."""
    state = rolled_back(RUNNING, reason="bad")
    assert (state.current, state.previous) == (A, None)
    assert state.barred == {B: 7}


def test_a_release_that_is_asked_for_again_is_no_longer_barred():
    """Whoever may ask lifts the bar on that release, and on no other."""
    state = rolled_back(rolled_back(TRIAL, reason="slow"), reason="bad")
    again = on_trial(state, C, tries=1, desired_sequence=9, reason="mended")
    assert again.barred == {B: 8}


def test_what_failed_in_the_shadow_is_barred_and_nothing_else_changes():
    """It never ran: current, previous and candidate stay; the sequence is that of who asked for it."""
    state = barred(TRIAL, "d" * 64, desired_sequence=9, reason="disagrees")
    assert (state.current, state.previous, state.candidate, state.tries_left) == (B, A, C, 2)
    assert (state.barred, state.desired_sequence, state.seq) == ({"d" * 64: 9}, 9, 7)
    assert barred(TRIAL, "d" * 64, desired_sequence=2, reason="late").barred == {"d" * 64: 8}
    assert unbarred(state, "d" * 64, reason="mended").barred == {}
    assert unbarred(state, "e" * 64, reason="mended").barred == state.barred


def test_damage_bars_nothing():
    """A damaged release is the disk's fault: the same one may come again."""
    assert without_candidate(TRIAL, reason="damaged").barred == {}
    state = fallen_back(RUNNING, reason="damaged")
    assert (state.current, state.previous, state.barred) == (A, None, {})


def test_after_an_unreadable_state_only_what_was_proven_runs():
    """The state before may have a candidate that failed since: it does not run again."""
    state = repaired(TRIAL, reason="unreadable")
    assert (state.current, state.previous, state.candidate, state.tries_left) == (B, A, None, 0)
    assert state.seq == TRIAL.seq + 2


def test_the_desired_sequence_never_goes_back():
    """An older desired state that comes late changes nothing."""
    assert asked(RUNNING, desired_sequence=3, reason="late").desired_sequence == 7
    assert on_trial(RUNNING, C, tries=1, desired_sequence=0, reason="by hand").desired_sequence == 7
