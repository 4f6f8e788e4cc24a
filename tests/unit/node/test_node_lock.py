"""One process at a time changes a store."""

import json
import subprocess
import sys
import threading
import time

import pytest

from failing_disks import CountingDisk
from hilrig.core.exits import ExitCode
from hilrig.node.disk import Disk, ReadOnlyDisk
from hilrig.node.lock import store_lock
from hilrig.node.store import Store
from hilrig.node.store_fault import StoreBusyError
from node_releases import IDENTITY, accept_any, write_numbered

HOLDER = """
import sys
from pathlib import Path
from hilrig.node.disk import Disk
from hilrig.node.lock import store_lock
with store_lock(Disk(Path(sys.argv[1])), doing="stage"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr("hilrig.node.disk.open_disk", CountingDisk)  # a real fsync shows nothing here
    return Store.create(tmp_path / "store", IDENTITY)


def test_the_second_is_told_who_has_it(store):
    """Another process that is changing the store is named, with what it does and since when."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(store.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        with pytest.raises(StoreBusyError, match=rf"process {holder.pid} \(stage, since") as caught:
            store.collect()
        holder.kill()
    assert caught.value.exit_code == ExitCode.RIG_BUSY
    assert store.collect().releases == ()  # a killed holder leaves no lock behind


def test_a_start_waits_for_a_change(store, tmp_path):
    """A service that starts while a release is staged waits for that, instead of failing."""
    sha256 = write_numbered(tmp_path / "r", 1)
    store.stage(tmp_path / "r", accept=accept_any)
    store.activate(sha256, accept=accept_any)
    lock = store_lock(Disk(store.folder), doing="stage")
    lock.__enter__()
    booted = []
    waiting = threading.Thread(target=lambda: booted.append(Store(store.folder).boot()))
    waiting.start()
    time.sleep(0.05)  # long enough that it has met the lock
    assert booted == []
    lock.__exit__(None, None, None)
    waiting.join(timeout=60)
    assert booted[0].sha256 == sha256


def test_a_start_with_nothing_to_decide_needs_no_lock(store, tmp_path):
    """A confirmed release serves at once, whatever else is done to the store."""
    sha256 = write_numbered(tmp_path / "r", 1)
    store.stage(tmp_path / "r", accept=accept_any)
    store.activate(sha256, accept=accept_any)
    store.confirm(sha256)
    with store_lock(Disk(store.folder), doing="stage"):
        assert Store(store.folder).boot().sha256 == sha256


def test_looking_needs_no_lock(store):
    """A disk on which nothing changes is not locked."""
    with store_lock(Disk(store.folder), doing="stage"), store_lock(ReadOnlyDisk(store.folder), doing="look"):
        pass


def test_what_the_lock_says_goes_with_it(store):
    """After a change the lock file is empty again, so the store's folder is as its record of file calls says."""
    with store_lock(Disk(store.folder), doing="stage"):
        assert json.loads((store.folder / "lock").read_bytes())["doing"] == "stage"
    assert (store.folder / "lock").read_bytes() == b""


def test_a_lock_file_of_garbage_is_no_hindrance(store):
    """What the file says is for people; the kernel holds the lock."""
    (store.folder / "lock").write_bytes(b"\xff[not json")
    with store_lock(Disk(store.folder), doing="stage"):
        (store.folder / "lock").write_bytes(b"\xff")
        with pytest.raises(StoreBusyError, match="another process"):
            store.collect()
