"""`power_loss_test: required` in a run, and the command of its own."""

import json

import pytest

from hilrig.faults.wrong_store import Kind
from power_loss_subjects import write_subject

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_app_power_loss*, test_faults_*

REQUIRED = "  recovery: {power_loss_test: required}\npower_loss: {subject_file: mine.yaml}"


def station(bench, kind):
    folder = bench.station(more=REQUIRED, duration_s=1)
    write_subject(bench.folder / folder / "mine.yaml", kind)
    return folder


def recovery_of(run_dir):
    judgement = json.loads((run_dir / "result.json").read_text())["judgement"]
    return next(check for check in judgement["checks"] if check["check_id"] == "recovery.power_loss_test")


@pytest.mark.nightly  # short: test_e2e_everything
def test_a_run_makes_the_test_and_its_report_has_it(bench):
    """Before the timed part; the evidence is hashed, signed, shown, and judged again with the rest."""
    called = bench.run(station(bench, Kind.SOUND))
    assert called.code == 11, called  # 1 s has too few frames for a p99
    (run_dir,) = bench.run_dirs()
    assert recovery_of(run_dir)["status"] == "PASS"
    assert (
        "file calls: 46 states, kill: 10 states; calibrated by 3 wrong stores" in recovery_of(run_dir)["sentence"]
    )
    assert "power_loss.json" in json.loads((run_dir / "result.json").read_text())["files"]
    assert "| file calls | 46 | 46 | 0 |" in (run_dir / "summary.md").read_text()
    assert bench.call("verify", str(run_dir)).code in (0, 11)
    again = bench.call("judge", str(run_dir), "--profile", "station", "--reports", "again")
    assert again.code == 11, again
    (judged,) = (bench.folder / "again").iterdir()
    assert recovery_of(judged) == recovery_of(run_dir)
    (run_dir / "power_loss.json").write_text("{}")
    assert bench.call("verify", str(run_dir)).code == 30


def test_an_update_that_does_not_survive_fails_the_run(bench):
    """Whatever the model does in the timed part."""
    called = bench.run(station(bench, Kind.OVERWRITE_IN_PLACE))
    assert called.code == 10, called
    (run_dir,) = bench.run_dirs()
    assert recovery_of(run_dir)["status"] == "FAIL"
    assert "half staged" in recovery_of(run_dir)["sentence"]


def test_the_command_tells_each_depth_and_the_verdict(bench):
    """One line for a depth, its calibration, the first cuts in words, exit code 10, the way to see them again."""
    write_subject(bench.folder / "mine.yaml", Kind.NO_FOLDER_FSYNC)
    called = bench.call("powerloss", "--subject", "mine.yaml", "--depth", "file_calls", "--out", "result.json")
    assert called.code == 10, called
    assert "file calls   60 cuts:" in called.out
    assert "sound 0 of 46, overwrite in place 14 of 20" in called.out
    assert "FAIL: no-folder-fsync did not come back: file calls: 9 of 60 cuts not survived" in called.out
    assert "--keep DIR" in called.out
    assert json.loads((bench.folder / "result.json").read_text())["depths"][0]["n_bad"] == 9


def test_what_cannot_run_makes_it_inconclusive(bench):
    """Exit code 11, one JSON object with the reason."""
    write_subject(bench.folder / "mine.yaml", Kind.SOUND)
    called = bench.call("powerloss", "--subject", "mine.yaml", "--depth", "rig", "--json")
    assert called.code == 11, called
    told = json.loads(called.out)
    assert told["status"] == "INCONCLUSIVE"
    assert "no rig is named" in told["sentence"]


def test_a_depth_that_does_not_exist_is_named(bench):
    """With those that do."""
    called = bench.call("powerloss", "--depth", "blocklog")
    assert called.code == 2, called
    assert "block_log" in called.err
