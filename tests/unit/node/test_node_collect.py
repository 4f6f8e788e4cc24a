"""Removing what no release needs any more."""

import pytest

from failing_disks import CountingDisk
from hilrig.core.canonical import sha256_hex
from hilrig.node.store import Store
from hilrig.node.store_fault import StoreFault
from node_releases import IDENTITY, accept_any, write_numbered

SHARED = sha256_hex(b"shared" * 50)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Return a store with releases 1 to 4 staged: 2 current, 1 previous, 3 on trial."""
    monkeypatch.setattr("hilrig.node.disk.open_disk", CountingDisk)  # a real fsync shows nothing here
    store = Store.create(tmp_path / "store", IDENTITY)
    for number in (1, 2, 3, 4):
        sha256 = write_numbered(tmp_path / str(number), number)
        store.stage(tmp_path / str(number), accept=accept_any)
        if number < 4:
            store.activate(sha256, accept=accept_any)
        if number < 3:
            store.confirm(sha256)
    return store


def test_what_may_still_run_is_kept(store):
    """Current, previous and candidate stay whole; the rest goes with the files that only it had."""
    kept = store.state().releases
    collected = store.collect()
    assert len(collected.releases) == 1
    assert collected.freed_bytes == len("graph 4 ") * 250
    assert set(store.releases()) == kept
    for sha256 in kept:
        store.open_release(sha256)


def test_nothing_goes_while_the_state_is_unreadable(store):
    """The state before does not know what ran since: with it, collecting would remove the current release."""
    current = store.state().current
    store.confirm(store.state().candidate)
    (store.folder / "state" / "active.json").write_bytes(b"{")
    before = store.releases().keys()
    with pytest.raises(StoreFault, match="what is needed cannot be told") as caught:
        store.collect()
    assert caught.value.code == "HR-102"
    assert store.releases().keys() == before
    assert current in before


def test_a_shared_file_stays_with_the_last_release_that_has_it(store):
    """A blob goes when nobody links it any more, not before."""
    store.rollback("slow")
    store.collect()
    assert (store.folder / "blobs" / "sha256" / SHARED).exists()


def test_files_of_a_staging_that_was_cut_off_go(store):
    """Blobs that came without their release take no room for ever."""
    (store.folder / "blobs" / "sha256" / ("f" * 64)).write_bytes(b"12345")
    assert store.collect().freed_bytes == 2000 + 5


def test_collecting_again_removes_nothing(store):
    """There is nothing left to do."""
    store.collect()
    again = store.collect()
    assert (again.releases, again.freed_bytes) == ((), 0)


def test_damage_that_was_put_aside_stays(store):
    """People want to see what happened to a file."""
    (store.folder / "quarantine" / "x.damaged").write_bytes(b"1")
    store.collect()
    assert (store.folder / "quarantine" / "x.damaged").exists()
