"""Any verbs in any order, the power cut at any file call: what runs is always whole, and one that may run."""

import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failing_disks import CountingDisk, PowerCut
from hilrig.core.errors import HilrigError
from hilrig.node.ask import ask
from hilrig.node.store import Store
from node_releases import IDENTITY, accept_any, write_numbered

TRIES = 100  # a cut start may spend a try more: with so many that changes nothing here
RELEASES = 3
VERBS = st.one_of(
    st.tuples(st.sampled_from(["stage", "activate", "rollback", "bar"]), st.integers(1, RELEASES)),
    st.tuples(st.sampled_from(["boot", "confirm", "collect"]), st.just(1)),
)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Return a folder with releases 1 to 3, and their digests."""
    folder = tmp_path_factory.mktemp("published")
    return folder, [write_numbered(folder / str(n), n, size_bytes=64) for n in range(1, RELEASES + 1)]


def run(store, verb, number, published):
    """Run a verb; a refusal is as good as any end."""
    folder, digests = published
    sha256 = digests[number - 1]
    steps = {
        "stage": lambda: store.stage(folder / str(number), accept=accept_any),
        "activate": lambda: store.activate(sha256, accept=accept_any, tries=TRIES, allow_barred_by=1),
        "rollback": lambda: store.rollback("slow", sha256=sha256),
        "bar": lambda: store.bar(sha256, desired_sequence=0, reason="slow"),
        "boot": store.boot,
        "confirm": lambda: store.confirm(store.state().candidate or store.state().current or "0" * 64),
        "collect": store.collect,
    }
    with suppress(HilrigError):
        steps[verb]()


def stands(folder):
    """Return what the store runs, without what a start more or less changes."""
    return replace(Store(folder).state(), seq=0, tries_left=0, reason="", change="")


# Two whole stores for each example: 20 examples of up to 6 verbs take about 2 s.
@settings(max_examples=20, deadline=None)
@given(steps=st.lists(st.tuples(VERBS, st.integers(0, 40)), min_size=1, max_size=6))
def test_a_cut_at_any_call_leaves_what_ran_or_what_is_to_run(published, steps):
    """After each cut the old or the new release runs; run again, the verb ends as if nothing had happened."""
    folder = Path(tempfile.mkdtemp(dir=published[0]))
    try:
        cut, whole = folder / "cut", folder / "whole"
        for store in (cut, whole):
            Store.create(store, IDENTITY)
        for (verb, number), stop_at in steps:
            before = ask(whole)["active"]
            run(Store(whole, disk=CountingDisk(whole)), verb, number, published)
            after = ask(whole)["active"]
            try:
                run(Store(cut, disk=CountingDisk(cut, stop_at=stop_at)), verb, number, published)
            except PowerCut:
                assert ask(cut)["active"] in {before, after}
                run(Store(cut, disk=CountingDisk(cut)), verb, number, published)
            assert ask(cut)["active"] == after
            assert stands(cut) == stands(whole)
    finally:
        shutil.rmtree(folder)


def test_the_cut_that_these_tests_make_is_one(tmp_path):
    """No call after the cut reaches the disk: a test that cannot fail would prove nothing."""
    Store.create(tmp_path / "s", IDENTITY)
    disk = CountingDisk(tmp_path / "s", stop_at=1)
    with pytest.raises(PowerCut):
        disk.mkdir("a")
    with pytest.raises(PowerCut):
        disk.mkdir("b")
    assert not (tmp_path / "s" / "a").exists()
    assert not (tmp_path / "s" / "b").exists()
