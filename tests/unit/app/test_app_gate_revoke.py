import json

import pytest

from gate_decisions import CLASS, NOW_NS, GatedFolder, utc
from hilrig.app.gate.asked_model import AskedModel
from hilrig.app.gate.keys import GateTrust
from hilrig.app.gate.revoke import revoke
from hilrig.app.gate.status import AskingDevice, gate_status
from hilrig.attest.gate_decision import verify_gate_decision
from hilrig.attest.public_key import public_key_of_signer
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import ManualClock
from hilrig.core.errors import NoDecisionError, TrustError, UsageError
from hilrig.core.exits import ExitCode
from hilrig.node.store import Store
from hilrig.node.trust import gate_accept, gate_trust
from node_releases import IDENTITY
from signed_runs import Signer


@pytest.fixture
def gated(tmp_path) -> GatedFolder:
    return GatedFolder(tmp_path / "release", Signer(tmp_path / "keys", "gate"))


@pytest.fixture
def clock() -> ManualClock:
    clock = ManualClock()
    clock.realtime_offset_ns = NOW_NS
    return clock


def answer(gated: GatedFolder) -> ExitCode:
    """Return what the gate says about the release's model a minute later."""
    return gate_status(
        AskedModel(sha256=gated.release.bundle_sha256, file=None),
        AskingDevice(device_class=CLASS, stack_sha256=None),
        decisions=gated.folder,
        trusted=gated.trusted,
        now_ns=NOW_NS + 60 * 10**9,
    ).exit_code


def take_back(gated: GatedFolder, path, clock, **changes):
    arguments = {"reason": "cracks were missed at cell 3", "gate": gated.gate.signer, "trusted": gated.trusted}
    return revoke(path, clock=clock, **(arguments | changes))


def test_a_revoked_decision_is_failed(gated, clock):
    """Beside it lies a signed refusal with a higher sequence; the gate's answer turns from 0 to 10."""
    path = gated.decide()
    assert answer(gated) == ExitCode.OK
    done = take_back(gated, path, clock)
    assert answer(gated) == ExitCode.FAIL
    refusal = verify_gate_decision(done.envelope.read_bytes(), gated.trusted.keys)
    assert (refusal.passed, refusal.device_class, refusal.release_sha256) == (False, CLASS, gated.sha256)
    assert refusal.sequence == NOW_NS // 10**9
    assert not done.replaced


def test_the_reason_is_bound_by_its_digest(gated, clock):
    """The refusal names the reason's file as its policy, and the decision that it takes back as its input."""
    path = gated.decide()
    done = take_back(gated, path, clock)
    refusal = verify_gate_decision(done.envelope.read_bytes(), gated.trusted.keys)
    assert refusal.policy.sha256 == sha256_hex(done.reason.read_bytes())
    assert refusal.attestations[0].sha256 == sha256_hex(path.read_bytes())
    assert json.loads(done.reason.read_bytes())["reason"] == "cracks were missed at cell 3"


def test_it_is_newer_than_all_that_lie_there(gated, clock):
    """A sequence beyond the clock's seconds is beaten as well; a damaged file beside stops nobody."""
    path = gated.decide(sequence=10**12)
    gated.decide(name="newer", sequence=10**12 + 5)
    (gated.folder / "decisions" / "torn.dsse.json").write_bytes(b"{")
    done = take_back(gated, path, clock)
    assert done.decision.sequence == 10**12 + 6


def test_it_never_ends(gated, clock):
    """The decision would have held for a month; a revocation holds for as long as anybody asks."""
    take_back(gated, gated.decide(), clock)
    assert (
        gate_status(
            AskedModel(sha256=gated.release.bundle_sha256, file=None),
            AskingDevice(device_class=CLASS, stack_sha256=None),
            decisions=gated.folder,
            trusted=gated.trusted,
            now_ns=NOW_NS + 100 * 365 * 86_400 * 10**9,
        ).exit_code
        == ExitCode.FAIL
    )


@pytest.mark.parametrize("reason", ["", " \n", "x" * 2_001, "clear \x1b[2J the screen"])
def test_it_has_a_reason_that_can_be_shown(gated, clock, reason):
    """Empty, endless, or with control characters for a terminal: refused, nothing is written."""
    path = gated.decide()
    with pytest.raises(UsageError, match="reason"):
        take_back(gated, path, clock, reason=reason)
    assert sorted(one.name for one in path.parent.iterdir()) == [path.name]


def test_only_the_gates_own_decision_is_revoked(gated, clock, tmp_path):
    """A stranger's decision, a changed one, none at all, and one that is a refusal already."""
    rig = Signer(tmp_path / "rig")
    strange = gated.decide(name="strange", signer=rig)
    with pytest.raises(TrustError, match="unknown key"):
        take_back(gated, strange, clock)
    changed = gated.decide(name="changed")
    changed.write_bytes(changed.read_bytes() + b" ")
    with pytest.raises(TrustError, match="canonical"):
        take_back(gated, changed, clock)
    with pytest.raises(TrustError, match="no decision"):
        take_back(gated, gated.folder / "decisions" / "nothing.dsse.json", clock)
    with pytest.raises(UsageError, match="already"):
        take_back(gated, gated.decide(name="refused", passed=False), clock)


def test_a_new_gate_key_revokes_what_the_old_one_signed(gated, clock, tmp_path):
    """The old key is named as trusted; the refusal is signed by the new one."""
    path, new = gated.decide(), Signer(tmp_path / "new", "gate")
    keys = (public_key_of_signer(new.signer), *gated.trusted.keys)
    done = take_back(gated, path, clock, gate=new.signer, trusted=GateTrust(keys=keys))
    assert not verify_gate_decision(done.envelope.read_bytes(), [keys[0]]).passed


def test_a_node_takes_a_revoked_release_no_more(gated, clock, tmp_path):
    """A real store: staged while it passed; the one in the published folder is newer for it, and a refusal."""
    store = Store.create(
        tmp_path / "store", IDENTITY, keys={"keys/gate/gate.pub": gated.gate.public_key.read_bytes()}
    )
    published = gated.folder / "gate.dsse.json"
    passed = gated.decide(decided_at_utc=utc(-400), expires_at_utc=utc(4000)).read_bytes()
    published.write_bytes(passed)
    sha256 = store.stage(gated.folder, accept=gate_accept(store.folder))
    done = take_back(gated, published, clock)
    assert done.replaced
    shown = gate_status(
        AskedModel(sha256=gated.release.bundle_sha256, file=None),
        AskingDevice(device_class=CLASS, stack_sha256=None),
        decisions=published.parent,
        trusted=gated.trusted,
        now_ns=NOW_NS,
    )
    assert str(done.reason) in shown.hint
    found = gate_trust(store.folder).replaces(published.read_bytes(), [passed])
    assert found is not None
    assert not found.passed
    with pytest.raises(NoDecisionError, match="refused"):
        gate_trust(store.folder).accept(gated.release, sha256, [passed, published.read_bytes()])
    with pytest.raises(NoDecisionError, match="refused"):
        Store.create(
            tmp_path / "other", IDENTITY, keys={"keys/gate/gate.pub": gated.gate.public_key.read_bytes()}
        ).stage(gated.folder, accept=gate_accept(tmp_path / "other"))
