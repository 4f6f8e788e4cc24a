from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.errors import NoDecisionError, WrongClassError
from hilrig.gate.newest import newest, standing
from hilrig.node.trust import GateTrust

X86, ORIN = "x86-cpu", "jetson-orin-nx-8gb"


@dataclass(frozen=True)
class One:
    """A decision as the gate's rule sees it."""

    sequence: int
    passed: bool = True
    device_class: str = X86
    stack_sha256: str = ""
    expires_at_utc: str = "2027-01-01T00:00:00Z"


ONES = st.builds(
    One,
    sequence=st.integers(1, 4),
    passed=st.booleans(),
    device_class=st.sampled_from([X86, ORIN]),
    stack_sha256=st.sampled_from(["", "a" * 64, "b" * 64]),
    expires_at_utc=st.sampled_from(["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
)


def asked(*decisions: One, stack: str | None = None) -> One:
    return standing(decisions, device_class=X86, stack_sha256=stack)


def test_the_highest_sequence_counts():
    """A newer PASSED replaces a refusal, a newer refusal a PASSED."""
    assert asked(One(1, passed=False), One(2)) == One(2)
    assert asked(One(2, passed=False), One(1)) == One(2, passed=False)


def test_a_tie_is_a_refusal():
    """Two decisions with one sequence: nobody knows which was meant, so nothing passes."""
    assert not asked(One(3), One(3, passed=False)).passed
    assert not asked(One(3, passed=False), One(3)).passed


def test_a_newer_decision_that_is_over_does_not_bring_an_older_one_back():
    """The older PASSED would still hold: it was replaced all the same."""
    over = One(2, expires_at_utc="2026-01-01T00:00:00Z")
    assert asked(One(1), over) is over


def test_without_a_decision_the_model_may_not_run():
    """None at all, and none for this class or stack, are two different answers."""
    with pytest.raises(NoDecisionError):
        asked()
    with pytest.raises(WrongClassError, match=f"for {ORIN}, not for {X86}"):
        asked(One(1, device_class=ORIN))
    with pytest.raises(WrongClassError, match="stack"):
        asked(One(1, stack_sha256="a" * 64), stack="b" * 64)


def test_another_class_never_speaks_for_this_one():
    """A newer refusal, and a newer PASSED, of another class change nothing here."""
    assert asked(One(1), One(9, passed=False, device_class=ORIN)) == One(1)
    assert not asked(One(1, passed=False), One(9, device_class=ORIN)).passed


def test_a_decision_on_no_stack_counts_on_every_stack():
    """An unbound refusal stops every stack; one bound to another stack does not."""
    bound = One(1, stack_sha256="a" * 64)
    assert not asked(bound, One(2, passed=False), stack="a" * 64).passed
    assert asked(bound, One(2, passed=False, stack_sha256="b" * 64), stack="a" * 64) is bound
    assert not asked(bound, One(2, passed=False, stack_sha256="b" * 64)).passed


@given(st.lists(ONES, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_files_decides_nothing(decisions, random):
    """Any order of the same decisions gives the same answer."""
    shuffled = list(decisions)
    random.shuffle(shuffled)
    found, before = newest(shuffled), newest(decisions)
    assert (found.sequence, found.passed, found.expires_at_utc) == (
        before.sequence,
        before.passed,
        before.expires_at_utc,
    )


@given(st.lists(ONES, min_size=1, max_size=8), ONES)
def test_no_older_decision_and_no_refusal_makes_it_better(decisions, one):
    """One more decision that is older changes nothing; a refusal that is not older always counts."""
    before = newest(decisions)
    older = replace(one, sequence=before.sequence - 1)
    assert newest([*decisions, older]) is before
    refusal = replace(one, sequence=before.sequence, passed=False)
    assert not newest([*decisions, refusal]).passed


@given(st.lists(ONES, min_size=1, max_size=8))
def test_a_node_counts_as_the_gate_does(decisions):
    """The node has this rule in code of its own: both name the same sequence, and the same yes or no."""
    by_node = GateTrust._newest(decisions)
    by_gate = newest(decisions)
    assert (by_node.sequence, by_node.passed) == (by_gate.sequence, by_gate.passed)
