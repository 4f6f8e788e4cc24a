"""The verbs of the store: what each asks for, and that it comes to the same end when it is run again."""

import os
import subprocess

import pytest

from failing_disks import CountingDisk, refuse
from hilrig.core.errors import TrustError, UsageError
from hilrig.core.exits import ExitCode
from hilrig.node.ask import ask
from hilrig.node.disk import Disk
from hilrig.node.identity import NodeIdentity
from hilrig.node.store import Store
from hilrig.node.store_fault import StoreFault
from node_releases import IDENTITY, accept_any, write_numbered, write_release
from small_disks import mounted


@pytest.fixture
def fast(monkeypatch):
    """Wait for no disk: a real fsync shows nothing in these tests."""
    monkeypatch.setattr("hilrig.node.disk.open_disk", CountingDisk)


@pytest.fixture
def releases(tmp_path):
    return [write_numbered(tmp_path / str(number), number) for number in (1, 2, 3)]


@pytest.fixture
def store(tmp_path, releases, fast):
    """Return a store with release 1 confirmed, 2 and 3 staged."""
    store = Store.create(tmp_path / "store", IDENTITY)
    for number in (1, 2, 3):
        store.stage(tmp_path / str(number), accept=accept_any)
    store.activate(releases[0], accept=accept_any)
    store.confirm(releases[0])
    return store


def test_a_store_is_made_once(tmp_path):
    """The same node again is fine, another one is refused, and keys that are new are added."""
    folder = tmp_path / "store"
    Store.create(folder, IDENTITY, keys={"keys/gate/a.pub": b"1"})
    store = Store.create(folder, IDENTITY, keys={"keys/gate/a.pub": b"1", "keys/desired/b.pub": b"2"})
    assert (folder / "keys/desired/b.pub").read_bytes() == b"2"
    assert store.state().seq == 0
    with pytest.raises(UsageError, match="another node"):
        Store.create(folder, NodeIdentity(node_id="other", device_class="x86-cpu"))
    with pytest.raises(UsageError, match="another key already"):
        Store.create(folder, IDENTITY, keys={"keys/gate/a.pub": b"2"})


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    """A store is never made over somebody's files."""
    (tmp_path / "photo.jpg").write_bytes(b"1")
    with pytest.raises(UsageError, match="photo.jpg"):
        Store.create(tmp_path, IDENTITY)
    assert os.listdir(tmp_path) == ["photo.jpg"]  # noqa: PTH208 - names, not paths


def test_making_a_store_again_resets_nothing(store, releases):
    """A store whose state is unreadable is not taken for a new one."""
    (store.folder / "state" / "active.json").write_bytes(b"")
    (store.folder / "state" / "active.json.1").write_bytes(b"")
    Store.create(store.folder, IDENTITY)
    with pytest.raises(StoreFault, match="HR-102"):
        store.state()


@pytest.mark.parametrize(
    "fields",
    [{"node_id": "../x"}, {"node_id": ""}, {"device_class": "a b"}, {"stack_sha256": "1"}, {"reserve_mib": -1}],
)
def test_an_identity_that_cannot_be_meant_is_refused(tmp_path, fields):
    """Nothing is made for a node that nobody could address."""
    with pytest.raises(UsageError):
        Store.create(tmp_path / "s", NodeIdentity(**{"node_id": "n", "device_class": "c", **fields}))
    assert not (tmp_path / "s").exists()


def test_no_store_is_told(tmp_path):
    """A wrong folder is a mistake in the command, and the message says how a store is made."""
    with pytest.raises(UsageError, match="is no model store") as caught:
        Store(tmp_path)
    assert "hilrig node init" in caught.value.hint


def test_an_update_goes_its_way(store, releases):
    """On trial, confirmed, and the release before is the way back."""
    store.activate(releases[1], accept=accept_any, desired_sequence=5)
    assert store.state().current == releases[0]
    store.confirm(releases[1])
    state = store.state()
    assert (state.current, state.previous, state.desired_sequence) == (releases[1], releases[0], 5)
    assert state.min_sequence == 1


def test_verbs_that_are_run_again_change_nothing(store, releases):
    """After a cut nobody knows whether the last step was done: the same command again is right either way."""
    for _ in range(2):
        store.activate(releases[1], accept=accept_any)
        once = store.state() if _ == 0 else once  # noqa: F821 - the state after the first of both
    assert store.state() == once
    store.confirm(releases[1])
    once = store.state()
    store.confirm(releases[1])
    store.activate(releases[1], accept=accept_any)
    assert store.state() == once
    assert store.rollback("slow") == releases[1]
    once = store.state()
    assert store.rollback("slow") == ""
    assert store.rollback("slow", sha256=releases[1]) == releases[1]
    assert store.state() == once


def test_a_second_candidate_is_refused(store, releases):
    """One trial at a time, and the message says how to end it."""
    store.activate(releases[1], accept=accept_any)
    with pytest.raises(StoreFault, match="is on trial") as caught:
        store.activate(releases[2], accept=accept_any)
    assert "hilrig node rollback" in caught.value.hint


def test_only_the_release_on_trial_is_confirmed(store, releases):
    """A late word for another release confirms nothing."""
    store.activate(releases[1], accept=accept_any)
    with pytest.raises(UsageError, match="is not on trial"):
        store.confirm(releases[2])
    assert store.state().candidate == releases[1]


def test_a_damaged_candidate_is_not_confirmed(store, releases):
    """Its bytes are hashed once more before it becomes the release that is trusted."""
    store.activate(releases[1], accept=accept_any)
    graph = store.folder / "releases" / releases[1] / "model" / "model.onnx"
    graph.chmod(0o644)
    graph.write_bytes(b"x")
    with pytest.raises(StoreFault, match="HR-101"):
        store.confirm(releases[1])
    assert store.state().current == releases[0]


def test_a_rolled_back_release_is_not_taken_again(store, releases):
    """Only a desired state newer than the rollback may ask for it again."""
    store.activate(releases[1], accept=accept_any, desired_sequence=5)
    store.rollback("p95 over 30 ms")
    for asked_by in (None, 4, 5):
        with pytest.raises(StoreFault, match="HR-105.* rolled back"):
            store.activate(releases[1], accept=accept_any, allow_barred_by=asked_by)
    store.activate(releases[1], accept=accept_any, allow_barred_by=6)
    assert store.state().candidate == releases[1]


def test_a_release_below_the_minimum_is_refused(store, releases, tmp_path):
    """What is older than the way back does not come back, by staging or by activating."""
    for sha256 in releases[1:]:
        store.activate(sha256, accept=accept_any)
        store.confirm(sha256)
    with pytest.raises(StoreFault, match="HR-105.* takes 2 and up"):
        store.activate(releases[0], accept=accept_any)
    with pytest.raises(StoreFault, match="HR-105"):
        store.stage(tmp_path / "1", accept=accept_any)


def test_a_rollback_without_a_way_back_is_refused(store, releases):
    """The first release has none before it: it goes on, and the message says what to do."""
    with pytest.raises(StoreFault, match="no release before") as caught:
        store.rollback("bad")
    assert store.boot().sha256 == releases[0]
    assert "hilrig node stage" in caught.value.hint


def test_a_rollback_to_a_damaged_release_is_refused(store, releases):
    """A bad model that is whole is better than none."""
    store.activate(releases[1], accept=accept_any)
    store.confirm(releases[1])
    (store.folder / "releases" / releases[0] / "model" / "model.onnx").unlink()
    with pytest.raises(StoreFault, match="HR-101"):
        store.rollback("bad")
    assert store.boot().sha256 == releases[1]


def test_a_rollback_names_the_release_that_it_means(store, releases):
    """A late rollback of a release that no longer runs does not hit another."""
    store.activate(releases[1], accept=accept_any)
    with pytest.raises(UsageError, match="does not run"):
        store.rollback("late", sha256=releases[2])
    assert store.state().candidate == releases[1]


def test_what_is_not_accepted_is_not_activated(store, releases):
    """The gate's decision is asked again: it may be over, or replaced, since the release was staged."""

    def refuse_it(release):
        raise TrustError(f"{release.sha256[:4]} no more")

    with pytest.raises(TrustError, match="no more"):
        store.activate(releases[1], accept=refuse_it)
    assert store.state().candidate is None


@pytest.mark.parametrize("tries", [0, -1, 101])
def test_tries_that_cannot_be_meant_are_refused(store, releases, tries):
    """No candidate without a try, and none that a node boots for ever."""
    with pytest.raises(UsageError, match="tries"):
        store.activate(releases[1], accept=accept_any, tries=tries)


def test_a_person_begins_anew_after_two_unreadable_states(store, releases):
    """Whoever says which release is safe gets a state again; that release is on trial first."""
    for name in ("active.json", "active.json.1"):
        (store.folder / "state" / name).write_bytes(b"\0" * 300)
    store.activate(releases[0], accept=accept_any)
    assert store.boot().sha256 == releases[0]
    store.confirm(releases[0])
    assert store.state().current == releases[0]


def test_a_release_that_failed_without_running_is_barred(store, releases):
    """Nobody activates it, again and again the same; a newer desired state, and no older one, lifts that."""
    two = releases[1]
    for _ in range(2):
        store.bar(two, desired_sequence=8, reason="in the shadow: disagreement_pct 50")
        assert (dict(store.state().barred), store.state().desired_sequence) == ({two: 8}, 8)
    seq = store.state().seq
    store.bar(two, desired_sequence=7, reason="a late word")
    assert store.state().seq == seq
    for allowed_by in (None, 8):
        with pytest.raises(StoreFault, match="HR-105.*rolled back on this node under the desired state 8"):
            store.activate(two, accept=accept_any, allow_barred_by=allowed_by)
    with pytest.raises(StoreFault, match="HR-105"):
        store.unbar(two, allowed_by=8, reason="again")
    for _ in range(2):
        store.unbar(two, allowed_by=9, reason="mended data")
        assert store.state().barred == {}
    store.activate(two, accept=accept_any)
    assert look(store.folder) == two


def test_what_runs_is_not_barred(store, releases):
    """The current release and the one on trial are a rollback's matter; text that is no digest is nobody's."""
    store.activate(releases[1], accept=accept_any)
    before = store.state()
    for sha256, why in ((releases[0], "runs"), (releases[1], "runs"), ("weld", "no sha256"), ("", "no sha256")):
        with pytest.raises(UsageError, match=why):
            store.bar(sha256, desired_sequence=1, reason="bad")
    assert store.state() == before


def test_a_followed_desired_state_is_remembered(store):
    """The sequence only rises."""
    store.follow(5)
    store.follow(3)
    assert store.state().desired_sequence == 5


def test_releases_are_found_by_what_a_person_types(store, releases, tmp_path):
    """By their sha256 or its first characters; a name that fits several is refused with all of them."""
    assert store.find(releases[1]) == releases[1]
    assert store.find(releases[1][:8]) == releases[1]
    with pytest.raises(UsageError, match=r"3 releases fit 'weld'.*1\.0"):
        store.find("weld")
    write_release(tmp_path / "other", name="seam")
    other = store.stage(tmp_path / "other", accept=accept_any)
    assert store.find("seam") == other
    for name in ("", "nothing", "../releases"):
        with pytest.raises(UsageError, match="releases? fit"):
            store.find(name)


@pytest.mark.parametrize("verb", ["stage", "activate", "confirm", "rollback", "bar", "collect"])
def test_a_disk_that_refuses_any_call_leaves_a_store_that_runs(tmp_path, fast, verb):
    """Whichever call fails: HR-103, what ran before or after still runs, and the same command again succeeds."""
    n_calls = 0
    while True:
        n_calls += 1
        folder = tmp_path / str(n_calls)
        allowed, run = at_verb(folder, verb)
        disk = CountingDisk(folder / "store", stop_at=n_calls, stop=refuse())
        refused = None
        try:
            run(Store(folder / "store", disk=disk))
        except StoreFault as fault:
            refused = fault
        if disk.n_calls < n_calls:
            break
        assert refused is None or (refused.code, refused.exit_code) == ("HR-103", ExitCode.STORE_UNSAFE)
        assert look(folder / "store") in allowed
        run(Store(folder / "store"))
        assert look(folder / "store") == allowed[-1]
    assert n_calls > 8  # the shortest verb has ten calls


def at_verb(folder, verb):
    """Return a store right before a verb: what may run once it began, and the verb."""
    one, two = (write_numbered(folder / str(number), number, size_bytes=64) for number in (1, 2))
    store = Store.create(folder / "store", IDENTITY)
    store.stage(folder / "1", accept=accept_any)
    store.activate(one, accept=accept_any)
    store.confirm(one)
    if verb == "stage":
        return [one], lambda store: store.stage(folder / "2", accept=accept_any)
    store.stage(folder / "2", accept=accept_any)
    if verb == "collect":
        return [one], lambda store: store.collect()
    if verb == "bar":
        return [one], lambda store: store.bar(two, desired_sequence=3, reason="slow")
    if verb == "activate":
        return [one, two], lambda store: store.activate(two, accept=accept_any)
    store.activate(two, accept=accept_any)
    if verb == "confirm":
        return [two], lambda store: store.confirm(two)
    return [two, one], lambda store: store.rollback("slow")


def look(folder):
    return ask(folder)["active"]


def test_a_failed_fsync_is_never_trusted_again(tmp_path):
    """The file whose fsync failed is thrown away: a second fsync of it would say that all is well."""
    sha256 = write_numbered(tmp_path / "1", 1)
    store = Store.create(tmp_path / "store", IDENTITY)
    disk = CountingDisk(store.folder, op="fsync", stop_at=1, stop=refuse())
    with pytest.raises(StoreFault, match="HR-103"):
        Store(store.folder, disk=disk).stage(tmp_path / "1", accept=accept_any)
    assert not list((store.folder / "tmp").iterdir())
    assert not list((store.folder / "blobs" / "sha256").iterdir())
    assert store.stage(tmp_path / "1", accept=accept_any) == sha256


def test_a_full_disk_loses_nothing(tmp_path):
    """On a real disk without room the release is refused, what runs runs on, and collecting makes room."""
    with mounted(tmp_path / "disk", "size=1m") as disk:
        one, two, three = (write_numbered(tmp_path / str(n), n, size_bytes=300_000) for n in (1, 2, 3))
        store = Store.create(disk / "store", IDENTITY)
        for number, sha256 in ((1, one), (2, two)):
            store.stage(tmp_path / str(number), accept=accept_any)
            store.activate(sha256, accept=accept_any)
            store.confirm(sha256)
        (disk / "log").write_bytes(b"x" * (store._disk.free_bytes() - 8192))
        with pytest.raises(StoreFault, match="HR-103"):
            store.stage(tmp_path / "3", accept=accept_any)
        assert store.boot().sha256 == two
        (disk / "log").unlink()
        store.rollback("bad")
        assert store.collect().freed_bytes > 200_000
        assert store.stage(tmp_path / "3", accept=accept_any) == three


def test_a_disk_that_fills_up_in_mid_copy_loses_nothing(tmp_path):
    """Others write to the disk, too: room that was there at the check is gone, and ENOSPC comes from a write."""
    with mounted(tmp_path / "disk", "size=1m") as disk:
        one = write_numbered(tmp_path / "1", 1)
        write_numbered(tmp_path / "2", 2, size_bytes=500_000)
        store = Store.create(disk / "store", IDENTITY)
        store.stage(tmp_path / "1", accept=accept_any)
        store.activate(one, accept=accept_any)
        store.confirm(one)

        def fill(release):
            (disk / "log").write_bytes(b"x" * (store._disk.free_bytes() - 200_000))

        unaware = Disk(disk / "store")
        unaware.free_bytes = lambda: 1 << 30  # what the check saw, before the others wrote
        with pytest.raises(StoreFault, match=r"HR-103.*No space left"):
            Store(disk / "store", disk=unaware).stage(tmp_path / "2", accept=fill)
        assert store.boot().sha256 == one
        assert not list((disk / "store" / "tmp").iterdir())


def test_a_disk_that_went_read_only_serves_on(tmp_path):
    """After errors a kernel mounts a disk read-only: the confirmed release serves, a damaged one gives way."""
    with mounted(tmp_path / "disk", "size=1m") as disk:
        one, two = (write_numbered(tmp_path / str(n), n) for n in (1, 2))
        store = Store.create(disk / "store", IDENTITY)
        for number, sha256 in ((1, one), (2, two)):
            store.stage(tmp_path / str(number), accept=accept_any)
            store.activate(sha256, accept=accept_any)
            store.confirm(sha256)
        (store.folder / "releases" / two / "model" / "model.onnx").unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert store.boot().sha256 == one
        with pytest.raises(StoreFault, match="HR-103"):
            store.rollback("bad", sha256=two)
