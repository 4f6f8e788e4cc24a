"""hilrig.node.service.source: what the service asks of the store, and how often files are hashed for it."""

import pytest

from failing_disks import CountingDisk
from hilrig.node.service.source import StoreSource
from hilrig.node.status import node_status
from hilrig.node.store import Store
from hilrig.node.store_fault import StoreFault
from node_releases import IDENTITY, accept_any, write_numbered


@pytest.fixture
def releases(tmp_path):
    return [write_numbered(tmp_path / str(number), number) for number in (1, 2)]


@pytest.fixture
def store(tmp_path, monkeypatch, releases):
    """Return a store with release 2 current and 1 as the way back."""
    monkeypatch.setattr("hilrig.node.disk.open_disk", CountingDisk)  # a real fsync shows nothing here
    store = Store.create(tmp_path / "store", IDENTITY)
    for number in (1, 2):
        store.stage(tmp_path / str(number), accept=accept_any)
        store.activate(releases[number - 1], accept=accept_any)
        store.confirm(releases[number - 1])
    return store


def damage(store, sha256):
    path = store.folder / "releases" / sha256 / "model/model.onnx"
    path.chmod(0o644)
    path.write_bytes(b"\x00" + path.read_bytes()[1:])


def test_a_status_hashes_once_for_each_state(store, releases, monkeypatch):
    """Asked a thousand times it costs no disk; after a change of state the files are looked at again."""
    hashed = []
    monkeypatch.setattr(
        "hilrig.node.service.source.node_status", lambda folder: hashed.append(1) or node_status(folder)
    )
    source = StoreSource(store, accept=accept_any)
    for _ in range(1000):
        assert source.status()["active"]["release_sha256"] == releases[1]
    assert len(hashed) == 1
    store.rollback("slow")
    assert source.status()["active"]["release_sha256"] == releases[0]
    assert "slow" in source.status()["reason"]
    assert len(hashed) == 2


def test_a_changed_file_is_found_by_a_person_and_at_the_next_start(store, releases):
    """The service's status is not asked for damage: `hilrig node status` is, and every start."""
    source = StoreSource(store, accept=accept_any)
    before = source.status()
    damage(store, releases[1])
    assert source.status() == before
    assert "damaged" in node_status(store.folder)["reason"]
    booted = source.boot()
    assert (booted.sha256, "damaged" in booted.reason) == (releases[0], True)
    assert source.status()["active"]["release_sha256"] == releases[0]  # the start changed the state


def test_a_store_that_is_not_ready_is_looked_at_each_time(store, releases):
    """Whoever mends it need not change its state: the next question finds it whole."""
    states = [store.folder / "state" / name for name in ("active.json", "active.json.1")]
    kept = [path.read_bytes() for path in states]
    source = StoreSource(store, accept=accept_any)
    for path in states:
        path.write_bytes(b"{")
    assert (source.status()["ready"], source.status()["error_code"]) == (False, "HR-102")
    for path, data in zip(states, kept, strict=True):
        path.write_bytes(data)
    assert source.status()["ready"]
    for sha256 in releases:
        damage(store, sha256)
    store.follow(9)
    assert source.status()["error_code"] == "HR-101"
    path = store.folder / "releases" / releases[0] / "model/model.onnx"
    path.write_bytes(b"graph 1 " * (len(path.read_bytes()) // 8))
    assert source.status()["ready"]


def test_what_failed_in_the_shadow_is_not_loaded_but_the_way_back_is(store, releases):
    """A previous release that failed in a shadow still serves when it is rolled back to."""
    source = StoreSource(store, accept=accept_any)
    store.bar(releases[0], desired_sequence=5, reason="in the shadow")
    with pytest.raises(StoreFault, match="HR-105"):
        source.open_release(releases[0])
    store.rollback("slow")
    assert source.open_release(releases[0]).sha256 == releases[0]
    with pytest.raises(StoreFault, match="HR-105"):
        source.open_release(releases[1])
