import base64
import json
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey

from hilrig.attest.dsse import PAYLOAD_TYPE
from hilrig.attest.envelope import sign, to_sigstore_bundle, verify_envelope
from hilrig.attest.result_statement import build_views_statement
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import TrustError

DIGEST = "a" * 64
STATEMENT = build_views_statement({"report.html": DIGEST}, "run-1")
P256_ORDER = 115792089210356248762697446949407573529996955224135760342422259061068512044369


def pae(payload: bytes) -> bytes:
    kind = b"application/vnd.in-toto+json"
    return b"DSSEv1 " + str(len(kind)).encode() + b" " + kind + b" " + str(len(payload)).encode() + b" " + payload


def rewritten(data: bytes, **changes) -> bytes:
    """Return the envelope, still canonical, with fields replaced; `sig` and `keyid` are the signature's."""
    document = json.loads(data)
    for name in ("sig", "keyid"):
        if name in changes:
            document["signatures"][0][name] = changes.pop(name)
    return canonical_json({**document, **changes})


@pytest.fixture(params=["rig_key", "ed25519_key"])
def signing(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def envelope(rig_key) -> bytes:
    return sign(STATEMENT, rig_key[0])


def test_what_was_signed_is_read_back(signing):
    """An envelope by either kind of key opens to its statement and names the key by fingerprint."""
    signer, key = signing
    verified = verify_envelope(sign(STATEMENT, signer), [key])
    assert verified.statement.subjects == {"report.html": DIGEST}
    assert verified.statement.predicate == {"run_id": "run-1"}
    assert verified.key_fingerprint == key.fingerprint


def test_every_changed_bit_is_refused(signing):
    """Whichever bit of an envelope is flipped, at any position, it does not verify."""
    signer, key = signing
    envelope = sign(STATEMENT, signer)
    for position in range(len(envelope)):
        for bit in range(8):
            changed = bytearray(envelope)
            changed[position] ^= 1 << bit
            with pytest.raises(TrustError):
                verify_envelope(bytes(changed), [key])


def test_every_cut_and_every_added_byte_is_refused(envelope, rig_key):
    """An envelope cut at any position, or with a byte put in anywhere, does not verify."""
    for position in range(len(envelope) + 1):
        for changed in (envelope[:position], envelope[:position] + b" " + envelope[position:]):
            if changed != envelope:
                with pytest.raises(TrustError):
                    verify_envelope(changed, [rig_key[1]])


@given(data=st.data())
def test_one_replaced_byte_is_refused(data, envelope, rig_key):
    """Any byte replaced by any other byte is refused with a message fit for a terminal."""
    position = data.draw(st.integers(0, len(envelope) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda v: v != envelope[position]))
    with pytest.raises(TrustError) as caught:
        verify_envelope(envelope[:position] + bytes([value]) + envelope[position + 1 :], [rig_key[1]])
    assert caught.value.message.isprintable()


def test_the_right_key_is_found_among_many(envelope, rig_key, other_key, ed25519_key):
    """All trusted keys are tried, in whatever order they stand."""
    keys = [other_key[1], ed25519_key[1], rig_key[1]]
    assert verify_envelope(envelope, keys).key_fingerprint == rig_key[1].fingerprint


@pytest.mark.parametrize("trusted", [[], ["other_key"], ["other_key", "ed25519_key"]])
def test_an_unknown_key_is_named_with_the_next_step(envelope, rig_key, trusted, request):
    """Without the signer's key among the trusted ones the message names its fingerprint and what to type."""
    keys = [request.getfixturevalue(name)[1] for name in trusted]
    with pytest.raises(TrustError) as caught:
        verify_envelope(envelope, keys)
    assert rig_key[1].fingerprint in caught.value.message
    assert "hilrig verify DIR --key FILE.pub" in caught.value.hint


def test_a_changed_payload_is_said_to_be_changed(envelope, rig_key):
    """When the key is trusted and the payload is another one, the message blames the content, not the key."""
    payload = base64.b64encode(build_views_statement({"report.html": "b" * 64}, "run-1")).decode()
    with pytest.raises(TrustError, match="the content changed"):
        verify_envelope(rewritten(envelope, payload=payload), [rig_key[1]])


def test_a_signature_under_a_foreign_name_is_refused(envelope, rig_key, other_key):
    """An envelope whose key id is another trusted key's, or a stranger's, does not count for that key."""
    renamed = rewritten(envelope, keyid=other_key[1].fingerprint)
    for keys in ([rig_key[1], other_key[1]], [rig_key[1]]):
        with pytest.raises(TrustError, match="but was signed by"):
            verify_envelope(renamed, keys)


@pytest.mark.parametrize("keyid", ["", "rig", "ab" * 32, "SHA256:short", "SHA256:" + "\x1b" * 43, None, 7])
def test_a_key_id_of_another_form_is_refused(envelope, rig_key, keyid):
    """Only an OpenSSH fingerprint is a key id: other verifiers skip any other form."""
    with pytest.raises(TrustError, match="does not name its key by fingerprint"):
        verify_envelope(rewritten(envelope, keyid=keyid), [rig_key[1]])


def test_two_signatures_are_refused(envelope, rig_key, other_key):
    """A key counts once: a second signature, by the same key or by another one, is not more trust."""
    own = json.loads(envelope)["signatures"][0]
    again = json.loads(sign(STATEMENT, rig_key[0]))["signatures"][0]
    foreign = json.loads(sign(STATEMENT, other_key[0]))["signatures"][0]
    for signatures in ([own, own], [own, again], [own, foreign]):
        with pytest.raises(TrustError, match="holds 2 signatures; expected one"):
            verify_envelope(rewritten(envelope, signatures=signatures), [rig_key[1], other_key[1]])


@pytest.mark.parametrize(
    "changes",
    [
        {"payload": None},
        {"payload": 1},
        {"payloadType": None},
        {"signatures": None},
        {"signatures": []},
        {"signatures": {}},
        {"signatures": [None]},
        {"signatures": [{}]},
        {"signatures": [{"sig": "AAAA"}]},
        {"signatures": "AA"},
        {"sig": None},
        {"sig": ""},
        {"sig": "AAAA"},
        {"sig": "MAYCAQECAQE="},
        {"sig": "MAYCAQACAQA="},
        {"extra": 1},
        {"payloadtype": PAYLOAD_TYPE},
    ],
)
def test_any_other_shape_is_a_trust_error(envelope, rig_key, changes):
    """A field missing, added or of another type is a TrustError, never a crash."""
    with pytest.raises(TrustError):
        verify_envelope(rewritten(envelope, **changes), [rig_key[1]])


@pytest.mark.parametrize(
    "kind", ["application/json", "application/vnd.in-toto+JSON", PAYLOAD_TYPE + ";v=1", "\x1b[2J"]
)
def test_another_payload_type_is_refused_even_when_signed(rig_key, kind):
    """A true signature over a payload of another type is refused: its bytes may mean something else."""
    envelope = Envelope(STATEMENT, kind, {})
    envelope.sign(rig_key[0])
    with pytest.raises(TrustError, match=r"has the payload type .*; expected application/vnd\.in-toto\+json"):
        verify_envelope(canonical_json(envelope.to_dict()), [rig_key[1]])


def test_the_payload_type_is_signed(rig_key):
    """A signature made for another payload type does not hold when the type alone is changed back."""
    envelope = Envelope(STATEMENT, "application/json", {})
    envelope.sign(rig_key[0])
    with pytest.raises(TrustError, match=r"the content changed|unknown"):
        verify_envelope(canonical_json({**envelope.to_dict(), "payloadType": PAYLOAD_TYPE}), [rig_key[1]])


def test_other_base64_of_the_same_bytes_is_refused(rig_key):
    """URL-safe signs, a missing or doubled padding, line ends and stray bits all decode elsewhere, not here."""
    envelope = sign(STATEMENT, rig_key[0])
    while "+" not in (sig := json.loads(envelope)["signatures"][0]["sig"]) or "/" not in sig or sig[-1] != "=":
        envelope = sign(STATEMENT, rig_key[0])
    stray = sig.rstrip("=")
    stray = stray[:-1] + chr(ord(stray[-1]) + 1) + "=" * (len(sig) - len(stray))
    for text in (
        sig.replace("+", "-").replace("/", "_"),
        sig.rstrip("="),
        sig + "=",
        sig[:10] + "\n" + sig[10:],
        " " + sig,
        sig.replace("+", "\uff0b"),
        stray,
    ):
        with pytest.raises(TrustError, match="base64"):
            verify_envelope(rewritten(envelope, sig=text), [rig_key[1]])


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"payload":', '"payload":"AAAA","payload":'),
        lambda text: text.replace('"keyid":', '"keyid":"SHA256:' + "A" * 43 + '","keyid":'),
        lambda text: text[:-1] + ',"x":NaN}',
        lambda text: text[:-1] + ',"x":1e999}',
        lambda text: text[:-1] + ',"x":"\\ud800"}',
        lambda text: text[:-1] + ',"x":' + "[" * 100_000 + "]" * 100_000 + "}",
        lambda text: text[:-1] + ',"x":"' + "A" * (13 << 20) + '"}',
        lambda text: text.replace("payload", "p\\u0061yload", 1),
        lambda text: text.replace("/", "\\/", 1),
        lambda text: json.dumps(json.loads(text), indent=2),
        lambda text: json.dumps(dict(reversed(json.loads(text).items())), separators=(",", ":")),
        lambda text: "\ufeff" + text,
        lambda text: text + "\n",
    ],
)
def test_json_that_only_lenient_readers_take_is_refused(envelope, rig_key, change):
    """The same signature in any other JSON text, ambiguous or merely re-spaced, is refused."""
    changed = change(envelope.decode()).encode()
    assert changed != envelope
    with pytest.raises(TrustError):
        verify_envelope(changed, [rig_key[1]])


def test_the_twin_of_an_ecdsa_signature_is_refused(envelope, rig_key):
    """(r, n - s) is as valid to cryptography as (r, s); only the one that hilrig writes counts."""
    signer, key = rig_key
    for _ in range(20):
        envelope = sign(STATEMENT, signer)
        r, s = decode_dss_signature(base64.b64decode(json.loads(envelope)["signatures"][0]["sig"]))
        assert s <= P256_ORDER // 2
        verify_envelope(envelope, [key])
        twin = base64.b64encode(encode_dss_signature(r, P256_ORDER - s)).decode()
        changed = rewritten(envelope, sig=twin)
        Envelope.from_dict(json.loads(changed)).verify([key.sslib], 1)
        with pytest.raises(TrustError, match="does not hold"):
            verify_envelope(changed, [key])


def test_a_true_signature_over_no_statement_is_refused(rig_key):
    """What is signed must still be a strict statement."""
    for payload in (b"", b"{}", b'{"a":1,"a":2}', b"[NaN]", STATEMENT[:-1] + b',"x":1}'):
        with pytest.raises(TrustError, match="statement|Statement"):
            verify_envelope(sign(payload, rig_key[0]), [rig_key[1]])


def test_securesystemslib_verifies_the_envelope(signing):
    """The reference library accepts the envelope under the fingerprint as key id."""
    signer, key = signing
    envelope = Envelope.from_dict(json.loads(sign(STATEMENT, signer)))
    assert envelope.verify([key.sslib], 1) == {key.fingerprint: key.sslib}


def test_the_same_key_under_two_names_is_one_key(rig_key):
    """A signer that calls itself something else than its fingerprint is refused at verification."""
    signer, key = rig_key
    alias = SSlibKey.from_crypto(signer.public_key._crypto_key(), keyid="SHA256:" + "B" * 43)
    renamed = sign(STATEMENT, CryptoSigner(signer._private_key, alias))
    with pytest.raises(TrustError, match="but was signed by"):
        verify_envelope(renamed, [key])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_verifies_the_signature(tmp_path, rig_key):
    """OpenSSL accepts the signature over an encoding built by hand, and refuses a changed one."""
    signer, key = rig_key
    document = json.loads(sign(STATEMENT, signer))
    payload = base64.b64decode(document["payload"])
    (tmp_path / "sig").write_bytes(base64.b64decode(document["signatures"][0]["sig"]))
    public = key.sslib._crypto_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pub").write_bytes(public)
    command = ["openssl", "dgst", "-sha256", "-verify", tmp_path / "key.pub", "-signature", tmp_path / "sig"]
    for message, code in ((pae(payload), 0), (pae(payload + b" "), 1), (payload, 1)):
        assert subprocess.run(command, input=message, capture_output=True, check=False).returncode == code


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_verifies_an_ed25519_signature(tmp_path, ed25519_key):
    """The same holds for Ed25519, whose signature is over the message itself."""
    signer, key = ed25519_key
    document = json.loads(sign(STATEMENT, signer))
    (tmp_path / "sig").write_bytes(base64.b64decode(document["signatures"][0]["sig"]))
    (tmp_path / "message").write_bytes(pae(base64.b64decode(document["payload"])))
    public = key.sslib._crypto_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pub").write_bytes(public)
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", tmp_path / "key.pub"]
    command += ["-in", tmp_path / "message", "-sigfile", tmp_path / "sig"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("encoding", ["padded", "long", "trailing"])
def test_a_signature_that_is_not_strict_der_is_refused(envelope, rig_key, encoding):
    """The numbers of a valid signature in a laxer encoding of ASN.1 do not verify."""
    der = base64.b64decode(json.loads(envelope)["signatures"][0]["sig"])
    lax = {
        "padded": bytes([0x30, der[1] + 1, 0x02, der[3] + 1, 0x00]) + der[4:],
        "long": bytes([0x30, 0x81]) + der[1:],
        "trailing": der + b"\0",
    }[encoding]
    with pytest.raises(TrustError, match="does not hold"):
        verify_envelope(rewritten(envelope, sig=base64.b64encode(lax).decode()), [rig_key[1]])


def test_the_bundle_is_a_key_bundle_of_v0_3(envelope, rig_key):
    """A sigstore bundle carries the same envelope, with one signature, and only a hint of its key."""
    bundle = json.loads(to_sigstore_bundle(envelope))
    assert bundle == {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": rig_key[1].fingerprint}},
        "dsseEnvelope": json.loads(envelope),
    }
    assert len(bundle["dsseEnvelope"]["signatures"]) == 1


def test_a_bundle_is_made_of_an_envelope_only():
    """Something else than an envelope of hilrig's form does not become a bundle."""
    with pytest.raises(TrustError):
        to_sigstore_bundle(b'{"payload":""}')
