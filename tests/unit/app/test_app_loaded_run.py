"""hilrig.load: a run in a notebook, with its units, and nothing that is not known turned into 0."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hilrig
from finished_soaks import HOURS, finish_soak
from hilrig.app.export.loaded_run import LoadedRun
from hilrig.core import files
from hilrig.core.errors import PreconditionError, RecordError
from hilrig.core.verdict import Check, RunStatus
from soaks import throttled_soak, write_soak


@pytest.fixture(scope="module")
def soak(tmp_path_factory):
    return finish_soak(tmp_path_factory.mktemp("soak"))


@pytest.fixture(scope="module")
def run(soak) -> LoadedRun:
    return hilrig.load(soak.run_dir)


def test_importing_hilrig_costs_nothing():
    """The command line starts in a tenth of a second; pandas alone takes longer."""
    code = (
        "import sys, hilrig; sys.exit(sorted({'pandas', 'numpy', 'pyarrow', 'pydantic'} & set(sys.modules)) != [])"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_verdict_checks_and_plan_are_the_typed_ones(run, soak):
    """What was judged when the run ended, not judged again."""
    assert run.result.run_id == soak.result.run_id
    assert run.verdict == soak.result.judgement
    assert run.verdict.status is RunStatus.FAIL
    assert all(isinstance(check, Check) for check in run.checks)
    assert run.plan == soak.record.plan


def test_a_frame_is_a_row_with_its_stages_in_ms(run, soak):
    """All frames, warm-up before 0 s; the stages of a decided frame sum to its latency."""
    frames, plan = run.frames, soak.record.plan
    assert len(frames) == plan.n_frames
    assert frames["is_warmup"].sum() == plan.n_warmup_frames
    assert (frames.loc[frames["is_warmup"], "t_s"] < 0).all()
    assert frames["t_s"][plan.n_warmup_frames] == 0
    stages = frames[["feeder_lateness_ms", "queue_ms", "preprocess_ms", "infer_ms", "decide_ms"]]
    decided = frames["outcome"] == "decided"
    assert np.allclose(stages[decided].sum(axis=1), frames["latency_ms"][decided])


def test_the_p99_of_the_frames_is_that_of_the_report(run):
    """Nearest rank over the measured part with dropped frames as infinite: the number that was judged."""
    measured = run.frames.loc[~run.frames["is_warmup"], "latency_ms"].fillna(np.inf)
    (check,) = [check for check in run.checks if check.check_id == "latency.p99_max_ms"]
    assert measured.sort_values().iloc[int(np.ceil(0.99 * len(measured))) - 1] == pytest.approx(check.observed)


def test_a_dropped_frame_has_no_numbers(run):
    """No latency, no stages after its release, no decision; a reason, and what was really in it."""
    dropped = run.frames[run.frames["outcome"] == "dropped"]
    assert len(dropped)
    assert (dropped["reason"] == "queue_full").all()
    for name in ("latency_ms", "queue_ms", "preprocess_ms", "infer_ms", "decide_ms", "score", "found"):
        assert dropped[name].isna().all(), name
    assert dropped["truth"].notna().all()
    assert run.frames.loc[run.frames["outcome"] == "decided", "reason"].isna().all()


def test_found_and_truth_can_be_compared(run):
    """Both name the same labels; all but one frame in a thousand were decided as they are."""
    decided = run.frames[run.frames["outcome"] == "decided"]
    wrong = decided["found"] != decided["truth"]
    assert 0 < wrong.mean() < 0.01
    assert "(none)" in set(decided["truth"])


def test_telemetry_has_units_and_no_invented_values(run, soak):
    """A channel that is read once a second is NaN in between; every reading is there once."""
    clock = run.telemetry["hilrig.hw.gpu.clock.frequency{hw.id=gpu0,domain=graphics} [Hz]"]
    celsius = run.telemetry["hw.temperature{hw.id=gpu0} [Cel]"]
    assert clock.loc[0:].notna().mean() > 0.9
    assert 0.05 < celsius.notna().mean() < 0.2
    assert int(run.telemetry.notna().to_numpy().sum()) == len(run.readings) == len(soak.record.readings)
    assert run.readings["value"].notna().all()
    assert run.readings["reason"].isna().all()


def test_events_tell_what_happened(run):
    """In their order, with their details."""
    assert run.events["kind"].iloc[-1] == "run_ended"
    assert run.events["detail"].iloc[-1]["ended"] == "completed"


def test_an_unfinished_run_has_tables_and_no_verdict(tmp_path):
    """What is on the disk is read; the verdict says why there is none, and what to type."""
    run_dir = write_soak(throttled_soak(hours=HOURS), tmp_path)
    (run_dir / files.FRAMES_TABLE).unlink()
    (run_dir / files.TELEMETRY_TABLE).unlink()
    run = hilrig.load(str(run_dir))
    assert len(run.frames) == run.plan.n_frames
    assert len(run.telemetry)
    with pytest.raises(PreconditionError, match="unfinished") as caught:
        _ = run.verdict
    assert "hilrig recover" in caught.value.hint


def test_a_run_that_died_in_its_warm_up_has_tables(soak, tmp_path):
    """No measured frame says when the measured part began; the schedule does."""
    run_dir = Path(shutil.copytree(soak.run_dir, tmp_path / "run"))
    for name in (files.FRAMES_TABLE, files.TELEMETRY_TABLE, files.RESULT):
        (run_dir / name).unlink()
    os.truncate(run_dir / files.FRAMES, 0)
    os.truncate(run_dir / files.FRAMES_JOURNAL, 0)
    run = hilrig.load(run_dir)
    assert len(run.frames) == 0
    assert run.telemetry.index[0] == 0


def test_what_is_no_run_is_refused(tmp_path):
    """Before the first table is asked for."""
    with pytest.raises(RecordError):
        hilrig.load(tmp_path)
    with pytest.raises(RecordError, match="not a folder"):
        hilrig.load(tmp_path / "none")


def test_the_example_of_the_readme_runs(soak, tmp_path):
    """From a run directory to a picture, exactly as it stands there; only the run is a throttled one."""
    repository = Path(hilrig.__file__).parents[1]
    (example,) = re.findall(r"```python\n(.*?)```", (repository / "README.md").read_text(), re.DOTALL)
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "sample").symlink_to(soak.run_dir)
    environment = os.environ | {"MPLBACKEND": "Agg", "MPLCONFIGDIR": str(tmp_path), "PYTHONPATH": str(repository)}
    subprocess.run([sys.executable, "-c", example], check=True, env=environment, cwd=tmp_path)
    assert (tmp_path / "latency.png").read_bytes().startswith(b"\x89PNG")
