"""A real run of before frames had flags stays readable: it is loaded, judged, recovered, verified."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from hilrig.app.finished.conclude import read_evidence
from hilrig.app.finished.recover import recover
from hilrig.app.finished.verify import verify
from hilrig.attest.envelope import verify_envelope
from hilrig.attest.keys import create_key, load_public_keys, load_signer
from hilrig.config.noun_json import from_json
from hilrig.core import files
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import SystemClock
from hilrig.core.result import Result
from hilrig.core.verdict import RunStatus
from hilrig.record.columns import version_of
from hilrig.record.finish import finish
from hilrig.record.parquet import parquet_schema
from hilrig.verdict.judge import judge

OLD = Path(__file__).parent / "run_format_1"
N_FRAMES = 620


@pytest.fixture
def unfinished(tmp_path: Path) -> Path:
    """Return a copy of the old run as it was before it was judged."""
    run_dir = tmp_path / "20261121T083350Z-old-station-aace57b5"
    shutil.copytree(OLD, run_dir)
    for name in (files.RESULT, files.ATTESTATION):
        (run_dir / name).unlink()
    return run_dir


def old_result() -> Result:
    return from_json(Result, (OLD / files.RESULT).read_bytes(), what=files.RESULT)


def test_its_record_is_whole():
    """Every frame is there, of camera 0 and without flags; the plan's newer fields have their old meaning."""
    record = read_evidence(OLD)
    assert record.frames["frame_id"].tolist() == list(range(N_FRAMES))
    assert not record.frames["flags"].any()
    assert not record.frames["camera_id"].any()
    assert record.plan.judged_from is None
    assert not record.plan.stop_when_failed


def test_it_is_judged_as_it_was():
    """The same verdict and the same percentile to the last bit, from the same frames."""
    old, new = old_result().judgement, judge(read_evidence(OLD))
    assert (old.status, new.status) == (RunStatus.PASS, RunStatus.PASS)
    observed = {check.check_id: (check.observed, check.status) for check in new.checks}
    for check in old.checks:
        assert observed[check.check_id] == (check.observed, check.status), check.check_id


def test_its_result_has_nothing_of_what_was_not_known_then():
    """What a newer judgement adds is empty in an old result, not an error."""
    judgement = old_result().judgement
    assert (judgement.causes, judgement.change_points, judgement.processes, judgement.floor) == ((), (), (), None)


def test_its_signature_holds():
    """The statement is over the result as it lies here."""
    keys = load_public_keys([OLD.with_suffix(".pub")])
    signed = verify_envelope((OLD / files.ATTESTATION).read_bytes(), keys)
    assert signed.statement.subjects[files.RESULT] == sha256_hex((OLD / files.RESULT).read_bytes())


def test_its_tables_keep_its_format(unfinished):
    """Parquet made of an old journal today is of the old format too, and gives the same frames."""
    from_journal = read_evidence(unfinished).frames
    finish(unfinished)
    schema = parquet_schema(unfinished / files.FRAMES_TABLE)
    assert schema is not None
    assert version_of(schema) == b"1"
    np.testing.assert_array_equal(read_evidence(unfinished).frames, from_journal)


@pytest.mark.parametrize("n_bytes_lost", [0, 3000])
def test_it_is_recovered_judged_and_verified(unfinished, tmp_path, n_bytes_lost):
    """A machine that lost power while the old version ran is rescued by this one; a cut tail costs one batch."""
    path = unfinished / files.FRAMES
    path.write_bytes(path.read_bytes()[: path.stat().st_size - n_bytes_lost])
    create_key(tmp_path / "keys", "rig", passphrase=None)
    signer = load_signer(tmp_path / "keys" / "rig.pem", passphrase=None)
    recovered = recover(unfinished, signer, clock=SystemClock())
    kept = recovered.recovery.frames.n_rows_kept
    assert kept == N_FRAMES if not n_bytes_lost else 0 < kept < N_FRAMES
    assert verify(unfinished, keys=[tmp_path / "keys" / "rig.pub"]).ok
