"""hilrig.app.finished.signed_result: whose signature stands over a result, and that it is over this one."""

import json
from pathlib import Path

import pytest

from hilrig.app.finished.signed_result import read_result_by_any_key, read_signed_result
from hilrig.attest.envelope import sign
from hilrig.attest.result_statement import build_views_statement
from hilrig.core import files
from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.errors import PreconditionError, RecordError, TrustError
from signed_runs import Signer, make_result

BOTH = pytest.mark.parametrize("read", [read_signed_result, read_result_by_any_key])


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path / "keys")


@pytest.fixture
def run_dir(tmp_path: Path, signer: Signer) -> Path:
    return signer.write(tmp_path / "run", make_result())


@pytest.fixture
def stranger(tmp_path: Path) -> Signer:
    return Signer(tmp_path / "others", name="stranger")


@BOTH
def test_a_known_key_vouches_for_its_result(read, run_dir, signer):
    """Result, digest and fingerprint are those that were signed."""
    signed = read(run_dir, [signer.public_key])
    assert signed.result.run_id == "7f3a0001"
    assert signed.result_sha256 == sha256_hex((run_dir / files.RESULT).read_bytes())
    assert signed.key_fingerprint == signer.signer.public_key.keyid
    assert signed.is_key_known


def test_an_unknown_key_is_named_and_not_believed(run_dir, signer, stranger):
    """The run can be looked at, and says that nobody checked it; where trust is needed it is refused."""
    for keys in ([stranger.public_key], []):
        signed = read_result_by_any_key(run_dir, keys)
        assert not signed.is_key_known
        assert signed.key_fingerprint == signer.signer.public_key.keyid
        with pytest.raises(TrustError, match="unknown key"):
            read_signed_result(run_dir, keys)


@BOTH
def test_a_changed_result_is_refused(read, run_dir, signer):
    """FAIL made into PASS: the digest is another."""
    data = (run_dir / files.RESULT).read_bytes().replace(b'"rig":"local"', b'"rig":"other"')
    (run_dir / files.RESULT).write_bytes(data)
    with pytest.raises(TrustError, match="not the one that was signed"):
        read(run_dir, [signer.public_key])


def test_a_changed_result_of_an_unknown_key_is_refused_too(run_dir, stranger):
    """An envelope that nobody can check still has to be about this result."""
    (run_dir / files.RESULT).write_bytes((run_dir / files.RESULT).read_bytes() + b" ")
    with pytest.raises(TrustError, match="not the one that was signed"):
        read_result_by_any_key(run_dir, [stranger.public_key])


@BOTH
def test_a_signature_of_a_known_key_that_does_not_hold_is_refused(read, run_dir, signer, stranger):
    """The stranger's signature under the known key's name."""
    path = run_dir / files.ATTESTATION
    document = json.loads(path.read_bytes())
    forged = json.loads(
        (stranger.write(run_dir.parent / "forged", make_result()) / files.ATTESTATION).read_bytes()
    )
    document["signatures"][0]["sig"] = forged["signatures"][0]["sig"]
    path.write_bytes(canonical_json(document))
    with pytest.raises(TrustError, match="does not hold"):
        read(run_dir, [signer.public_key])


@BOTH
def test_a_known_key_under_a_strangers_name_is_refused(read, run_dir, signer, stranger):
    """Not an unknown key: somebody changed the name in an envelope that this user's own key signed."""
    path = run_dir / files.ATTESTATION
    document = json.loads(path.read_bytes())
    document["signatures"][0]["keyid"] = stranger.signer.public_key.keyid
    path.write_bytes(canonical_json(document))
    with pytest.raises(TrustError, match="was signed by"):
        read(run_dir, [signer.public_key])


@BOTH
@pytest.mark.parametrize(
    "envelope", [b"", b"{}", b"[]", b'{"payload":"","payloadType":"x","signatures":[]}', b"\xff"]
)
def test_an_envelope_that_is_none_is_refused(read, run_dir, signer, envelope):
    """Garbage is never an unknown key."""
    (run_dir / files.ATTESTATION).write_bytes(envelope)
    with pytest.raises(TrustError):
        read(run_dir, [signer.public_key])


@BOTH
def test_a_statement_of_another_kind_is_refused(read, run_dir, signer):
    """A signature over views that happens to name a result.json says nothing of the verdict."""
    digest = sha256_hex((run_dir / files.RESULT).read_bytes())
    other = sign(build_views_statement({files.RESULT: digest}, "7f3a0001"), signer.signer)
    (run_dir / files.ATTESTATION).write_bytes(other)
    with pytest.raises(TrustError, match="not the one that was signed"):
        read(run_dir, [signer.public_key])


@BOTH
@pytest.mark.parametrize("name", [files.RESULT, files.ATTESTATION])
def test_an_unfinished_run_is_to_be_recovered(read, run_dir, signer, name):
    """Without its result or its signature there is nothing to read."""
    (run_dir / name).unlink()
    with pytest.raises(PreconditionError, match="unfinished") as caught:
        read(run_dir, [signer.public_key])
    assert caught.value.hint == f"hilrig recover {run_dir}"


@BOTH
def test_a_folder_that_is_no_run_is_refused(read, tmp_path):
    """Neither an empty folder nor a path that leads nowhere."""
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RecordError):
            read(path, [])
