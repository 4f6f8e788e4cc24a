"""hilrig.app.trust.making: a root is made, changed, and signed by more than one person."""

import pytest

from hilrig.app.trust.look import look_at
from hilrig.app.trust.making import RootChange, next_root, sign_waiting, waiting_path
from hilrig.app.trust.trust import load_trust, version_path
from hilrig.attest.trust_root import verify_root
from hilrig.core.errors import HilrigError, TrustError, UsageError
from hilrig.core.exits import ExitCode
from hilrig.core.trust import Role
from trust_roots import DAY_NS, NOW_NS, Roots


@pytest.fixture
def roots(tmp_path) -> Roots:
    return Roots(tmp_path)


def test_one_root_key_makes_a_root_that_counts(roots):
    """With one root key the threshold is one, and the file is in its place at once."""
    made = roots.first(roots.new(Role.RIG, "rig"))
    assert made.counts
    assert made.path == roots.path
    assert verify_root(roots.path.read_bytes(), previous=None).roles["root"].threshold == 1
    assert not waiting_path(roots.path).exists()


def test_a_root_of_two_waits_for_the_second_person(roots):
    """Until the second has signed there is no trust root; afterwards nothing waits any more."""
    made = roots.first(roots=("root", "root2"), by=("root",))
    assert not made.counts
    assert made.path == waiting_path(roots.path)
    assert not roots.path.exists()
    done = sign_waiting(roots.path, [roots.signer("root2").signer])
    assert done.counts
    assert done.found.signed_by == roots.fingerprints("root", "root2")
    assert roots.path.exists()
    assert not made.path.exists()


def test_while_the_next_root_waits_the_old_one_counts(roots):
    """A rotation that lacks a signature changes nothing; with it the new root counts and the old one is kept."""
    roots.first(roots=("root", "root2"))
    before = roots.path.read_bytes()
    assert not roots.rotate(roots.new(Role.RIG, "rig"), by=("root2",)).counts
    assert roots.path.read_bytes() == before
    assert sign_waiting(roots.path, [roots.signer("root").signer]).counts
    assert version_path(roots.path, 1).read_bytes() == before
    assert load_trust(roots.path, now_ns=NOW_NS + 2 * DAY_NS, floor=roots.floor).root.version == 2


def test_two_rotations_at_once_are_refused(roots):
    """The second would be signed by people who saw the first."""
    roots.first(roots=("root", "root2"))
    roots.rotate(by=("root",))
    with pytest.raises(UsageError, match="still waits for signatures"):
        roots.rotate(by=("root2",))


def test_a_first_root_never_replaces_one(roots):
    """`init` on a root that is there, or that waits, is a mistake."""
    roots.first(roots=("root", "root2"), by=("root",))
    with pytest.raises(UsageError, match="trust.next.json exists"):
        roots.first()
    sign_waiting(roots.path, [roots.signer("root2").signer])
    with pytest.raises(UsageError, match="trust.json exists"):
        roots.first()


def test_nothing_waits_nothing_is_signed(roots):
    """`sign` without a waiting root says what to do."""
    roots.first()
    with pytest.raises(UsageError, match="no root waits"):
        sign_waiting(roots.path, [roots.signer("root").signer])


@pytest.mark.parametrize("name", ["rig", "stranger"])
def test_who_is_no_root_key_cannot_sign(roots, name):
    """A rig's key and a stranger's are refused before anything is written."""
    roots.first(roots.new(Role.RIG, "rig"), roots=("root", "root2"), by=("root",))
    before = waiting_path(roots.path).read_bytes()
    with pytest.raises(TrustError, match="is no root key"):
        sign_waiting(roots.path, [roots.signer(name).signer])
    assert waiting_path(roots.path).read_bytes() == before


def test_nobody_signs_twice(roots):
    """The same person twice is one person."""
    roots.first(roots=("root", "root2"), by=("root",))
    with pytest.raises(UsageError, match="signed it already"):
        sign_waiting(roots.path, [roots.signer("root").signer])


def test_keys_are_added_renewed_removed_and_revoked(roots):
    """A known key gets new classes and a new end, a removed one is gone, a revoked one is marked."""
    roots.first(
        roots.new(Role.RIG, "rig", "x86-cpu"),
        roots.new(Role.RIG, "lost"),
        roots.new(Role.GATE, "old"),
        key_days=10,
    )
    roots.rotate(
        roots.new(Role.RIG, "rig", "x86-cpu", "x86-rtx4000"),
        roots.new(Role.GATE, "gate"),
        remove=roots.fingerprints("old"),
        revoke=roots.fingerprints("lost"),
        key_days=100,
    )
    root = verify_root(roots.path.read_bytes(), previous=None)
    rig, lost = (root.keys[roots.key(name).fingerprint] for name in ("rig", "lost"))
    assert rig.device_classes == ("x86-cpu", "x86-rtx4000")
    assert (rig.not_before_utc, rig.not_after_utc) == ("2026-11-21T06:00:00Z", "2027-03-02T06:00:00Z")
    assert lost.revoked_at_utc == "2026-11-22T06:00:00Z"
    assert set(root.roles["gate"].keys) == roots.fingerprints("gate")
    assert roots.key("old").fingerprint not in root.keys


def test_a_revoked_key_never_comes_back(roots):
    """Not even by naming it again; its revocation stays as it was."""
    roots.first(roots.new(Role.RIG, "rig"))
    roots.rotate(revoke=roots.fingerprints("rig"))
    with pytest.raises(UsageError, match="never comes back"):
        roots.rotate(roots.new(Role.RIG, "rig"), now_ns=NOW_NS + 2 * DAY_NS)
    roots.rotate(revoke=roots.fingerprints("rig"), now_ns=NOW_NS + 3 * DAY_NS)
    root = verify_root(roots.path.read_bytes(), previous=None)
    assert root.keys[roots.key("rig").fingerprint].revoked_at_utc == "2026-11-22T06:00:00Z"


def test_a_key_has_one_role(roots):
    """The rig's key as the gate's: who measures never decides."""
    with pytest.raises(UsageError, match="is a rig key; it cannot be a gate key too"):
        roots.first(roots.new(Role.RIG, "rig"), roots.new(Role.GATE, "rig"))


def test_a_key_that_is_not_there_is_not_removed(roots):
    """A fingerprint with a letter wrong would else leave a stolen key in place without a word."""
    roots.first(roots.new(Role.RIG, "rig"))
    for change in ({"remove": roots.fingerprints("other")}, {"revoke": roots.fingerprints("other")}):
        with pytest.raises(UsageError, match="is not in the trust root"):
            roots.rotate(**change)


@pytest.mark.parametrize("change", [{"threshold": 2}, {"threshold": 0}, {"revoke": "root"}, {"remove": "root"}])
def test_a_root_that_nobody_could_follow_is_not_made(roots, change):
    """A threshold out of reach, the last root key revoked or removed: refused before anybody signs."""
    roots.first()
    before = roots.path.read_bytes()
    named = {what: roots.fingerprints(word) if isinstance(word, str) else word for what, word in change.items()}
    with pytest.raises(HilrigError, match=r"threshold|expected 1 to|role 'root'"):
        next_root(
            roots.path,
            RootChange(expires_days=365.0, key_days=10.0, **named),
            [roots.signer("root").signer],
            now_ns=NOW_NS + DAY_NS,
        )
    assert roots.path.read_bytes() == before
    assert not waiting_path(roots.path).exists()


def test_an_old_root_is_not_rotated(roots):
    """A second version 2 beside the one that others have: refused where version 2 was seen."""
    roots.first()
    old = roots.path.read_bytes()
    roots.rotate()
    load_trust(roots.path, now_ns=NOW_NS + 2 * DAY_NS, floor=roots.floor)
    roots.path.write_bytes(old)
    with pytest.raises(TrustError, match="a newer root was seen here, version 2"):
        roots.rotate(now_ns=NOW_NS + 3 * DAY_NS)


def test_a_root_that_is_over_can_still_be_followed(roots):
    """Whoever forgot to renew it in time signs the next one all the same; until then nobody trusts anything."""
    roots.first(expires_days=10.0)
    roots.rotate(now_ns=NOW_NS + 20 * DAY_NS)
    assert load_trust(roots.path, now_ns=NOW_NS + 21 * DAY_NS, floor=roots.floor).root.version == 2


def test_a_look_says_what_its_use_would_come_to(roots):
    """Waiting: 30. Whole: 0. Over: 32. Older than what was seen here: 30."""
    roots.first(roots=("root", "root2"), by=("root",))

    def look(**changes):
        return look_at(roots.path, **{"waiting": False, "now_ns": NOW_NS, "floor": roots.floor, **changes})

    assert look(waiting=True).exit_code == ExitCode.TRUST
    assert "1 of its own root keys that count; expected 2" in look(waiting=True).sentences[0]
    sign_waiting(roots.path, [roots.signer("root2").signer])
    with pytest.raises(UsageError, match="no root waits"):
        look(waiting=True)
    assert look().exit_code == ExitCode.OK
    assert look(now_ns=NOW_NS + 366 * DAY_NS).exit_code == ExitCode.EXPIRED
    old = roots.path.read_bytes()
    roots.rotate(by=("root", "root2"))
    load_trust(roots.path, now_ns=NOW_NS + 2 * DAY_NS, floor=roots.floor)
    roots.path.write_bytes(old)
    assert look().exit_code == ExitCode.TRUST
    assert look().sentences == ("a newer root was seen here, version 2",)
