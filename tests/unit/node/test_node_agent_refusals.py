"""The agent follows no desired state that it must not: a real store, real signatures and releases."""

import json
import time

import pytest

from following_nodes import current
from gated_releases import utc
from hilrig.core.errors import (
    ExpiredError,
    HilrigError,
    NoDecisionError,
    PreconditionError,
    TrustError,
    WrongClassError,
)
from hilrig.node.agent.errors import DownloadError
from hilrig.node.disk import open_disk
from hilrig.node.seen import Seen, keep_seen
from hilrig.node.trust import gate_accept


def test_the_gate_may_withdraw_what_it_passed(node):
    """A later FAILED beside the release takes it out of service, with the reason in the state."""
    before, good = current(node), node.publisher.release(22)
    node.publisher.desire(good, 22)
    node.once()
    node.publisher.decide(good, node.publisher.manifest(good), passed=False, sequence=23)
    with pytest.raises(NoDecisionError, match="withdrew"):
        node.once()
    assert node.runs(before)
    assert "withdrew" in node.store.state().reason


def test_a_release_that_the_gate_refused_later_is_not_started(node):
    """A decision of another class or an older one changes nothing; a newer refusal does, before the trial."""
    sha256 = node.publisher.release(24)
    node.store.stage(node.publisher.out / "releases" / sha256, accept=gate_accept(node.store.folder))
    node.publisher.decide(sha256, node.publisher.manifest(sha256), passed=False, sequence=99)
    node.publisher.desire(sha256, 24)
    with pytest.raises(NoDecisionError):
        node.once()
    assert node.service.calls == []


HOSTILE = {
    "another node": ({"nodes": ("cell-4",)}, WrongClassError),
    "another class": ({"device_class": "x86-rtx4000"}, WrongClassError),
    "over": ({"issued_at_utc": utc(-9), "expires_at_utc": utc(-8)}, ExpiredError),
    "from the future": ({"issued_at_utc": utc(5)}, PreconditionError),
    "a local file": ({"release_url": "file:///etc"}, TrustError),
    "out of the folder": ({"release_url": "../../etc"}, TrustError),
    "nothing there": ({"release_url": "releases/none"}, DownloadError),
    "another release": ({"release_url": "releases/{first}"}, TrustError),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_desired_state_changes_nothing(what, node):
    """Each is refused by its own kind of error; store and service stay as they were."""
    changes, kind = HOSTILE[what]
    before = current(node)
    if "release_url" in changes:
        changes = {"release_url": changes["release_url"].format(first=before)}
    node.publisher.desire(node.publisher.release(30), 30, **changes)
    with pytest.raises(kind) as refused:
        node.once()
    assert refused.type is kind
    assert node.runs(before)
    assert node.service.calls == []


def test_a_stranger_tells_a_node_nothing(node):
    """A desired state by another key, the gate's own included, or without a signature, is refused with 30."""
    sha256 = node.publisher.release(31)
    for signer in (node.publisher.stranger, node.publisher.gate):
        node.publisher.desire(sha256, 31, signer=signer)
        with pytest.raises(TrustError, match="unknown key"):
            node.once()
    path = node.publisher.desire(sha256, 31)
    unsigned = {**json.loads(path.read_bytes()), "signatures": []}
    path.write_text(json.dumps(unsigned, sort_keys=True, separators=(",", ":")))
    with pytest.raises(TrustError, match="0 signatures"):
        node.once()
    assert node.service.calls == []


def test_a_replayed_desired_state_is_refused(node):
    """An older sequence never leads a node back, nor a second one of the same sequence aside."""
    old, new = node.publisher.release(32), node.publisher.release(33)
    replayed = node.publisher.desire(old, 32).read_bytes()
    path = node.publisher.desire(new, 33)
    node.once()
    path.write_bytes(replayed)
    with pytest.raises(ExpiredError, match="has the sequence 32; this node has followed 33"):
        node.once()
    node.publisher.desire(old, 33)
    with pytest.raises(TrustError, match="same sequence"):
        node.once()
    assert node.runs(new)


def test_a_desired_state_signed_anew_is_the_same_one(node):
    """Two signatures over one statement differ in their bytes, not in what they say."""
    good = node.publisher.release(34)
    first = node.publisher.desire(good, 34).read_bytes()
    node.once()
    assert node.publisher.desire(good, 34).read_bytes() != first
    assert "runs already" in node.once()


def test_a_desired_state_that_ends_while_it_is_followed_starts_nothing_more(node, monkeypatch):
    """Expiry counts at each look, not only at the first: what could not be fetched in time is not begun later."""
    late = node.publisher.release(42)
    node.publisher.desire(late, 42)
    agent = node.agent()
    node.service.is_up = False
    node.n_waits = 3
    agent.run()
    node.service.is_up = True
    after_days_ns = time.time_ns() + 31 * 86_400 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: after_days_ns)
    node.n_waits = 5
    agent.run()
    assert node.store.state().candidate is None
    assert node.events[-1][1] == "HR-302"


def test_a_lost_record_of_what_was_seen_is_said(node):
    """A node that cannot tell what is old follows nothing: it does not begin from zero."""
    keep_seen(open_disk(node.store.folder), Seen(desired_sequence=5))
    (node.store.folder / "agent/seen.json").write_bytes(b"{")
    node.publisher.desire(node.publisher.release(38), 38)
    with pytest.raises(HilrigError, match=r"seen\.json"):
        node.once()
