"""hilrig.app.rigs.enroll with a trust root: a rig whose key the root lacks for its class is not accepted."""

import pytest

from hilrig.app.folders import keys_folder
from hilrig.app.rigs.enroll import enroll_signing_key
from hilrig.app.trust.making import NewKey
from hilrig.app.trust.trust import load_trust
from hilrig.attest.keys import load_public_keys
from hilrig.core.errors import UnknownKeyError, WrongClassError
from hilrig.core.trust import Role
from local_rigs import local_rig
from trust_roots import DAY_NS, NOW_NS, Roots

pytestmark = pytest.mark.waiting  # for the rig's own process, which makes its key


def trusted(roots: Roots, *keys: NewKey):
    """Return a trust root whose keys count for a hundred years: the rig is asked by the machine's clock."""
    roots.first(*keys, expires_days=36_500.0, key_days=36_500.0, now_ns=NOW_NS - 3_650 * DAY_NS)
    return load_trust(roots.path, now_ns=NOW_NS, floor=roots.floor)


def test_a_rig_is_accepted_by_the_trust_root(tmp_path):
    """Its key for its class is accepted; for another class, or unknown to the root, nothing is written."""
    rig = local_rig(tmp_path)
    accepted = enroll_signing_key(rig, keys_folder=keys_folder())
    (key,) = load_public_keys([accepted.path])
    accepted.path.unlink()

    with pytest.raises(UnknownKeyError, match="no key of the role rig"):
        enroll_signing_key(rig, keys_folder=keys_folder(), trusted=trusted(Roots(tmp_path / "none")))
    other = NewKey(role=Role.RIG, public_key=key, owner="bench", device_classes=("jetson-orin-nx-8gb",))
    with pytest.raises(WrongClassError, match="this is for 'x86-cpu'"):
        enroll_signing_key(rig, keys_folder=keys_folder(), trusted=trusted(Roots(tmp_path / "other"), other))
    assert not accepted.path.exists()

    right = NewKey(role=Role.RIG, public_key=key, owner="bench", device_classes=("x86-cpu",))
    found = enroll_signing_key(rig, keys_folder=keys_folder(), trusted=trusted(Roots(tmp_path / "right"), right))
    assert (found.fingerprint, found.is_new) == (key.fingerprint, True)
