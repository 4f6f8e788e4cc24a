"""hilrig.app.trust.trust: whose signature counts for what, and that nobody leads a user back to an older root."""

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hilrig.app.trust.floor import read_floor
from hilrig.app.trust.trust import TrustedKeys, load_trust, version_path
from hilrig.core.errors import ExpiredError, PreconditionError, TrustError, UnknownKeyError, WrongClassError
from hilrig.core.trust import Role
from trust_roots import DAY_NS, NOW_NS, Roots


@pytest.fixture
def roots(tmp_path) -> Roots:
    roots = Roots(tmp_path)
    roots.first(
        roots.new(Role.RIG, "rig", "x86-cpu"),
        roots.new(Role.RIG, "orin", "jetson-orin-nx-8gb", "jetson-orin-nx-16gb"),
        roots.new(Role.GATE, "gate"),
    )
    return roots


def load(roots: Roots, *, now_ns: int = NOW_NS + 60 * 10**9) -> TrustedKeys:
    return load_trust(roots.path, now_ns=now_ns, floor=roots.floor)


def require(trusted: TrustedKeys, roots: Roots, name: str, **changes):
    asked = {"role": Role.RIG, "device_class": "x86-cpu", "signed_ns": NOW_NS + DAY_NS, **changes}
    return trusted.require(roots.key(name).fingerprint, **asked)


def counts(trusted: TrustedKeys, roots: Roots, name: str, **changes) -> bool:
    try:
        require(trusted, roots, name, **changes)
    except TrustError:
        return False
    return True


def test_a_key_counts_by_role_class_and_time(roots):
    """A rig's key for its class, a gate's for any; before it was trusted and after its end none."""
    trusted = load(roots)
    assert counts(trusted, roots, "rig")
    assert counts(trusted, roots, "orin", device_class="jetson-orin-nx-8gb")
    assert not counts(trusted, roots, "orin", device_class="x86-rtx4000")
    assert counts(trusted, roots, "gate", role=Role.GATE, device_class="x86-rtx4000")
    assert not counts(trusted, roots, "rig", role=Role.APPROVER)
    assert counts(trusted, roots, "rig", signed_ns=NOW_NS)
    assert not counts(trusted, roots, "rig", signed_ns=NOW_NS - DAY_NS)
    assert not counts(trusted, roots, "rig", signed_ns=NOW_NS + 1_096 * DAY_NS)
    assert {key.fingerprint for key in trusted.keys_of(Role.RIG)} == roots.fingerprints("rig", "orin")


def test_a_class_of_its_own_name_is_not_any_class(roots):
    """A run that calls its class `*` is not signed for by a key of one class."""
    assert not counts(load(roots), roots, "rig", device_class="*")


def test_why_a_key_does_not_count_is_said(roots):
    """Another class, another role, an unknown key, too early, too late: each with its own error."""
    trusted = load(roots)
    assert require(trusted, roots, "rig").owner == "rig"
    with pytest.raises(WrongClassError, match="x86-cpu; this is for 'jetson-orin-nx-8gb'"):
        require(trusted, roots, "rig", device_class="jetson-orin-nx-8gb")
    with pytest.raises(UnknownKeyError, match="no key of the role gate"):
        require(trusted, roots, "rig", role=Role.GATE)
    with pytest.raises(UnknownKeyError):
        require(trusted, roots, "stranger")
    for signed_ns in (NOW_NS - DAY_NS, NOW_NS + 1_096 * DAY_NS):
        with pytest.raises(ExpiredError, match="counts from 2026-11-21T06:00:00Z to 2029-11-20T06:00:00Z"):
            require(trusted, roots, "rig", signed_ns=signed_ns)


def test_nothing_that_a_revoked_key_signed_counts(roots):
    """Revoked today: what it signed yesterday counts no more; of the others all does."""
    roots.rotate(revoke=roots.fingerprints("rig"))
    trusted = load(roots, now_ns=NOW_NS + 2 * DAY_NS)
    with pytest.raises(TrustError, match="of rig was revoked at 2026-11-22T06:00:00Z") as refused:
        require(trusted, roots, "rig", signed_ns=NOW_NS)
    assert refused.value.exit_code == 30
    assert require(trusted, roots, "orin", device_class="jetson-orin-nx-8gb")


def test_a_root_that_is_over_counts_no_more(roots):
    """On its last day it holds, after it nobody is trusted."""
    load(roots, now_ns=NOW_NS + 364 * DAY_NS)
    with pytest.raises(ExpiredError, match=r"the trust root .* ended at 2027-11-21"):
        load(roots, now_ns=NOW_NS + 366 * DAY_NS)


def test_an_old_root_that_is_played_back_is_refused(roots):
    """Whoever saw version 2 does not take version 1 any more, although its signatures hold."""
    old = roots.path.read_bytes()
    load(roots)
    roots.rotate(revoke=roots.fingerprints("rig"))
    load(roots, now_ns=NOW_NS + 2 * DAY_NS)
    roots.path.write_bytes(old)
    with pytest.raises(TrustError, match="a newer root was seen here, version 2"):
        load(roots, now_ns=NOW_NS + 2 * DAY_NS)


def test_another_root_of_the_same_version_is_refused(roots, tmp_path):
    """A second version 1, by somebody else's keys, does not take the place of the one that was seen."""
    load(roots)
    other = Roots(tmp_path / "other")
    other.first(other.new(Role.RIG, "mine"))
    shutil.copy(other.path, roots.path)
    with pytest.raises(TrustError, match="another root of version 1"):
        load(roots)


def test_a_foreign_root_with_a_higher_version_is_refused(roots, tmp_path):
    """Its own signatures hold; those of the root that was seen are missing."""
    load(roots)
    other = Roots(tmp_path / "other")
    other.first()
    other.rotate()
    shutil.copy(other.path, roots.path)
    with pytest.raises(TrustError, match="older root's|no root key"):
        load(roots)


def test_versions_that_were_missed_are_followed_one_by_one(roots):
    """Who saw version 1 and comes back at version 4 goes over 2 and 3 beside it; without one of them not."""
    load(roots)
    roots.rotate(now_ns=NOW_NS + DAY_NS)
    roots.rotate(roots.new(Role.ROOT, "root2"), by=("root",), now_ns=NOW_NS + 2 * DAY_NS)
    roots.rotate(by=("root", "root2"), remove=roots.fingerprints("root"), threshold=1, now_ns=NOW_NS + 3 * DAY_NS)
    now_ns = NOW_NS + 4 * DAY_NS
    between = version_path(roots.path, 3)
    kept = between.read_bytes()
    between.unlink()
    with pytest.raises(TrustError, match=r"there is no .*trust\.3\.json"):
        load(roots, now_ns=now_ns)
    between.write_bytes(kept)
    assert load(roots, now_ns=now_ns).root.version == 4
    assert read_floor(roots.floor).root.version == 4


def test_a_clock_that_was_set_back_is_refused(roots):
    """What is over yesterday would hold today: nobody judges by such a clock. Five minutes are forgiven."""
    load(roots, now_ns=NOW_NS + 30 * DAY_NS)
    load(roots, now_ns=NOW_NS + 30 * DAY_NS - 299 * 10**9)
    with pytest.raises(PreconditionError, match="but it has shown 2026-12-21") as refused:
        load(roots, now_ns=NOW_NS + 29 * DAY_NS)
    assert refused.value.exit_code == 22


def test_a_clock_before_the_root_was_made_is_refused(roots):
    """The clock of a machine whose battery is empty."""
    with pytest.raises(PreconditionError, match="clock is not set"):
        load(roots, now_ns=NOW_NS - 3_650 * DAY_NS)


def test_a_refused_root_leaves_no_trace(roots):
    """What did not hold does not become what was seen."""
    roots.rotate(now_ns=NOW_NS + 2 * DAY_NS)
    with pytest.raises(ExpiredError):
        load(roots, now_ns=NOW_NS + 1_000 * DAY_NS)
    assert read_floor(roots.floor) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"{}"),
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_text(json.dumps({**json.loads(path.read_text()), "format": "x"})),
        lambda path: (path.unlink(), path.symlink_to(path.with_name("elsewhere")))[0],
        lambda path: (path.unlink(), os.mkfifo(path))[0],
    ],
)
def test_what_was_seen_is_never_passed_over(roots, damage):
    """A floor file that cannot be read is an error: without it an old root could come back."""
    load(roots)
    damage(roots.floor)
    with pytest.raises(TrustError, match=r"trust_floor\.json"):
        load(roots)


@pytest.mark.parametrize("kind", ["missing", "link", "pipe", "folder"])
def test_the_root_itself_must_be_a_plain_file(roots, kind):
    """No file, a link, a pipe, a folder: refused at once, nothing waits."""
    kept = roots.path.with_name("kept.json")
    roots.path.rename(kept)
    if kind == "link":
        roots.path.symlink_to(kept)
    elif kind == "pipe":
        os.mkfifo(roots.path)
    elif kind == "folder":
        roots.path.mkdir()
    with pytest.raises(TrustError) as refused:
        load(roots)
    assert "hilrig trust init" in refused.value.hint


def test_a_folder_that_cannot_be_written_is_an_error(roots):
    """Where nothing can be kept, nothing is believed."""
    roots.floor.parent.write_text("a file where the folder should be")
    with pytest.raises(PreconditionError, match="an old trust root could come back"):
        load(roots)


def test_the_floor_is_written_when_there_is_news(roots):
    """The same root a moment later costs no write; a minute later the time is kept; a time never goes back."""
    load(roots)
    first = roots.floor.stat().st_ino
    load(roots, now_ns=NOW_NS + 61 * 10**9)
    assert roots.floor.stat().st_ino == first
    load(roots, now_ns=NOW_NS + 200 * 10**9)
    assert read_floor(roots.floor).latest_ns == NOW_NS + 200 * 10**9
    roots.rotate(now_ns=NOW_NS + 100 * 10**9)
    load(roots, now_ns=NOW_NS + 150 * 10**9)
    seen = read_floor(roots.floor)
    assert (seen.root.version, seen.latest_ns) == (2, NOW_NS + 200 * 10**9)


def test_a_role_that_the_root_does_not_have_has_no_keys(roots):
    """Nobody may bring out desired states where no publisher is named."""
    assert load(roots).keys_of(Role.PUBLISHER) == ()


def test_of_two_at_once_the_newer_root_stays(roots, tmp_path):
    """Twenty commands at once, half of them with version 1: whoever comes late is refused, version 2 is kept."""
    old = tmp_path / "old.json"
    old.write_bytes(roots.path.read_bytes())
    load(roots)
    roots.rotate()

    def version(path: Path) -> int:
        try:
            return load_trust(path, now_ns=NOW_NS + 2 * DAY_NS, floor=roots.floor).root.version
        except TrustError:
            return 0

    with ThreadPoolExecutor(max_workers=8) as pool:
        found = list(pool.map(version, [old, roots.path] * 10))
    assert found[1::2] == [2] * 10
    assert read_floor(roots.floor).root.version == 2
