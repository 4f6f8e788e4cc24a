"""How it stands with a store."""

import json
import subprocess
import sys

import pytest

from failing_disks import CountingDisk
from hilrig.node.ask import ask
from hilrig.node.status import boot_id, node_status
from hilrig.node.store import Store
from node_releases import IDENTITY, accept_any, write_numbered

KEYS = {
    "node_id",
    "device_class",
    "boot_id",
    "ready",
    "error_code",
    "active",
    "previous",
    "candidate",
    "min_sequence",
    "desired_sequence",
    "reason",
}


@pytest.fixture
def releases(tmp_path):
    return [write_numbered(tmp_path / str(number), number) for number in (1, 2)]


@pytest.fixture
def store(tmp_path, monkeypatch, releases):
    """Return a store with release 1 confirmed and release 2 on trial."""
    monkeypatch.setattr("hilrig.node.disk.open_disk", CountingDisk)  # a real fsync shows nothing here
    store = Store.create(tmp_path / "store", IDENTITY)
    for number in (1, 2):
        store.stage(tmp_path / str(number), accept=accept_any)
        store.activate(releases[number - 1], accept=accept_any)
        if number == 1:
            store.confirm(releases[0])
    return store


def everything(store):
    return {path: path.read_bytes() if path.is_file() else b"" for path in sorted(store.folder.rglob("*"))}


def test_a_status_says_what_a_start_would_run(store, releases):
    """The candidate with its tries, and who the node is; looking spends no try and changes no byte."""
    before = everything(store)
    found = node_status(store.folder)
    assert found.keys() == KEYS
    assert (found["node_id"], found["boot_id"]) == ("press-7", boot_id())
    assert found["ready"]
    assert found["active"]["release_sha256"] == releases[1]
    assert found["candidate"]["tries_left"] == 3
    assert found["active"]["sequence"] == 2
    assert everything(store) == before
    json.dumps(found)


def test_a_status_of_a_store_that_is_not_safe_says_why(store, releases):
    """Not ready, the code, and the reason; never an error of its own."""
    for sha256 in releases:
        (store.folder / "releases" / sha256 / "model" / "model.onnx").unlink()
    found = node_status(store.folder)
    assert (found["ready"], found["error_code"], found["active"]) == (False, "HR-101", None)
    for name in ("active.json", "active.json.1"):
        (store.folder / "state" / name).write_bytes(b"")
    found = node_status(store.folder)
    assert (found["ready"], found["error_code"]) == (False, "HR-102")
    assert found.keys() == KEYS


def test_asking_answers_for_each_store(store, releases, tmp_path):
    """One line for each folder, in their order, whatever is wrong with it; nothing is changed."""
    before = everything(store)
    (tmp_path / "garbage").mkdir()
    (tmp_path / "garbage" / "node.json").write_bytes(b"\0")
    folders = [store.folder, tmp_path / "none", tmp_path / "garbage", "a\0b", store.folder]
    done = subprocess.run(
        [sys.executable, "-m", "hilrig.node.ask"],
        input="".join(f"{folder}\n" for folder in folders),
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["active"] for answer in answers] == [releases[1], None, None, None, releases[1]]
    assert [answer["complete"] for answer in answers] == [True, False, False, False, True]
    assert all(answer["error"] for answer in answers[1:4])
    assert everything(store) == before


def test_asking_hashes_every_time(store, releases):
    """A byte that changed since the last answer is seen."""
    assert ask(store.folder)["active"] == releases[1]
    graph = store.folder / "releases" / releases[1] / "model" / "model.onnx"
    graph.chmod(0o644)
    graph.write_bytes(graph.read_bytes()[:-1] + b"?")
    assert ask(store.folder)["active"] == releases[0]
