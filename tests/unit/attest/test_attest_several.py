import json

import pytest

from hilrig.attest.envelope import sign, verify_envelope
from hilrig.attest.public_key import accept_public_key
from hilrig.attest.result_statement import build_views_statement
from hilrig.attest.several import MAX_SIGNATURES, open_several, sign_several, sign_too
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import TrustError, UsageError

STATEMENT = build_views_statement({"report.html": "a" * 64}, "run-1")
NAME = "trust.json"


@pytest.fixture(scope="module")
def twice(rig_key, ed25519_key) -> bytes:
    return sign_several(STATEMENT, [rig_key[0], ed25519_key[0]])


def test_those_who_signed_are_counted(twice, rig_key, ed25519_key, other_key):
    """Of three keys the two that signed are named, whatever their kind; a third is not."""
    opened = open_several(twice, name=NAME)
    signed = opened.signed_by([rig_key[1], ed25519_key[1], other_key[1]])
    assert signed == {rig_key[1].fingerprint, ed25519_key[1].fingerprint}
    assert opened.statement.predicate == {"run_id": "run-1"}


def test_the_order_of_signing_does_not_show(twice, rig_key, ed25519_key):
    """Whoever signs first, the signatures stand in the order of their key ids; another order is refused."""
    document = json.loads(twice)
    ids = [signature["keyid"] for signature in document["signatures"]]
    assert ids == sorted(ids)
    assert sign_too(sign(STATEMENT, ed25519_key[0]), rig_key[0], name=NAME).count(b"keyid") == 2
    document["signatures"].reverse()
    with pytest.raises(TrustError, match="canonical"):
        open_several(canonical_json(document), name=NAME)


def test_the_second_signature_is_the_one_of_signing_together(ed25519_key):
    """A signature added later gives the bytes that signing at once gives (Ed25519 signs the same twice)."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from securesystemslib.signer import CryptoSigner

    private = Ed25519PrivateKey.generate()
    second = CryptoSigner(private, accept_public_key(private.public_key(), name="second").sslib)
    together = sign_several(STATEMENT, [second, ed25519_key[0]])
    assert sign_too(sign_several(STATEMENT, [ed25519_key[0]]), second, name=NAME) == together


def test_the_same_signature_twice_is_refused(twice):
    """A signature that is repeated is no second one."""
    document = json.loads(twice)
    document["signatures"].append(document["signatures"][-1])
    with pytest.raises(TrustError, match="two signatures by one key"):
        open_several(canonical_json(document), name=NAME)


def test_nobody_signs_twice(twice, rig_key):
    """A key that signed is refused as the second signer: at once, and later."""
    with pytest.raises(UsageError, match="signed it already"):
        sign_several(STATEMENT, [rig_key[0], rig_key[0]])
    with pytest.raises(UsageError, match="signed it already"):
        sign_too(twice, rig_key[0], name=NAME)


def test_one_key_that_is_handed_in_twice_counts_once(rig_key):
    """Two objects of one public key are one key."""
    opened = open_several(sign_several(STATEMENT, [rig_key[0]]), name=NAME)
    assert len(opened.signed_by([rig_key[1], rig_key[1]])) == 1


def test_a_false_signature_is_refused_not_passed_over(twice, rig_key, other_key):
    """A signature under a known key's name that is another's, or of another statement: an error, not one less."""
    document = json.loads(twice)
    foreign = json.loads(sign(STATEMENT, other_key[0]))["signatures"][0]
    for signature in document["signatures"]:
        if signature["keyid"] == rig_key[1].fingerprint:
            signature["sig"] = foreign["sig"]
    with pytest.raises(TrustError, match="does not hold"):
        open_several(canonical_json(document), name=NAME).signed_by([rig_key[1]])


@pytest.mark.parametrize("n", [0, MAX_SIGNATURES + 1])
def test_none_and_too_many_are_refused(twice, n):
    """An envelope without a signature proves nothing; one with a thousand costs time."""
    document = json.loads(twice)
    document["signatures"] = [document["signatures"][0]] * n
    with pytest.raises(TrustError, match=f"holds {n} signatures"):
        open_several(canonical_json(document), name=NAME)


def test_the_reader_of_one_signature_is_as_strict_as_before(twice, rig_key):
    """What two signed is no attestation: there a second signature is refused."""
    with pytest.raises(TrustError, match="holds 2 signatures; expected one"):
        verify_envelope(twice, [rig_key[1]])


def both_signed(data: bytes, keys) -> bool:
    try:
        return len(open_several(data, name=NAME).signed_by(keys)) == 2
    except TrustError:
        return False


def test_every_changed_byte_is_refused(rig_key, ed25519_key):
    """Whichever byte of an envelope with two signatures changes, it is refused."""
    data = sign_several(STATEMENT, [rig_key[0], ed25519_key[0]])
    keys = [rig_key[1], ed25519_key[1]]
    assert both_signed(data, keys)
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        assert not both_signed(bytes(changed), keys), position
