"""hilrig.app.finished.verify with a trust root: a run counts if its rig's key counts, for its class, then."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from finished_soaks import finish_soak
from hilrig.app.finished.verify import verify_by_root
from hilrig.app.trust.making import NewKey
from hilrig.app.trust.trust import TrustedKeys, load_trust
from hilrig.attest.keys import load_public_keys
from hilrig.attest.validity import parse_moment
from hilrig.core.errors import ExpiredError, TrustError, WrongClassError
from hilrig.core.trust import Role
from trust_roots import DAY_NS, Roots


@dataclass(frozen=True)
class Bench:
    """A finished run, its rig's public key, its device class, when it ended."""

    run_dir: Path
    public_key: Path
    device_class: str
    ended_ns: int

    def trusted(self, folder: Path, *, device_class: str, from_ns: int, role: Role = Role.RIG) -> TrustedKeys:
        """Return a trust root that was made a day after the run, with its key from a moment on for a class."""
        roots = Roots(folder)
        (key,) = load_public_keys([self.public_key])
        rig = NewKey(role=role, public_key=key, owner="rig", device_classes=(device_class,), not_before_ns=from_ns)
        roots.first(rig, now_ns=self.ended_ns + DAY_NS)
        return load_trust(roots.path, now_ns=self.ended_ns + DAY_NS, floor=roots.floor)


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    soak = finish_soak(tmp_path_factory.mktemp("soak"))
    return Bench(
        run_dir=soak.run_dir,
        public_key=soak.public_key,
        device_class=soak.result.device_class,
        ended_ns=parse_moment(soak.result.ended_at_utc, name="the run"),
    )


def test_a_run_by_a_rig_of_its_class_is_verified(bench, tmp_path):
    """The key counted for the class when the run ended: all holds, and the fingerprint is the key's."""
    trusted = bench.trusted(tmp_path, device_class=bench.device_class, from_ns=bench.ended_ns - DAY_NS)
    found = verify_by_root(bench.run_dir, trusted)
    assert found.ok
    assert found.key_fingerprint == load_public_keys([bench.public_key])[0].fingerprint


def test_a_rig_of_another_class_does_not_count(bench, tmp_path):
    """A board's key under a run that says it was made on another class: 33."""
    trusted = bench.trusted(tmp_path, device_class="jetson-orin-nx-8gb", from_ns=bench.ended_ns - DAY_NS)
    with pytest.raises(
        WrongClassError, match=f"may sign for jetson-orin-nx-8gb; this is for '{bench.device_class}'"
    ):
        verify_by_root(bench.run_dir, trusted)


def test_a_key_that_did_not_count_yet_when_the_run_ended(bench, tmp_path):
    """Trusted only from an hour after the run's end: 32."""
    trusted = bench.trusted(tmp_path, device_class=bench.device_class, from_ns=bench.ended_ns + 3_600 * 10**9)
    with pytest.raises(ExpiredError, match="counts from"):
        verify_by_root(bench.run_dir, trusted)


def test_a_key_of_another_role_is_unknown(bench, tmp_path):
    """The gate's key does not sign runs: whoever decides never measures."""
    trusted = bench.trusted(
        tmp_path, device_class=bench.device_class, from_ns=bench.ended_ns - DAY_NS, role=Role.GATE
    )
    found = verify_by_root(bench.run_dir, trusted)
    assert not found.ok
    assert "unknown key" in found.findings[0].sentence


def test_a_revoked_rig_key_does_not_count(bench, tmp_path):
    """Revoked after the run: what it signed counts no more, 30."""
    roots = Roots(tmp_path)
    (key,) = load_public_keys([bench.public_key])
    roots.first(NewKey(role=Role.RIG, public_key=key, owner="rig"), now_ns=bench.ended_ns - DAY_NS)
    roots.rotate(revoke=frozenset({key.fingerprint}), now_ns=bench.ended_ns + DAY_NS)
    trusted = load_trust(roots.path, now_ns=bench.ended_ns + DAY_NS, floor=roots.floor)
    with pytest.raises(TrustError, match="was revoked") as refused:
        verify_by_root(bench.run_dir, trusted)
    assert refused.value.exit_code == 30


def test_a_run_that_was_tampered_with_is_found_first(bench, tmp_path):
    """A changed byte is a finding, whatever the trust root says of the key."""
    report = bench.run_dir / "report.html"
    before = report.read_bytes()
    trusted = bench.trusted(tmp_path, device_class="jetson-orin-nx-8gb", from_ns=bench.ended_ns - DAY_NS)
    report.write_bytes(before + b" ")
    try:
        found = verify_by_root(bench.run_dir, trusted)
    finally:
        report.write_bytes(before)
    assert [finding.file for finding in found.findings] == ["report.html"]
