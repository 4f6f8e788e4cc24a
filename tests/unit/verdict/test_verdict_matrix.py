"""hilrig.verdict.many_runs.matrix: several rigs never look better together than the worst of them."""

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.exits import ExitCode
from hilrig.core.verdict import CheckStatus
from hilrig.verdict.many_runs.matrix import (
    MOST_TELLING_FIRST,
    exit_code_of,
    limits_by_class,
    sentence_of,
    warnings_of,
)
from matrices import busy_row, make_check, make_row


@given(st.lists(st.sampled_from([0, 10, 11, 12, 20, 21, 22, 30, 2]), min_size=1, max_size=8))
def test_zero_only_if_every_rig_has_zero(codes):
    """One rig without a PASS and the whole is not 0; and the code of all is one of theirs."""
    assert (exit_code_of(codes) == 0) == (set(codes) == {0})
    assert exit_code_of(codes) in codes


@pytest.mark.parametrize(("worse", "better"), [*pairwise(MOST_TELLING_FIRST)])
def test_the_more_telling_code_is_that_of_all(worse, better):
    """FAIL before INCONCLUSIVE before all that the lab is to blame for, whatever the order of the rigs."""
    assert exit_code_of([better, worse, 0]) == exit_code_of([0, worse, better]) == worse


def test_no_rig_is_no_pass():
    """Nothing was asked: nothing was proven."""
    assert exit_code_of([]) == ExitCode.USAGE


def test_a_code_that_nobody_knows_is_not_zero():
    """A code from a later hilrig, or a crash, is handed on."""
    assert exit_code_of([0, 1, 0]) == 1


def test_the_sentence_counts_everybody():
    """PASS, FAIL and those without a verdict add up to the rigs."""
    rows = [make_row("a"), make_row("b", p99_ms=50.0), busy_row("c")]
    assert sentence_of(rows) == "1 of 3 rigs PASS, 1 FAIL, 1 without a verdict."
    assert sentence_of([make_row("a")]) == "1 of 1 rig PASS."


def test_a_profile_that_changed_between_two_rigs_is_a_warning():
    """The rows then answer different questions; a rig without a result has no digest and warns of nothing."""
    assert list(warnings_of([make_row("a"), make_row("b"), busy_row("c")])) == []
    (warning,) = warnings_of([make_row("a"), make_row("b", profile_sha256="00" * 32)])
    assert "profile is not the same" in warning


def test_a_class_shows_its_worst_rig():
    """Two of a class: the one that fails stands there, not the mean, not the first."""
    rows = [make_row("a", p99_ms=20.0), make_row("b", p99_ms=50.0), make_row("c", p99_ms=30.0)]
    (limit,) = limits_by_class(rows)
    (cell,) = limit.cells
    assert (cell.worst_rig, cell.status, cell.n_passed, cell.n_judged) == ("b", CheckStatus.FAIL, 2, 3)


def test_among_equals_the_smallest_margin_is_worst():
    """All pass: the closest to its limit is shown; one without any margin comes before all."""
    rows = [make_row("a", p99_ms=20.0), make_row("b", p99_ms=44.0), make_row("c", p99_ms=30.0)]
    assert limits_by_class(rows)[0].cells[0].worst_rig == "b"
    endless = make_row("d", p99_ms=60.0, checks=(make_check(None),))
    assert limits_by_class([make_row("e", p99_ms=99.0), endless])[0].cells[0].worst_rig == "d"


def test_a_class_without_a_verdict_is_open():
    """A busy rig's class has a cell that says that nobody knows: None, not 0 and not PASS."""
    (limit,) = limits_by_class([make_row("a"), busy_row("c")])
    known, unknown = limit.cells
    assert known.status is CheckStatus.PASS
    assert (unknown.status, unknown.worst, unknown.n_rigs, unknown.n_judged) == (None, None, 1, 0)


def test_not_measured_is_worse_than_undecided():
    """In the order FAIL, NOT_MEASURED, INCONCLUSIVE, PASS, whichever rig comes first."""
    order = [CheckStatus.FAIL, CheckStatus.NOT_MEASURED, CheckStatus.INCONCLUSIVE, CheckStatus.PASS]
    for (i, first), (j, second) in product(enumerate(order), repeat=2):
        rows = [
            make_row("a", checks=(make_check(20.0, status=first),)),
            make_row("b", checks=(make_check(20.0, status=second),)),
        ]
        assert limits_by_class(rows)[0].cells[0].status is order[min(i, j)]


def test_the_status_of_a_row_is_never_made_up():
    """A row without a verdict counts neither as PASS nor as FAIL."""
    assert sentence_of([busy_row()]) == "0 of 1 rig PASS, 1 without a verdict."
