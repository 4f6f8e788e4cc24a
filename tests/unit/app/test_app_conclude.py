"""hilrig.app.finished.conclude: from evidence to a signed result, in an order that a power cut cannot abuse."""

import base64
import shutil
from pathlib import Path

import pytest

from builders import make_event
from finished_soaks import finish_soak, leave_out_the_picture
from hilrig.app.finished import conclude as subject
from hilrig.app.finished.verify import verify
from hilrig.app.judge import judge_again
from hilrig.attest.keys import create_key, load_signer
from hilrig.attest.public_key import public_key_der
from hilrig.core import files
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import ManualClock
from hilrig.core.errors import RecordError
from hilrig.record.run_directory import write_atomic

SAMPLE = Path(__file__).parents[3] / "reports" / "sample"


@pytest.fixture
def evidence(tmp_path):
    """Return the sample's evidence without anything that was made from it."""
    run_dir = tmp_path / "run"
    shutil.copytree(SAMPLE, run_dir)
    for name in (*subject.DERIVED, files.RESULT):
        (run_dir / name).unlink()
    return run_dir


@pytest.fixture
def undrawn(monkeypatch):
    """Leave the picture to the test of the sample, which draws it."""
    leave_out_the_picture(monkeypatch)


@pytest.fixture(scope="module")
def soak(tmp_path_factory):
    return finish_soak(tmp_path_factory.mktemp("soak"))


@pytest.fixture
def signer(tmp_path):
    """Return the signer of a new key; its public half is `keys/rig.pub`."""
    create_key(tmp_path / "keys", "rig", passphrase=None)
    return load_signer(tmp_path / "keys" / "rig.pem", passphrase=None)


def is_verified(run_dir, tmp_path):
    return verify(run_dir, keys=[tmp_path / "keys" / "rig.pub"]).ok


def test_the_sample_is_concluded_anew_with_another_key(evidence, signer, tmp_path):
    """Evidence alone is enough: result, signatures and views follow from it."""
    result = subject.conclude(evidence, signer)
    assert is_verified(evidence, tmp_path)
    assert result.run_id in (evidence / files.REPORT_HTML).read_text()


@pytest.mark.parametrize(
    ("boot", "reason"),
    [
        ("boot-1", "the supervisor itself was lost; recovered from the journals"),
        ("", "the supervisor itself was lost; recovered from the journals"),
        (
            "boot-2",
            "the rig rebooted in the middle of the run (power cut, crash or restart); recovered from the journals",
        ),
    ],
)
def test_a_recovered_run_says_how_it_was_cut_off(boot, reason):
    """Another boot than the one it began in is a reboot; the same, or an unknown one, is not called so."""
    events = [make_event("run_created", boot_id="boot-1"), make_event("recovered", boot_id=boot)]
    end = subject._end_of(events)
    assert end.detail == {"ended": "recovered", "reason": reason}


@pytest.mark.usefixtures("undrawn")
def test_result_json_is_the_last_file_that_is_written(evidence, signer, tmp_path, monkeypatch):
    """Cut short after any file, the directory is unfinished, never half-signed; a second attempt mends it."""
    n_writes = len(subject.DERIVED) + 1
    for n_allowed in range(n_writes):
        written = []

        def write(path, data, n_allowed=n_allowed, written=written):
            if len(written) == n_allowed:
                raise OSError(28, "No space left on device")
            written.append(path.name)
            path.write_bytes(data)

        monkeypatch.setattr(subject, "write_atomic", write)
        with pytest.raises(OSError, match="No space left"):
            subject.conclude(evidence, signer)
        assert not (evidence / files.RESULT).exists()
    monkeypatch.setattr(subject, "write_atomic", write_atomic)
    subject.conclude(evidence, signer)
    assert is_verified(evidence, tmp_path)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"asked":[]}', b"null"])
def test_a_proof_that_was_cut_is_no_missing_proof(evidence, content):
    """accelerator.json that cannot be read is named; only a run without the file has none."""
    assert subject.read_evidence(evidence).accelerator is None
    (evidence / files.ACCELERATOR).write_bytes(content)
    with pytest.raises(RecordError, match="accelerator.json"):
        subject.read_evidence(evidence)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    """What every run writes before its first frame has to be there."""
    with pytest.raises(RecordError, match="no run offered a frame here"):
        subject.refuse_other_than_run(tmp_path)


def test_the_worst_frames_are_photographed_where_the_feed_is_known(soak):
    """The pictures are evidence: hashed into the result, verified with it, shown in the page."""
    assert soak.result.files[files.THUMBNAILS] == sha256_hex((soak.run_dir / files.THUMBNAILS).read_bytes())
    assert verify(soak.run_dir, keys=[soak.public_key]).ok
    assert "data:image/jpeg;base64," in (soak.run_dir / files.REPORT_HTML).read_text()


def test_the_exit_code_of_a_result_is_a_plain_number(soak):
    """Python 3.10 writes a member of an enumeration by its name: the page would not show what was signed."""
    assert type(soak.result.exit_code) is int
    assert str(soak.result.exit_code) == "10"


@pytest.mark.usefixtures("undrawn")
def test_without_the_feed_a_run_is_concluded_all_the_same(evidence, signer, tmp_path):
    """`recover` may not know the profile's folder."""
    (evidence / files.THUMBNAILS).unlink()
    result = subject.conclude(evidence, signer)
    assert files.THUMBNAILS not in result.files
    assert is_verified(evidence, tmp_path)


@pytest.mark.usefixtures("undrawn")
def test_the_page_can_check_its_own_signature(evidence, signer):
    """It holds the envelope, the public key and result.json, byte for byte."""
    subject.conclude(evidence, signer)
    page = (evidence / files.REPORT_HTML).read_text()
    assert base64.b64encode((evidence / files.ATTESTATION).read_bytes()).decode() in page
    assert base64.b64encode(public_key_der(signer.public_key)).decode() in page


@pytest.mark.usefixtures("undrawn")
def test_a_run_judged_again_keeps_its_pictures(soak, tmp_path):
    """They were made from the feed of then; where the run is judged again there may be none."""
    station = tmp_path / "station"
    station.mkdir()
    text = (soak.run_dir / files.PROFILE).read_text()
    (station / files.PROFILE).write_text(text.replace("p99_max_ms: 16", "p99_max_ms: 40"))
    again = judge_again(
        soak.run_dir,
        station,
        reports=tmp_path / "again",
        signer=load_signer(soak.private_key, passphrase=None),
        keys=[soak.public_key],
        clock=ManualClock(1_800_000_000_000_000_000),
    )
    assert (again.run_dir / files.THUMBNAILS).read_bytes() == (soak.run_dir / files.THUMBNAILS).read_bytes()
    assert "data:image/jpeg;base64," in (again.run_dir / files.REPORT_HTML).read_text()
