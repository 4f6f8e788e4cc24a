from dataclasses import replace
from pathlib import Path

import pytest

from gated_releases import IDENTITY, Publisher, utc
from hilrig.core.errors import (
    ExpiredError,
    NoDecisionError,
    PreconditionError,
    TrustError,
    WrongClassError,
)
from hilrig.node.disk import open_disk
from hilrig.node.release_files import read_release
from hilrig.node.seen import Seen, keep_later_decision, keep_seen
from hilrig.node.trust import gate_accept, gate_trust


@pytest.fixture(scope="module")
def publisher(tmp_path_factory) -> Publisher:
    return Publisher(tmp_path_factory.mktemp("trust"))


@pytest.fixture(scope="module")
def store(publisher) -> Path:
    return publisher.store().folder


def judged(publisher: Publisher, store: Path, sha256: str) -> None:
    gate_accept(store)(read_release(publisher.out / "releases" / sha256))


def test_what_the_gate_passed_for_this_class_is_accepted(publisher, store):
    """A signed PASSED for this class, over this release and its files, that is not over: accepted."""
    judged(publisher, store, publisher.release(1))
    judged(publisher, store, publisher.release(2, decide={"stack_sha256": IDENTITY.stack_sha256}))


REFUSED = {
    "the gate refused it": ({"passed": False}, NoDecisionError),
    "it is on another release": ({"release_sha256": "9" * 64}, NoDecisionError),
    "it is over": ({"decided_at_utc": utc(-20), "expires_at_utc": utc(-10)}, ExpiredError),
    "it is from the future": ({"decided_at_utc": utc(10)}, PreconditionError),
    "it is for another class": ({"device_class": "jetson-orin-nx-16gb"}, WrongClassError),
    "it is for another stack": ({"stack_sha256": "4" * 64}, WrongClassError),
    "it is over another model file": ({"model_files_sha256": {"model.onnx": "8" * 64}}, TrustError),
    "it is over a file more": (
        {"model_files_sha256": {"model.onnx": "8" * 64, "more.bin": "8" * 64}},
        TrustError,
    ),
    "it is over no file": ({"model_files_sha256": {}}, TrustError),
    "it is over another bundle": ({"bundle_sha256": "8" * 64}, TrustError),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_decision_that_does_not_cover_it_lets_nothing_in(what, publisher, store):
    """Each way in which a soundly signed decision is not about this release here and now has its own refusal."""
    decide, kind = REFUSED[what]
    with pytest.raises(kind) as refused:
        judged(publisher, store, publisher.release(3, decide=decide))
    assert refused.type is kind


def test_each_refusal_has_its_exit_code():
    """Scripts tell by the exit code why a release was not taken."""
    codes = [kind.exit_code for kind in (TrustError, NoDecisionError, ExpiredError, WrongClassError)]
    assert codes == [30, 31, 32, 33]


def test_a_release_for_another_class_is_refused_whatever_the_decision_says(publisher, store):
    """The manifest's own classes count too."""
    with pytest.raises(WrongClassError):
        judged(publisher, store, publisher.release(4, device_classes=("jetson-orin-nx-16gb",)))


def test_a_release_bound_to_another_stack_is_refused(publisher, store):
    """A release that was measured on other software does not run here, and the message names both."""
    with pytest.raises(WrongClassError, match="444444444444.*555555555555"):
        judged(publisher, store, publisher.release(5, stack_sha256="4" * 64))


def test_a_node_that_does_not_know_its_stack_takes_nothing_that_is_bound_to_one(publisher):
    """Unknown is not equal."""
    folder = publisher.store("unknown-stack", replace(IDENTITY, stack_sha256="")).folder
    with pytest.raises(WrongClassError, match="none written"):
        judged(publisher, folder, publisher.release(6, decide={"stack_sha256": "4" * 64}))


def test_a_foreign_key_passes_nothing(publisher, store):
    """A decision by a stranger, or by the key of desired states, is not the gate's."""
    for signer in (publisher.stranger, publisher.desired):
        with pytest.raises(TrustError, match="unknown key"):
            judged(publisher, store, publisher.release(7, signer=signer))


def test_a_store_without_a_gate_key_trusts_nobody(publisher, store):
    """No key is no permission to skip the check."""
    bare = publisher.store("bare").folder
    (bare / "keys/gate/gate.pub").unlink()
    with pytest.raises(TrustError, match="trusts nobody"):
        judged(publisher, bare, publisher.release(8))


def test_a_later_refusal_beats_a_pass(publisher):
    """Once a newer FAILED is known the old PASSED counts no more; an older FAILED changes nothing."""
    store = publisher.store("later").folder
    sha256 = publisher.release(9)
    passed = (publisher.out / "releases" / sha256 / "gate.dsse.json").read_bytes()
    manifest = publisher.manifest(sha256)
    for sequence, is_accepted in ((8, True), (10, False), (9, False)):
        path = publisher.decide(sha256, manifest, passed=False, sequence=sequence)
        keep_later_decision(open_disk(store), sha256, path.read_bytes())
        path.write_bytes(passed)
        if is_accepted:
            judged(publisher, store, sha256)
        else:
            with pytest.raises(NoDecisionError, match="refused"):
                judged(publisher, store, sha256)


def test_a_decision_replaces_only_an_older_one_on_the_same_release(publisher, store):
    """Another release's decision, or an older one, is not taken for news."""
    sha256 = publisher.release(11)
    path = publisher.out / "releases" / sha256 / "gate.dsse.json"
    known, manifest = path.read_bytes(), publisher.manifest(sha256)
    trust = gate_trust(store)
    assert (
        trust.replaces(publisher.decide(sha256, manifest, sequence=10, passed=False).read_bytes(), [known]) is None
    )
    newer = publisher.decide(sha256, manifest, sequence=12, passed=False).read_bytes()
    found = trust.replaces(newer, [known])
    assert found is not None
    assert not found.passed
    other = publisher.decide(sha256, manifest, sequence=13, release_sha256="9" * 64).read_bytes()
    assert trust.replaces(other, [known]) is None


def test_a_clock_before_what_the_node_has_seen_decides_nothing(publisher):
    """A node whose clock was lost says so instead of taking an old decision for valid."""
    store = publisher.store("lost-clock").folder
    ahead_ns = 4_000_000_000 * 1_000_000_000  # in 2096: every clock of today is before it
    keep_seen(open_disk(store), Seen().signed_at(ahead_ns))
    with pytest.raises(PreconditionError, match="clock is not set"):
        judged(publisher, store, publisher.release(14))
