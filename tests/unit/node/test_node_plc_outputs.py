"""hilrig.node.plc.outputs: what is due at each tick."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.plc import FailSafeReason, PlcDecision, PlcWrite
from hilrig.core.units import NS_PER_MS
from hilrig.node.plc.decision import N_BYTES, Decision, decided, pack, undecided, unpack
from hilrig.node.plc.outputs import Outputs

MS = NS_PER_MS


def good(sequence: int, *, at_ms: int = 0, score: float = 0.1) -> Decision:
    return decided(
        sequence=sequence, is_defective=False, score=score, decided_ns=at_ms * MS, deadline_ns=(at_ms + 40) * MS
    )


def outputs(*decisions: Decision, depth: int = 4) -> Outputs:
    made = Outputs(depth=depth, max_age_ns=100 * MS)
    for decision in decisions:
        made.take(decision)
    return made


def shown(made: Outputs, *, at_ms: int) -> PlcWrite:
    write = made.due(at_ms * MS)
    made.written(at_ms * MS)
    return write


def test_before_the_first_decision_there_is_none() -> None:
    """A PLC that lets only GOOD pass lets nothing pass."""
    assert shown(outputs(), at_ms=5000).decision is PlcDecision.NONE


def test_each_waiting_decision_is_shown_once_and_in_order() -> None:
    """Two decisions between two ticks both reach the PLC."""
    made = outputs(good(1), good(2))
    assert [shown(made, at_ms=at).sequence for at in (10, 20, 30)] == [1, 2, 2]


def test_the_heartbeat_rises_with_every_write_and_wraps() -> None:
    """The PLC sees that somebody writes, whatever is written."""
    made = outputs(good(1))
    beats = [shown(made, at_ms=0).heartbeat for _ in range(65538)]
    assert beats[:3] == [0, 1, 2]
    assert beats[65535:] == [65535, 0, 1]


def test_a_decision_that_was_not_taken_stays_due() -> None:
    """A write without an answer is made again with the same decision."""
    made = outputs(good(1), good(2))
    made.due(0)
    made.tried()
    assert (made.due(10 * MS).sequence, made.due(10 * MS).heartbeat) == (1, 1)


def test_a_decision_that_waited_too_long_is_late() -> None:
    """What is older than the limit at its turn is never written as good, and keeps that reason."""
    made = outputs(good(1))
    assert shown(made, at_ms=101)[1:] == (PlcDecision.FAIL_SAFE, 1, 101, FailSafeReason.LATE)
    assert shown(made, at_ms=500).reason is FailSafeReason.LATE
    assert made.n_late == 1


def test_a_standing_decision_goes_to_fail_safe_when_no_other_follows() -> None:
    """The producer stalls: from the age limit on the output is fail-safe, until a new decision comes."""
    made = outputs(good(1))
    assert [shown(made, at_ms=at).decision.name for at in (10, 100, 101)] == ["GOOD", "GOOD", "FAIL_SAFE"]
    assert shown(made, at_ms=110).reason is FailSafeReason.ABSENT
    made.take(good(2, at_ms=119))
    assert shown(made, at_ms=120).decision is PlcDecision.GOOD


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_not_finite_fails_safe(score: float) -> None:
    """NaN compares false with every threshold: it must not read as good."""
    assert shown(outputs(good(1, score=score)), at_ms=1)[1::3] == (
        PlcDecision.FAIL_SAFE,
        FailSafeReason.NON_FINITE,
    )


def test_a_decision_after_its_deadline_is_never_good() -> None:
    """The ceiling was passed, though the decision is fresh."""
    late = decided(sequence=1, is_defective=False, score=0.1, decided_ns=41 * MS, deadline_ns=40 * MS)
    assert shown(outputs(late), at_ms=42).reason is FailSafeReason.LATE


def test_an_error_of_the_service_fails_safe_with_its_sequence() -> None:
    """A frame that got no decision is told as such."""
    write = shown(outputs(undecided(sequence=9, now_ns=0)), at_ms=1)
    assert write[1:] == (PlcDecision.FAIL_SAFE, 9, 1, FailSafeReason.SERVICE_ERROR)


def test_what_is_pushed_out_of_the_queue_is_told_as_lost() -> None:
    """The newest stay; the fail-safe output stands in for the one that was lost."""
    made = outputs(*(good(sequence) for sequence in range(1, 6)), depth=3)
    said = [shown(made, at_ms=at) for at in (10, 20, 30, 40)]
    assert [write.sequence for write in said] == [2, 3, 4, 5]
    assert [write.reason for write in said] == [FailSafeReason.QUEUE_FULL] + [FailSafeReason.NONE] * 3
    assert made.n_lost == 2


def test_the_last_word_goes_before_all_that_waits() -> None:
    """A service that goes away leaves the fail-safe output behind, not its last good decision."""
    made = outputs(good(1), good(2))
    made.end(undecided(sequence=2, now_ns=0))
    assert shown(made, at_ms=1).decision is PlcDecision.FAIL_SAFE


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 3), st.booleans(), st.booleans()), min_size=1, max_size=60
    )
)
def test_nothing_old_and_nothing_undecided_is_ever_good(steps: list[tuple[int, int, bool, bool]]) -> None:
    """Whatever comes and whatever is taken: GOOD is a good decision, at most 100 ms old, in rising order."""
    made, now_ms, sequence, last, goods = outputs(depth=2), 0, 0, 0, set()
    for wait_ms, n_new, is_finite, is_taken in steps:
        for _ in range(n_new):
            sequence += 1
            made.take(good(sequence, at_ms=now_ms, score=0.1 if is_finite else math.nan))
            goods |= {sequence} if is_finite else set()
        now_ms += wait_ms
        write = made.due(now_ms * MS)
        assert write.sequence >= last
        assert write.decision is not PlcDecision.GOOD or (write.sequence in goods and write.age_ms <= 100)
        last = write.sequence
        made.written(now_ms * MS) if is_taken else made.tried()


@given(st.lists(st.builds(undecided, sequence=st.integers(0, 1 << 40), now_ns=st.integers(0, 1 << 62))))
def test_decisions_survive_the_pipe(decisions: list[Decision]) -> None:
    """What is packed is unpacked; each takes the bytes that are said."""
    data = b"".join(map(pack, decisions))
    assert (list(unpack(data)), len(data)) == (decisions, N_BYTES * len(decisions))
