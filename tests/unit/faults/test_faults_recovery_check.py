"""The one judgement of what a node runs after a cut."""

import pytest

from hilrig.core.power_loss import Recovery
from hilrig.faults.recovery_check import check_recovery, parse_answer

RELEASES = {"A": "aaa", "B": "bbb"}


def answer(active, *, complete=True, error=""):
    return {"active": active, "complete": complete, "error": error}


@pytest.mark.parametrize(
    ("said", "allowed", "recovery"),
    [
        (answer("aaa"), ("A",), Recovery.LAST_KNOWN_GOOD),
        (answer("aaa"), ("A", "B"), Recovery.LAST_KNOWN_GOOD),
        (answer("bbb"), ("A", "B"), Recovery.NEW_COMPLETE),
        (answer("bbb"), ("B",), Recovery.NEW_COMPLETE),
        (answer("bbb"), ("A",), Recovery.TOO_EARLY),
        (answer("aaa"), ("B",), Recovery.LOST),
        (answer(None), ("none",), Recovery.LAST_KNOWN_GOOD),
        (answer(None), ("none", "A"), Recovery.LAST_KNOWN_GOOD),
        (answer(None), ("A", "B"), Recovery.NO_ACTIVE),
        (answer("aaa"), ("none",), Recovery.LOST),
        (answer("bbb", complete=False), ("A", "B"), Recovery.HALF_STAGED),
        (answer("aaa", complete=False), ("B",), Recovery.HALF_STAGED),
        (answer("ccc"), ("A", "B"), Recovery.UNKNOWN_MODEL),
        (answer(""), ("none", "A", "B"), Recovery.UNKNOWN_MODEL),
        (None, ("none", "A", "B"), Recovery.NO_ANSWER),
        ({}, ("none",), Recovery.NO_ANSWER),
        ({"active": None}, ("none",), Recovery.NO_ANSWER),
        ({"complete": False}, ("none",), Recovery.NO_ANSWER),
        ({"active": 7, "complete": True}, ("A",), Recovery.NO_ANSWER),
        ({"active": "aaa", "complete": 1}, ("A",), Recovery.NO_ANSWER),
        ({"active": "aaa", "complete": "yes"}, ("A",), Recovery.NO_ANSWER),
    ],
)
def test_every_answer_has_one_judgement(said, allowed, recovery):
    """Sound is only a whole release that may run, or nothing where nothing may."""
    found = check_recovery(said, allowed=allowed, releases=RELEASES)
    assert found.recovery is recovery
    assert found.is_sound == (recovery in (Recovery.LAST_KNOWN_GOOD, Recovery.NEW_COMPLETE))


@pytest.mark.parametrize("line", ["", "no", "[]", "7", "null", '"aaa"', "[" * 100_000, "{"])
def test_what_is_no_answer_is_none(line):
    """Neither other output nor a bomb of brackets is taken for one."""
    assert parse_answer(line) is None
