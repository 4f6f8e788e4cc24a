"""`hilrig verify`: one changed byte anywhere is found, and a FAIL stays a FAIL."""

import json
import shutil
from pathlib import Path

import pytest

from hilrig.app.finished.conclude import conclude, hash_files
from hilrig.app.finished.verify import verify
from hilrig.attest.directory import SIGNED_FILES
from hilrig.attest.envelope import sign, to_sigstore_bundle
from hilrig.attest.keys import create_key, load_signer
from hilrig.attest.result_statement import build_result_statement, build_views_statement
from hilrig.config.noun_json import from_json
from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.errors import TrustError
from hilrig.core.files import VIEW_FILES
from hilrig.core.result import Result

pytestmark = pytest.mark.waiting


@pytest.fixture
def copied(finished, tmp_path):
    """Return a copy of the finished run, to be tampered with, and the key that it was signed with."""
    bench, _, run_dir = finished
    copy = tmp_path / run_dir.name
    shutil.copytree(run_dir, copy)
    return copy, [bench.folder / "home" / "keys" / "rig.pub"]


def flip(path, place):
    """Flip one bit of a file, at a share of its length."""
    data = bytearray(path.read_bytes())
    data[min(len(data) - 1, int(len(data) * place))] ^= 1
    path.write_bytes(data)


def test_an_untouched_run_is_verified_and_exits_like_its_verdict(finished):
    """Signature, digests and recomputed numbers hold; the exit code is the run's."""
    bench, called, run_dir = finished
    verified = bench.call("verify", str(run_dir))
    assert verified.code == called.code, verified
    assert "every number recomputed from the evidence" in verified.out


def test_one_changed_byte_in_any_file_is_found(copied):
    """First, middle, last byte of every file of the directory: each is a finding that names the file."""
    run_dir, keys = copied
    for path in sorted(run_dir.iterdir()):
        if not path.stat().st_size:
            continue  # an empty log has no byte to change; adding one is the next test's
        original = path.read_bytes()
        for place in (0, 0.5, 1):
            flip(path, place)
            found = verify(run_dir, keys=keys)
            assert not found.ok, f"{path.name} at {place}"
            assert any(path.name in finding.sentence for finding in found.findings), (path.name, found.findings)
        path.write_bytes(original)
    assert verify(run_dir, keys=keys).ok


def test_a_changed_file_makes_the_command_exit_30(finished, tmp_path):
    """From the outside: exit code 30, the file's name, nothing that looks like a verdict."""
    bench, _, run_dir = finished
    copy = tmp_path / run_dir.name
    shutil.copytree(run_dir, copy)
    flip(copy / "report.html", 0.5)
    called = bench.call("verify", str(copy))
    assert called.code == 30, called
    assert "NOT VERIFIED" in called.out
    assert "report.html" in called.out
    assert json.loads(bench.call("verify", str(copy), "--json").out)["verified"] is False


@pytest.mark.parametrize(
    "name", ["run.log", "summary.md", "views.dsse.json", "frames.parquet", "attestation.dsse.json"]
)
def test_an_added_byte_is_found(copied, name):
    """A byte more is a change, in an empty file as well."""
    run_dir, keys = copied
    with (run_dir / name).open("ab") as file:
        file.write(b"\n")
    assert not verify(run_dir, keys=keys).ok


@pytest.mark.parametrize("name", ["feed.json", "telemetry.journal", "report.png", "attestation.sigstore.json"])
def test_a_missing_file_is_found(copied, name):
    """A file less is a change."""
    run_dir, keys = copied
    (run_dir / name).unlink()
    assert not verify(run_dir, keys=keys).ok


def test_an_added_file_is_found(copied):
    """Nothing may be slipped in beside the signed files."""
    run_dir, keys = copied
    (run_dir / "notes.txt").write_text("PASS, trust me")
    assert not verify(run_dir, keys=keys).ok


def test_another_key_does_not_verify(finished, tmp_path):
    """A report signed by a key that is not trusted is refused, whatever it says; the message names the key."""
    bench, _, run_dir = finished
    create_key(tmp_path, "other", passphrase=None)
    called = bench.call("verify", str(run_dir), "--key", str(tmp_path / "other.pub"))
    assert called.code == 30, called
    assert "SHA256:" in called.out


def test_invented_numbers_are_found_even_when_signed(finished, tmp_path):
    """A result whose numbers the evidence does not give is refused though its signer is trusted."""
    bench, _, run_dir = finished
    copy = tmp_path / run_dir.name
    shutil.copytree(run_dir, copy)
    document = json.loads((copy / "result.json").read_bytes())
    document["judgement"]["status"] = "PASS"
    document["exit_code"] = 0
    forged = canonical_json(document)
    (copy / "result.json").write_bytes(forged)
    signer = load_signer(bench.folder / "home" / "keys" / "rig.pem", passphrase=None)
    result = from_json(Result, forged, what="forged")
    envelope = sign(build_result_statement(result, result_sha256=sha256_hex(forged)), signer)
    (copy / "attestation.dsse.json").write_bytes(envelope)
    (copy / "attestation.sigstore.json").write_bytes(to_sigstore_bundle(envelope))
    covered = {
        name: digest
        for name, digest in hash_files(copy).items()
        if name not in {*result.files, "result.json", "views.dsse.json"}
    }
    (copy / "views.dsse.json").write_bytes(sign(build_views_statement(covered, result.run_id), signer))
    found = verify(copy, keys=[bench.folder / "home" / "keys" / "rig.pub"])
    assert not found.ok
    assert any("not what the evidence gives" in finding.sentence for finding in found.findings), found.findings


def forget_digests(path):
    """Take what the run noted of its own files out of its events, as a forger with the rig's key would."""
    events = [json.loads(line) for line in path.read_bytes().splitlines()]
    for event in events:
        event["detail"].pop("written", None)
    path.write_bytes(b"".join(canonical_json(event) + b"\n" for event in events))


def test_limits_other_than_the_profiles_are_found_even_when_signed(finished, tmp_path):
    """A plan whose limits were loosened, judged and signed as a whole, does not fit the profile beside it."""
    bench, _, run_dir = finished
    copy = tmp_path / run_dir.name
    shutil.copytree(run_dir, copy)
    for name in SIGNED_FILES + VIEW_FILES:
        (copy / name).unlink()
    plan = json.loads((copy / "plan.json").read_bytes())
    plan["limits"] = [limit for limit in plan["limits"] if limit["check_id"] != "latency.p99_max_ms"]
    (copy / "plan.json").write_bytes(canonical_json(plan))
    forget_digests(copy / "events.jsonl")
    forged = conclude(copy, load_signer(bench.folder / "home" / "keys" / "rig.pem", passphrase=None))
    assert forged.judgement.status.value != "FAIL"
    found = verify(copy, keys=[bench.folder / "home" / "keys" / "rig.pub"])
    assert [finding.sentence for finding in found.findings] == ["plan.json was not made from profile.yaml"]


def test_a_link_in_a_run_directory_is_refused(copied):
    """A link could show another file tomorrow."""
    run_dir, keys = copied
    target = run_dir.parent / "elsewhere.md"
    (run_dir / "summary.md").rename(target)
    (run_dir / "summary.md").symlink_to(target)
    with pytest.raises(TrustError, match="not a regular file"):
        verify(run_dir, keys=keys)


def test_an_unfinished_run_is_no_evidence(finished, tmp_path):
    """A directory without its attestation is named as unfinished."""
    bench, _, _ = finished
    (tmp_path / "half").mkdir()
    called = bench.call("verify", str(tmp_path / "half"))
    assert called.code == 30, called
    assert "no finished run" in called.err


def test_the_sample_in_the_repository_is_verified():
    """The run that the README shows is what its key signed, and this version of hilrig finds the same numbers."""
    reports = Path(__file__).parents[2] / "reports"
    found = verify(reports / "sample", keys=[reports / "sample.pub"])
    assert found.ok, f"{found.findings}; after a change of the judgement: make sample"
