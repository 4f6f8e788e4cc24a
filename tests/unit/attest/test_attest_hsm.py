"""Keys in a PKCS#11 token, with SoftHSM2 in the token's place: the same library calls as of a real one."""

import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hilrig.attest.envelope import sign, verify_envelope
from hilrig.attest.gate_decision import build_gate_decision, verify_gate_decision
from hilrig.attest.hsm import LIBRARY_VARIABLE, TokenSigner, load_token_signer
from hilrig.attest.keys import load_public_keys, load_signer
from hilrig.attest.public_key import public_key_der
from hilrig.attest.result_statement import build_result_statement
from hilrig.core.errors import HilrigError, PreconditionError, TrustError, UsageError
from trust_readers import DECISION

LIBRARIES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
PIN = b"1234-five"
URI = "hsm:2?label=gate"


@pytest.fixture(scope="module")
def library() -> str:
    pytest.importorskip("pkcs11", reason="python-pkcs11, of the extra hsm, is not installed")
    found = next((path for path in LIBRARIES if Path(path).is_file()), None)
    if found is None or not shutil.which("softhsm2-util") or not shutil.which("pkcs11-tool"):
        pytest.skip("softhsm2 and opensc are not installed")
    return found


@pytest.fixture(scope="module")
def tokens(library, tmp_path_factory):
    """Make two tokens: `gate` with keys on P-256 (2), P-384 (3) and P-521 (4), and `empty`.

    The library reads SOFTHSM2_CONF once in a process, when it is first asked: so all tests share one folder.
    """
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(config))
        patch.setenv(LIBRARY_VARIABLE, library)
        for label in ("gate", "empty"):
            call("softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "0000", "--pin", PIN)
        for key_id, curve in ((2, "secp256r1"), (3, "secp384r1"), (4, "secp521r1")):
            make_key(library, key_id, curve)
        yield folder


def make_key(library: str, key_id: int, curve: str) -> None:
    call(
        "pkcs11-tool", "--module", library, "--token-label", "gate", "--login", "--pin", PIN,
        "--keypairgen", "--key-type", f"EC:{curve}", "--id", f"{key_id:02x}", "--label", f"key{key_id}",
    )  # fmt: skip


def call(*arguments: str | bytes) -> None:
    words = [word.decode() if isinstance(word, bytes) else word for word in arguments]
    subprocess.run(words, check=True, capture_output=True, timeout=60)


@pytest.fixture
def own_library(tokens, library, monkeypatch) -> None:
    monkeypatch.setenv(LIBRARY_VARIABLE, library)


@pytest.fixture
def signer(own_library) -> TokenSigner:
    return load_token_signer(URI, pin=PIN)


def key_file(signer, folder: Path) -> Path:
    """Return the public half of a signer as openssl writes it."""
    der = folder / "gate.der"
    der.write_bytes(public_key_der(signer.public_key))
    pem = folder / "gate.pub"
    call("openssl", "pkey", "-pubin", "-inform", "DER", "-in", str(der), "-out", str(pem))
    return pem


def openssl_verifies(data: bytes, key: Path, folder: Path) -> bool:
    """Tell whether openssl, over the DSSE v1 bytes, says that the envelope's signature is the key's."""
    envelope = json.loads(data)
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"].encode()
    (folder / "pae").write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
    (folder / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    asked = ["openssl", "dgst", "-sha256", "-verify", key, "-signature", folder / "sig", folder / "pae"]
    return subprocess.run(asked, check=False, capture_output=True, timeout=30).returncode == 0


def test_a_run_is_signed_by_a_key_in_a_token(signer, make_result, tmp_path):
    """The statement over a run verifies with the token's public key, here and by openssl; changed it does not."""
    statement = build_result_statement(make_result(), result_sha256="a" * 64)
    data = sign(statement, signer)
    key = key_file(signer, tmp_path)
    assert verify_envelope(data, load_public_keys([key])).key_fingerprint == signer.public_key.keyid
    assert openssl_verifies(data, key, tmp_path)
    document = json.loads(data)
    other = base64.b64encode(statement.replace(b"PASSED", b"FAILED")).decode()
    assert not openssl_verifies(json.dumps({**document, "payload": other}).encode(), key, tmp_path)


def test_a_gate_decision_is_signed_by_a_key_in_a_token(signer, tmp_path):
    """The verification summary too."""
    data = sign(build_gate_decision(DECISION), signer)
    key = key_file(signer, tmp_path)
    assert verify_gate_decision(data, load_public_keys([key])) == DECISION
    assert openssl_verifies(data, key, tmp_path)


def test_a_key_option_takes_a_tokens_uri(own_library):
    """Where a key file is named, `hsm:2?label=gate` is one too; the PIN is its passphrase."""
    assert isinstance(load_signer(Path(URI), passphrase=PIN), TokenSigner)


def test_of_both_ecdsa_forms_only_the_smaller_is_written(signer, tmp_path):
    """A token gives (r, s) or (r, n - s) as it falls: all of ten envelopes verify (by luck alone: 1 in 1,000)."""
    keys = load_public_keys([key_file(signer, tmp_path)])
    envelopes = {sign(build_gate_decision(DECISION), signer) for _ in range(10)}
    assert len(envelopes) == 10
    assert all(verify_gate_decision(data, keys) == DECISION for data in envelopes)


def test_a_wrong_pin_is_said_before_the_run(own_library):
    """It is tried when the signer is loaded: a run must not find out after eight hours."""
    with pytest.raises(TrustError, match="wrong PIN") as refused:
        load_token_signer(URI, pin=b"4321")
    assert "4321" not in str(refused.value)
    assert refused.value.exit_code == 30


@pytest.mark.parametrize(("key_id", "words"), [(3, "ECDSA on secp384r1"), (4, "secp521r1")])
def test_a_key_on_another_curve_is_refused(own_library, key_id, words):
    """Verifiers here know P-256: another curve is refused with its name."""
    with pytest.raises(HilrigError, match=words):
        load_token_signer(f"hsm:{key_id}?label=gate", pin=PIN)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("hsm:9?label=gate", "could not find"),
        ("hsm:2?label=empty", "could not find"),
        ("hsm:2?label=no", "No PKCS"),
    ],
)
def test_a_key_or_token_that_is_not_there_is_said(own_library, uri, words):
    """No such key, no key in this token, no such token: each with the next step."""
    with pytest.raises(PreconditionError, match=words) as refused:
        load_token_signer(uri, pin=PIN)
    assert "pkcs11-tool" in refused.value.hint


GOES_AWAY = f"""
import shutil, sys
from hilrig.attest.envelope import sign
from hilrig.attest.hsm import load_token_signer
from hilrig.core.errors import PreconditionError

signer = load_token_signer({URI!r}, pin={PIN!r})
shutil.rmtree(sys.argv[1])
try:
    sign(b"a statement", signer)
except PreconditionError as error:
    print(error.message)
"""


def test_a_token_that_goes_away_is_said(own_library, tokens, tmp_path, monkeypatch):
    """Taken out between a run's start and its end: an error with its name, and no signature.

    In a process of its own, as the library keeps what it has seen.
    """
    shutil.copytree(tokens / "tokens", tmp_path / "tokens")
    config = tmp_path / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {tmp_path}/tokens\nobjectstore.backend = file\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(config))
    asked = [sys.executable, "-c", GOES_AWAY, str(tmp_path / "tokens")]
    done = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("hsm:2?label=gate: "), done


def test_without_a_pin_nothing_is_tried(own_library):
    """The PIN comes from a file or a descriptor, never from the command line."""
    with pytest.raises(UsageError, match="needs a PIN") as refused:
        load_token_signer(URI, pin=None)
    assert "--passphrase-file" in refused.value.hint
    with pytest.raises(UsageError, match="not text"):
        load_token_signer(URI, pin=b"\xff")


@pytest.mark.parametrize(
    "uri",
    [
        "hsm:",
        "hsm:2",
        "hsm:x?label=gate",
        "hsm:-2?label=gate",
        "hsm:2?token=gate",
        "hsm:2?label=",
        "hsm:2?label=a&label=b",
    ],
)
def test_a_uri_of_another_form_is_refused(uri):
    """Key id and token are named both: `the only token` may be another one tomorrow."""
    with pytest.raises(UsageError, match="names no key in a token"):
        load_token_signer(uri, pin=PIN)


@pytest.mark.parametrize("value", [None, "", "/nowhere/lib.so"])
def test_without_the_tokens_library_it_is_said(monkeypatch, value):
    """PYKCS11LIB names it; unset or wrong: said with an example."""
    monkeypatch.delenv(LIBRARY_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(LIBRARY_VARIABLE, value)
    with pytest.raises(PreconditionError, match=LIBRARY_VARIABLE):
        load_token_signer(URI, pin=PIN)
