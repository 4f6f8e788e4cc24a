"""Signatures of hilrig under programs that are not ours: openssl and the sigstore project's JavaScript."""

import base64
import json
import re
from pathlib import Path

import pytest

from foreign_verifiers import ROOT, openssl_says, sigstore_says
from gated_releases import Publisher
from hilrig.attest.envelope import BUNDLE_TYPE, sign, to_sigstore_bundle
from hilrig.attest.gate_decision import VERIFICATION_SUMMARY
from hilrig.attest.result_statement import TEST_RESULT
from hilrig.attest.statement import build_statement
from hilrig.core.canonical import canonical_json
from hilrig.core.files import ATTESTATION, SIGSTORE_BUNDLE
from hilrig.core.release import GATE_DECISION_FILE
from signed_runs import Signer

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_attest_envelope

COSIGN = re.compile(r"`cosign verify-blob-attestation ([^`]*)`")
STATEMENT_FIELDS = {"_type", "subject", "predicateType", "predicate"}


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> tuple[Publisher, Path]:
    """Return who published, and the folder of a release with the gate's decision."""
    publisher = Publisher(tmp_path_factory.mktemp("published"))
    return publisher, publisher.out / "releases" / publisher.release(1)


@pytest.fixture(params=["run", "decision"])
def signed(request) -> tuple[bytes, bytes, Path, str]:
    """Return an envelope, its bundle, the key and the predicate type: of a real run, of a gate's decision."""
    if request.param == "run":
        bench, _, run_dir = request.getfixturevalue("finished")
        key = bench.folder / "home" / "keys" / "rig.pub"
        return (run_dir / ATTESTATION).read_bytes(), (run_dir / SIGSTORE_BUNDLE).read_bytes(), key, TEST_RESULT
    publisher, folder = request.getfixturevalue("published")
    envelope = (folder / GATE_DECISION_FILE).read_bytes()
    return envelope, to_sigstore_bundle(envelope), publisher.gate.public_key, VERIFICATION_SUMMARY


def payload_of(document: dict) -> bytes:
    return base64.b64decode(document["payload"])


def with_payload(document: dict, payload: bytes) -> dict:
    return {**document, "payload": base64.b64encode(payload).decode()}


def test_openssl_accepts_what_was_signed_and_nothing_else(signed, tmp_path):
    """Over an encoding built by the specification it holds; with one bit or the key changed it does not."""
    envelope, _, key, _ = signed
    stranger = Signer(tmp_path / "stranger").public_key
    document = json.loads(envelope)
    payload = payload_of(document)
    flipped = bytes([payload[0], payload[1] ^ 1]) + payload[2:]
    assert openssl_says(envelope, key, tmp_path / "o")
    assert not openssl_says(envelope, stranger, tmp_path / "o")
    assert not openssl_says(canonical_json(with_payload(document, flipped)), key, tmp_path / "o")
    assert not openssl_says(canonical_json({**document, "payloadType": "text/plain"}), key, tmp_path / "o")


def test_sigstore_accepts_the_bundle_and_refuses_every_change(signed, tmp_path):
    """The bundle verifies; another payload, type, signature or key, two signatures, a bare envelope do not."""
    envelope, bundle, key, _ = signed
    whole = json.loads(bundle)
    inner = whole["dsseEnvelope"]
    payload = payload_of(inner)
    (signature,) = inner["signatures"]
    stranger = Signer(tmp_path / "stranger")
    foreign = json.loads(sign(payload, stranger.signer))["signatures"][0]
    changed = {
        "payload flipped": with_payload(inner, payload.replace(b"sha256", b"sha257", 1)),
        "PASSED for FAILED": with_payload(inner, _other_verdict(payload)),
        "payload type": {**inner, "payloadType": "application/json"},
        "signature of another key": {**inner, "signatures": [{**foreign, "keyid": signature["keyid"]}]},
        "two signatures": {**inner, "signatures": [signature, foreign]},
        "one signature twice": {**inner, "signatures": [signature, signature]},
        "no signature": {**inner, "signatures": []},
    }
    bundles = {name: canonical_json({**whole, "dsseEnvelope": one}) for name, one in changed.items()}
    bundles["a bare envelope"] = envelope
    said = sigstore_says([bundle, *bundles.values()], key, tmp_path / "s")
    assert said[0] == ""
    accepted = [name for name, error in zip(bundles, said[1:], strict=True) if not error]
    assert accepted == []
    (by_stranger,) = sigstore_says([bundle], stranger.public_key, tmp_path / "s")
    assert by_stranger.startswith("SIGNATURE_ERROR")


def test_the_bundle_has_the_form_that_cosign_reads(signed):
    """What cosign's source asks of a key bundle: these fields, one signature, a statement of four fields."""
    envelope, bundle, _, predicate_type = signed
    whole = json.loads(bundle)
    assert whole.keys() == {"mediaType", "verificationMaterial", "dsseEnvelope"}
    assert whole["mediaType"] == BUNDLE_TYPE == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert whole["verificationMaterial"].keys() == {"publicKey"}  # no log entry, no certificate
    assert whole["dsseEnvelope"] == json.loads(envelope)
    (signature,) = whole["dsseEnvelope"]["signatures"]
    assert re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", signature["keyid"])  # Go's DSSE skips any other key id
    statement = json.loads(payload_of(whole["dsseEnvelope"]))
    assert statement.keys() == STATEMENT_FIELDS  # its strict reader refuses a fifth
    assert statement["predicateType"] == predicate_type
    assert 0 < len(statement["subject"]) <= 1_024


def test_a_decision_names_the_files_that_cosign_is_given(published):
    """Each file that the documented line may end with is a subject: release.json and the model's own bytes."""
    _, folder = published
    envelope = json.loads((folder / GATE_DECISION_FILE).read_bytes())
    statement = json.loads(payload_of(envelope))
    digests = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    assert digests["release.json"] == folder.name
    assert (folder / "files" / digests["model/model.onnx"]).is_file()


@pytest.mark.parametrize(
    ("page", "predicate_type", "bundle"),
    [
        ("ci.md", TEST_RESULT, "attestation.sigstore.json"),
        ("gate.md", VERIFICATION_SUMMARY, "decisions/CLASS.sigstore.json"),
    ],
)
def test_the_documented_line_asks_cosign_for_what_is_in_the_bundle(page, predicate_type, bundle):
    """Key, bundle, no log, the type (else cosign expects its own); and the page says what it leaves out."""
    text = re.sub(r"\s+", " ", (ROOT / "docs" / page).read_text())
    (line,) = COSIGN.findall(text)
    words = line.split()
    options = {word for word in words if word.startswith("--")}
    assert options == {"--key", "--bundle", "--insecure-ignore-tlog", "--type"}
    assert words[words.index("--type") + 1] == predicate_type
    assert words[words.index("--bundle") + 1] == bundle
    assert not words[-1].startswith("-")  # the file whose digest must be a subject
    assert re.search(r"a signed FAIL(ED)? verifies", text)


def test_a_signed_refusal_verifies_elsewhere(tmp_path):
    """Why the pages say so: to sigstore a FAILED is as good a signature as a PASSED."""
    signer = Signer(tmp_path / "gate")
    refusal = build_statement(VERIFICATION_SUMMARY, {"release.json": "a" * 64}, {"verificationResult": "FAILED"})
    bundle = to_sigstore_bundle(sign(refusal, signer.signer))
    assert sigstore_says([bundle], signer.public_key, tmp_path / "s") == [""]


def _other_verdict(payload: bytes) -> bytes:
    was, becomes = (b'"PASSED"', b'"FAILED"') if b'"PASSED"' in payload else (b'"FAILED"', b'"PASSED"')
    return payload.replace(was, becomes, 1)
