"""What runs after a start."""

import errno
import os

import pytest

from failing_disks import CountingDisk, refuse
from hilrig.core.canonical import sha256_hex
from hilrig.node.store import Store
from hilrig.node.store_fault import StoreFault
from node_releases import IDENTITY, accept_any, write_numbered


@pytest.fixture
def releases(tmp_path):
    return [write_numbered(tmp_path / str(number), number) for number in (1, 2)]


@pytest.fixture
def store(tmp_path, monkeypatch, releases):
    """Return a store with release 1 confirmed and release 2 staged."""
    monkeypatch.setattr("hilrig.node.disk.open_disk", CountingDisk)  # a real fsync shows nothing here
    store = Store.create(tmp_path / "store", IDENTITY)
    for number in (1, 2):
        store.stage(tmp_path / str(number), accept=accept_any)
    store.activate(releases[0], accept=accept_any)
    store.confirm(releases[0])
    return store


def damage(store, sha256, path="model/model.onnx"):
    file = store.folder / "releases" / sha256 / path
    file.chmod(0o644)
    data = file.read_bytes()
    file.write_bytes(bytes([data[0] ^ 1]) + data[1:])


def both(store, releases):
    """Confirm release 2: release 1 is the way back."""
    store.activate(releases[1], accept=accept_any)
    store.confirm(releases[1])


def test_a_confirmed_release_costs_no_try(store, releases):
    """However often the node starts, a confirmed release serves and nothing is written down."""
    before = store.state()
    for _ in range(5):
        booted = store.boot()
        assert (booted.sha256, booted.is_candidate) == (releases[0], False)
    assert store.state() == before


def test_a_candidate_runs_as_often_as_it_has_tries(store, releases):
    """Unconfirmed after its tries it is rolled back, barred, and the release before runs again."""
    store.activate(releases[1], accept=accept_any, tries=2)
    found = [(booted.sha256, booted.tries_left) for booted in (store.boot(), store.boot(), store.boot())]
    assert found == [(releases[1], 1), (releases[1], 0), (releases[0], 0)]
    assert "HR-104" in store.state().reason
    assert releases[1] in store.state().barred


def test_a_try_is_written_down_before_the_candidate_runs(store, releases):
    """A candidate that kills the machine at once has still spent its try."""
    store.activate(releases[1], accept=accept_any, tries=3)
    reached = []
    Store(store.folder, tell=lambda point, fields: reached.append((point, store.state().tries_left))).boot()
    assert ("boot.try", 2) in reached


@pytest.mark.parametrize("path", ["model/model.onnx", "model/weights/shared.bin", "release.json"])
def test_a_damaged_release_falls_back(store, releases, path):
    """Every file counts, weights beside the graph included: damage is put aside, and the release before serves."""
    both(store, releases)
    if path == "model/weights/shared.bin":  # both releases link one file: give the way back its own
        own = store.folder / "releases" / releases[0] / path
        data = own.read_bytes()
        own.unlink()
        own.write_bytes(data)
    damage(store, releases[1], path)
    booted = store.boot()
    assert booted.sha256 == releases[0]
    assert "HR-101" in booted.reason
    assert not (store.folder / "releases" / releases[1]).exists()
    assert any(releases[1] in path.name for path in (store.folder / "quarantine").iterdir())
    assert store.boot().sha256 == releases[0]
    assert "HR-101" in store.state().reason  # why it is not the other one is still known


def test_damage_in_both_releases_makes_the_node_not_ready(store, releases):
    """Nothing that is damaged ever runs."""
    both(store, releases)
    damage(store, releases[0])
    damage(store, releases[1])
    for _ in range(2):
        with pytest.raises(StoreFault, match="nothing in .* is safe to run"):
            store.boot()


def test_a_damaged_candidate_is_dropped_and_not_barred(store, releases, tmp_path):
    """The release may be fine: the same one may be staged and tried again."""
    store.activate(releases[1], accept=accept_any)
    damage(store, releases[1])
    assert store.boot().sha256 == releases[0]
    store.stage(tmp_path / "2", accept=accept_any)
    store.activate(releases[1], accept=accept_any)
    assert store.boot().sha256 == releases[1]


@pytest.mark.parametrize("how", ["missing_file", "missing_release", "unlisted_file", "truncated", "link"])
def test_a_release_that_is_not_whole_never_runs(store, releases, how):
    """Missing, short, foreign and linked files are damage."""
    both(store, releases)
    folder = store.folder / "releases" / releases[1]
    graph = folder / "model" / "model.onnx"
    if how == "missing_file":
        graph.unlink()
    elif how == "missing_release":
        folder.rename(store.folder / "elsewhere")
    elif how == "unlisted_file":
        (folder / "model" / "weights" / "more.bin").write_bytes(b"1")
    elif how == "truncated":
        graph.chmod(0o600)  # only root writes to it as it is
        os.truncate(graph, 10)
    else:
        data = graph.read_bytes()
        graph.unlink()
        (store.folder / "elsewhere").write_bytes(data)
        graph.symlink_to(store.folder / "elsewhere")
    assert store.boot().sha256 == releases[0]


def test_a_new_store_runs_nothing(tmp_path):
    """Nothing was confirmed yet: that is no damage, and the next step is named."""
    store = Store.create(tmp_path / "new", IDENTITY)
    with pytest.raises(StoreFault, match="HR-201") as caught:
        store.boot()
    assert "hilrig node stage" in caught.value.hint


def test_an_unreadable_state_is_mended_at_the_start(store, releases):
    """The state before serves; after that both files are readable again."""
    both(store, releases)
    (store.folder / "state" / "active.json").write_bytes(b"garbage")
    assert store.boot().sha256 == releases[0]
    assert store.state().current == releases[0]
    (store.folder / "state" / "active.json").unlink()
    assert store.boot().sha256 == releases[0]


def test_a_candidate_is_not_run_when_its_try_cannot_be_written_down(store, releases):
    """On a disk that refuses, the proven release serves: else a bad candidate had tries without end."""
    store.activate(releases[1], accept=accept_any)
    disk = CountingDisk(store.folder, op="fsync", stop_at=1, stop=refuse(errno.EROFS))
    booted = Store(store.folder, disk=disk).boot()
    assert booted.sha256 == releases[0]
    assert not booted.is_candidate
    assert "refuses" in booted.reason
    assert store.state().tries_left == 3


def test_a_damaged_release_falls_back_on_a_disk_that_refuses(store, releases):
    """A disk that went read-only does not keep the last known good release from serving."""
    both(store, releases)
    damage(store, releases[1])

    class ReadOnlyNow(CountingDisk):
        def _count(self, op):
            raise OSError(errno.EROFS, "read-only")

    assert Store(store.folder, disk=ReadOnlyNow(store.folder)).boot().sha256 == releases[0]


def test_a_blob_that_is_damaged_is_put_aside_with_its_release(store, releases):
    """The damaged bytes stay for people to look at, under their name."""
    both(store, releases)
    damage(store, releases[1])
    store.boot()
    graph = sha256_hex(b"graph 2 " * 250)
    assert (store.folder / "quarantine" / f"{graph}.damaged").exists()
    assert not (store.folder / "blobs" / "sha256" / graph).exists()
