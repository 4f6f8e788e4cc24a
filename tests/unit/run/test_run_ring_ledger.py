"""hilrig.run.ring_ledger: every frame ends once, every answer that was not expected is counted once."""

from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from hilrig.run.ring_ledger import Asked, RingLedger

N_FRAMES = 12


def asked(frame_id):
    return Asked(frame_id, 100 + frame_id, 200 + frame_id)


def test_the_oldest_frame_has_the_next_deadline():
    """Frames are kept in the order in which they were asked for."""
    ledger = RingLedger(N_FRAMES)
    for frame_id in (3, 5, 8):
        ledger.ask(frame_id, asked(frame_id))
    assert ledger.oldest() == asked(3)
    ledger.settle(3)
    assert ledger.oldest() == asked(5)


def test_a_frame_is_overdue_at_its_deadline_and_not_before():
    """Deadlines 203 and 205: at 203 the first is given up, the second is not."""
    ledger = RingLedger(N_FRAMES)
    for frame_id in (3, 5):
        ledger.ask(frame_id, asked(frame_id))
    assert list(ledger.overdue(202)) == []
    assert list(ledger.overdue(203)) == [asked(3)]
    assert len(ledger) == 1


def test_a_process_is_silent_from_a_missing_answer_to_the_next_one():
    """A late answer is a sign of life as well."""
    ledger = RingLedger(N_FRAMES)
    ledger.ask(3, asked(3))
    list(ledger.overdue(1000))
    assert ledger.is_silent
    ledger.settle(3)
    assert not ledger.is_silent


@given(
    st.lists(st.tuples(st.sampled_from(["ask", "answer", "overdue"]), st.integers(0, N_FRAMES + 2)), max_size=60)
)
def test_every_frame_ends_once_and_every_answer_is_counted(steps):
    """Frames asked for are settled, given up or under way; answers settle one or are late, second or unknown."""
    ledger = RingLedger(N_FRAMES)
    n_asked = n_answers = n_settled = n_overdue = 0
    for kind, value in steps:
        if kind == "ask" and n_asked < N_FRAMES:
            ledger.ask(n_asked, asked(n_asked))
            n_asked += 1
        elif kind == "answer":
            n_answers += 1
            n_settled += ledger.settle(value) is not None
        elif kind == "overdue":
            n_overdue += len(list(ledger.overdue(200 + value)))
    counts = asdict(ledger.counts)
    assert n_settled + n_overdue + len(ledger) == n_asked
    assert counts["missing"] == n_overdue
    assert counts["late"] <= counts["missing"]
    assert n_settled + counts["late"] + counts["twice"] + counts["unknown"] == n_answers
    assert counts["out_of_order"] <= n_settled
