"""What a node has seen signed: kept through every power cut, and through everything that the store does."""

import json
from contextlib import suppress

import pytest

from failing_disks import CountingDisk, refuse
from hilrig.config.noun_json import to_json
from hilrig.core.errors import StoreError
from hilrig.core.power_loss import UpdateStep
from hilrig.faults.call_trace import parse_trace
from hilrig.faults.crash_states import CrashStates, RecordedStep
from hilrig.faults.disk_model import read_disk
from hilrig.node.disk import open_disk
from hilrig.node.disk_trace import TRACE_VARIABLE
from hilrig.node.seen import Seen, keep_later_decision, keep_seen, read_later_decision, read_seen
from hilrig.node.store import Store
from node_releases import IDENTITY, accept_any, write_numbered

SHA256 = "a" * 64
OLD, NEW = Seen(desired_sequence=5, newest_signed_ns=7), Seen(desired_sequence=6, newest_signed_ns=9)


def traced(folder, trace, monkeypatch, change):
    """Return the file calls of a change to the store in `folder`, and what was there before."""
    before = read_disk(folder)
    monkeypatch.setenv(TRACE_VARIABLE, str(trace))
    change(open_disk(folder))
    return before, parse_trace(trace.read_text().splitlines())


def after_cuts(before, calls, path):
    """Return what `path` may hold after a cut in the midst of these calls, and after their end; None: nothing."""
    step = UpdateStep(name="keep", argv=(), may_run_during=("old", "new"), may_run_after=("new",))
    found = CrashStates(seed=1)
    found.add_episode("seen", before, [RecordedStep(step=step, calls=tuple(calls))])
    held = {"during": set(), "after": set()}
    for state in found.states:
        digest = state.tree.get(path)
        when = "after" if state.allowed == ("new",) else "during"
        held[when].add(None if digest is None else found.contents[digest])
    return held


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "store", IDENTITY)


def test_a_power_cut_leaves_what_was_seen_before_or_now(store, tmp_path, monkeypatch):
    """Any cut, with any unsynced part lost or torn: the record is whole, and kept once it was said to be."""
    keep_seen(open_disk(store.folder), OLD)
    calls = traced(store.folder, tmp_path / "trace", monkeypatch, lambda disk: keep_seen(disk, NEW))
    held = after_cuts(*calls, "agent/seen.json")
    assert held == {"during": {to_json(OLD), to_json(NEW)}, "after": {to_json(NEW)}}


def test_the_first_record_is_not_lost_with_its_folder(store, tmp_path, monkeypatch):
    """Folders made by an agent that was killed right after are made to last by the next one."""
    calls = traced(store.folder, tmp_path / "trace", monkeypatch, lambda disk: keep_seen(disk, NEW))
    assert after_cuts(*calls, "agent/seen.json") == {"during": {None, to_json(NEW)}, "after": {to_json(NEW)}}
    decide = (tmp_path / "second", monkeypatch, lambda disk: keep_later_decision(disk, SHA256, b"later"))
    before, calls = traced(store.folder, *decide)
    assert after_cuts(before, calls, f"agent/decisions/{SHA256}.dsse.json")["after"] == {b"later"}
    synced = [call.path for call in calls if call.op.value == "fsync_folder"]
    assert synced == [".", "agent", "agent/decisions"]


def test_nothing_that_the_store_does_takes_it(store, tmp_path):
    """Every verb sweeps tmp/ and may collect: what was seen, and what lies half written beside it, stays."""
    disk = open_disk(store.folder)
    keep_seen(disk, OLD)
    keep_later_decision(disk, SHA256, b"later")
    half = store.folder / "agent/seen.json.new"
    half.write_bytes(b"half")
    for number in (1, 2):
        sha256 = write_numbered(tmp_path / str(number), number)
        store.stage(tmp_path / str(number), accept=accept_any)
        store.activate(sha256, accept=accept_any)
        store.boot()
        store.confirm(sha256)
    store.rollback("slow")
    store.collect()
    assert (read_seen(store.folder), read_later_decision(store.folder, SHA256)) == (OLD, b"later")
    assert half.exists()
    keep_seen(disk, NEW)  # the half written one of a killed agent is in nobody's way
    assert read_seen(store.folder) == NEW


def test_it_writes_nowhere_but_in_its_own_folder(store, tmp_path, monkeypatch):
    """Without the store's lock nothing outside of agent/ is touched: tmp/ belongs to who holds the lock."""
    _, calls = traced(store.folder, tmp_path / "trace", monkeypatch, lambda disk: keep_seen(disk, NEW))
    assert {call.path.partition("/")[0] for call in calls} == {".", "agent"}


def test_a_disk_that_refuses_any_call_keeps_the_record_before(store):
    """Whichever call fails: the error says so, what was seen before or now is there, and a second try succeeds."""
    n_calls = 0
    while True:
        n_calls += 1
        keep_seen(CountingDisk(store.folder), OLD)
        disk = CountingDisk(store.folder, stop_at=n_calls, stop=refuse())
        with suppress(StoreError):
            keep_seen(disk, NEW)
        if disk.n_calls < n_calls:
            break
        assert read_seen(store.folder) in (OLD, NEW)
    assert n_calls > 5
    assert read_seen(store.folder) == NEW


def test_a_record_of_another_form_is_refused(store):
    """A key that is not known may say what must not be forgotten."""
    keep_seen(open_disk(store.folder), OLD)
    path = store.folder / "agent/seen.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "more": 1}))
    with pytest.raises(Exception, match=r"seen\.json"):
        read_seen(store.folder)
