"""Bringing releases in."""

import os
import stat

import pytest

from failing_disks import CountingDisk
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import NoDecisionError, TrustError
from hilrig.node.store import Store
from hilrig.node.store_fault import StoreFault
from node_releases import IDENTITY, SMALL, accept_any, write_numbered, write_release

GRAPH = SMALL["model.onnx"]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr("hilrig.node.disk.open_disk", CountingDisk)  # a real fsync shows nothing here
    return Store.create(tmp_path / "store", IDENTITY)


@pytest.fixture
def source(tmp_path):
    write_release(tmp_path / "r")
    return tmp_path / "r"


def names(store):
    """Return every path of the store but those that come and go with each change."""
    return sorted(str(path.relative_to(store.folder)) for path in store.folder.rglob("*"))


def test_a_staged_release_is_there_to_the_byte(store, source):
    """Its files are below model/, read-only, and one with the blobs."""
    sha256 = store.stage(source, accept=accept_any)
    release = store.open_release(sha256)
    for path, data in SMALL.items():
        at = release.model_folder / path
        assert at.read_bytes() == data
        assert stat.S_IMODE(at.stat().st_mode) == 0o444
        assert at.stat().st_ino == (store.folder / "blobs" / "sha256" / sha256_hex(data)).stat().st_ino
    assert release.decision == b"decision"
    assert os.listdir(store.folder / "tmp") == []  # noqa: PTH208 - names, not paths


def test_what_is_not_accepted_leaves_no_trace(store, source):
    """The gate's decision is asked before a byte is written."""
    before = names(store)

    def refuse(release):
        raise NoDecisionError(f"not {release.manifest.name}")

    with pytest.raises(NoDecisionError, match="not weld"):
        store.stage(source, accept=refuse)
    assert names(store) == before


@pytest.mark.parametrize("wrong", ["longer", "shorter", "last_byte", "gone", "link", "fifo", "folder"])
def test_a_file_that_is_not_the_manifests_is_refused(store, source, tmp_path, wrong):
    """Size, digest and kind of each file are held against the manifest; nothing of the release stays visible."""
    path = source / "files" / sha256_hex(GRAPH)
    path.unlink()
    if wrong == "longer":
        path.write_bytes(GRAPH + b"x")
    elif wrong == "shorter":
        path.write_bytes(GRAPH[:-1])
    elif wrong == "last_byte":
        path.write_bytes(GRAPH[:-1] + b"x")
    elif wrong == "link":
        (tmp_path / "elsewhere").write_bytes(GRAPH)
        path.symlink_to(tmp_path / "elsewhere")
    elif wrong == "fifo":
        os.mkfifo(path)
    elif wrong == "folder":
        path.mkdir()
    with pytest.raises(TrustError, match="model.onnx"):
        store.stage(source, accept=accept_any)
    assert not any(name.startswith(("releases/", "tmp/")) for name in names(store))
    assert f"blobs/sha256/{sha256_hex(GRAPH)}" not in names(store)


def test_an_endless_file_is_not_read_beyond_its_size(store, source):
    """Not one byte more than the manifest says is kept of a file, however long it is."""
    path = source / "files" / sha256_hex(GRAPH)
    with path.open("r+b") as file:
        file.truncate(1 << 40)  # sparse: it takes no room
    with pytest.raises(TrustError, match=f"longer than {len(GRAPH)} bytes"):
        store.stage(source, accept=accept_any)


def test_a_release_without_room_is_refused_before_a_byte_is_written(source, tmp_path):
    """The reserve of the disk is kept: staging never fills it."""
    store = Store.create(tmp_path / "full", type(IDENTITY)(node_id="n", device_class="c", reserve_mib=1 << 40))
    before = names(store)
    with pytest.raises(StoreFault, match=r"HR-103.* MiB stay free") as caught:
        store.stage(source, accept=accept_any)
    assert names(store) == before
    assert "hilrig node collect" in caught.value.hint


def test_staging_again_changes_nothing(store, source):
    """A release that is there is hashed again and left as it is."""
    sha256 = store.stage(source, accept=accept_any)
    before = {name: (store.folder / name).stat().st_ino for name in names(store)}
    assert store.stage(source, accept=accept_any) == sha256
    assert {name: (store.folder / name).stat().st_ino for name in names(store)} == before


def test_staging_again_mends_a_damaged_release(store, source):
    """What is damaged is put aside, and comes anew from the source."""
    sha256 = store.stage(source, accept=accept_any)
    damage(store.folder / "releases" / sha256 / "model" / "model.onnx")
    store.stage(source, accept=accept_any)
    assert store.open_release(sha256).sha256 == sha256
    assert any("quarantine/" + sha256_hex(GRAPH) in name for name in names(store))


def test_a_damaged_blob_is_not_linked_into_another_release(store, tmp_path):
    """A file that a second release shares is hashed before it is used again."""
    write_numbered(tmp_path / "1", 1)
    write_numbered(tmp_path / "2", 2)
    store.stage(tmp_path / "1", accept=accept_any)
    damage(store.folder / "blobs" / "sha256" / sha256_hex(b"shared" * 50))
    second = store.stage(tmp_path / "2", accept=accept_any)
    assert store.open_release(second).sha256 == second


def test_a_later_decision_replaces_the_one_that_is_there(store, source):
    """A release that is staged again with another decision keeps the new one."""
    sha256 = store.stage(source, accept=accept_any)
    (source / "gate.dsse.json").write_bytes(b"later")
    store.stage(source, accept=accept_any)
    assert store.open_release(sha256).decision == b"later"


def test_only_what_is_missing_has_to_be_fetched(store, tmp_path):
    """A release whose shared file the store has comes without it."""
    write_numbered(tmp_path / "1", 1)
    sha256 = write_numbered(tmp_path / "2", 2)
    store.stage(tmp_path / "1", accept=accept_any)
    shared = sha256_hex(b"shared" * 50)
    (tmp_path / "2" / "files" / shared).unlink()
    assert store.stage(tmp_path / "2", accept=accept_any) == sha256
    assert store.open_release(sha256).sha256 == sha256


def test_what_earlier_changes_left_is_removed(store, source):
    """Half files and folders in tmp/ go with the next change, a link among them unfollowed."""
    (store.folder / "tmp" / "half.release" / "model").mkdir(parents=True)
    (store.folder / "tmp" / "half.release" / "model" / "x").write_bytes(b"1")
    (store.folder / "tmp" / "link").symlink_to(source)
    store.stage(source, accept=accept_any)
    assert not any(name.startswith("tmp/") for name in names(store))
    assert (source / "release.json").exists()


def damage(path):
    path.chmod(0o644)
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
