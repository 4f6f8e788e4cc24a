"""The store's file calls, and their record."""

import base64
import json

import pytest

from hilrig.node.disk import Disk, ReadOnlyDisk, open_disk
from hilrig.node.disk_trace import DiskTrace


@pytest.fixture
def disk(tmp_path):
    (tmp_path / "store" / "tmp").mkdir(parents=True)
    return Disk(tmp_path / "store", trace=DiskTrace(tmp_path / "trace"))


def calls(tmp_path):
    return [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]


def test_every_call_is_in_the_record(disk, tmp_path):
    """The record has each call with what the power-loss test needs to do it again."""
    disk.mkdir("a")
    with disk.create("a/x") as file:
        disk.write(file, b"one")
        disk.write(file, b"two")
        disk.truncate(file, 4)
        disk.chmod(file, 0o444)
        disk.fsync(file)
    disk.rename("a/x", "a/y")
    disk.link("a/y", "a/z")
    disk.unlink("a/y")
    disk.fsync_folder("a")
    disk.remove_tree("a")
    assert calls(tmp_path) == [
        {"op": "mkdir", "path": "a"},
        {"op": "create", "path": "a/x"},
        {"op": "write", "path": "a/x", "offset": 0, "data": base64.b64encode(b"one").decode()},
        {"op": "write", "path": "a/x", "offset": 3, "data": base64.b64encode(b"two").decode()},
        {"op": "truncate", "path": "a/x", "size": 4},
        {"op": "chmod", "path": "a/x", "mode": 0o444},
        {"op": "fsync", "path": "a/x"},
        {"op": "rename", "from": "a/x", "to": "a/y"},
        {"op": "link", "from": "a/y", "to": "a/z"},
        {"op": "unlink", "path": "a/y"},
        {"op": "fsync_folder", "path": "a"},
        {"op": "unlink", "path": "a/z"},
        {"op": "rmdir", "path": "a"},
    ]


def test_what_failed_is_not_in_the_record(disk, tmp_path):
    """A call that changed nothing is not told as if it had."""
    disk.mkdir("a")
    with pytest.raises(FileExistsError):
        disk.mkdir("a")
    with pytest.raises(FileNotFoundError):
        disk.unlink("a/x")
    assert [call["op"] for call in calls(tmp_path)] == ["mkdir"]


def test_a_file_is_appended_to_at_its_end(disk, tmp_path):
    """The record gives the offset of appended bytes."""
    disk.write_file("log", b"12")
    with disk.append("log") as file:
        disk.write(file, b"34")
    assert (disk.folder / "log").read_bytes() == b"1234"
    assert calls(tmp_path)[-1]["offset"] == 2


def test_a_new_file_is_never_one_that_is_there(disk):
    """Neither a file nor a link that somebody put there is written to."""
    target = disk.folder.parent / "target"
    (disk.folder / "x").symlink_to(target)
    with pytest.raises(FileExistsError), disk.create("x"):
        pass
    with pytest.raises(OSError, match="symbolic"), disk.append("x"):
        pass
    assert not target.exists()


def test_removing_a_tree_follows_no_link(disk):
    """A link in a folder that is removed goes; what it points to stays."""
    outside = disk.folder.parent / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"1")
    (disk.folder / "tmp" / "a").mkdir()
    (disk.folder / "tmp" / "a" / "link").symlink_to(outside)
    (disk.folder / "tmp" / "b").symlink_to(outside)
    disk.remove_tree("tmp/a")
    disk.remove_tree("tmp/b")
    assert (outside / "precious").exists()
    assert disk.names("tmp") == ()


def test_a_replaced_file_is_durable_before_it_has_its_name(disk, tmp_path):
    """The order that makes a replacement safe: write, fsync, rename, fsync of the folder."""
    disk.replace_file("a", b"1")
    assert [call["op"] for call in calls(tmp_path)] == ["create", "write", "fsync", "rename", "fsync_folder"]
    assert calls(tmp_path)[-1]["path"] == "."


def test_a_read_only_disk_changes_nothing(disk, tmp_path):
    """Looking at a store leaves every byte and name as it was."""
    disk.write_file("a", b"1")
    before = sorted(disk.folder.iterdir())
    looking = ReadOnlyDisk(disk.folder)
    looking.write_file("b", b"2")
    looking.replace_file("a", b"2")
    with looking.append("a") as file:
        looking.write(file, b"2")
        looking.truncate(file, 0)
    looking.mkdir("c")
    looking.rename("a", "z")
    looking.link("a", "y")
    looking.unlink("a")
    looking.rmdir("tmp")
    looking.fsync_folder("nowhere")
    assert sorted(disk.folder.iterdir()) == before
    assert (disk.folder / "a").read_bytes() == b"1"


def test_the_environment_asks_for_the_record(tmp_path, monkeypatch):
    """HILRIG_DISK_TRACE names the file; without it no record is kept."""
    open_disk(tmp_path).mkdir("a")
    monkeypatch.setenv("HILRIG_DISK_TRACE", str(tmp_path / "trace"))
    open_disk(tmp_path).mkdir("b")
    assert calls(tmp_path) == [{"op": "mkdir", "path": "b"}]
