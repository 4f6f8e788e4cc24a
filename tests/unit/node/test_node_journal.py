"""The journal of decisions."""

import json

import pytest

from hilrig.node.disk import Disk
from hilrig.node.journal import Journal
from hilrig.node.store import Store
from hilrig.node.transitions import StoreState, on_trial
from node_releases import IDENTITY

A = "a" * 64
TRIAL = on_trial(StoreState(), A, tries=3, desired_sequence=4, reason="a reason\nof two lines")


@pytest.fixture
def journal(tmp_path):
    Store.create(tmp_path / "store", IDENTITY)
    return Journal(Disk(tmp_path / "store"))


def path(journal):
    return journal._disk.folder / "state" / "journal.jsonl"


def test_each_decision_is_a_line_with_its_reason(journal):
    """One JSON object for each, with when it was."""
    journal.append(TRIAL)
    lines = path(journal).read_text().splitlines()
    entry = json.loads(lines[-1])
    assert entry["reason"] == TRIAL.reason
    assert entry["at_utc"].endswith("+00:00")
    assert journal.last() == TRIAL


@pytest.mark.parametrize("torn", [b'{"seq": 3, "cur', b"\0" * 50, b"\xff\xfe", b"[" * 5000])
def test_a_torn_line_costs_only_itself(journal, torn):
    """The last line that can be read counts, and the next decision is not glued to the torn one."""
    journal.append(TRIAL)
    with path(journal).open("ab") as file:
        file.write(torn)
    assert journal.last() == TRIAL
    again = on_trial(StoreState(), "b" * 64, tries=1, desired_sequence=5, reason="next")
    journal.append(again)
    assert journal.last() == again


def test_a_journal_without_a_line_knows_nothing(journal):
    """Neither an empty journal nor a missing one is an error: nothing hangs on it."""
    path(journal).write_bytes(b"")
    assert journal.last() is None
    path(journal).unlink()
    assert journal.last() is None
