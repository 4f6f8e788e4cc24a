"""`hilrig judge`: a finished run held against other limits, without a rig."""

import json
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.waiting


@pytest.fixture
def profile(finished, tmp_path):
    """Return a function from replaced texts to a profile like the finished run's."""
    _, _, run_dir = finished
    own = (run_dir / "profile.yaml").read_text()

    def write(old: str, new: str) -> str:
        assert own.count(old) == 1
        (tmp_path / "other").mkdir(exist_ok=True)
        (tmp_path / "other" / "profile.yaml").write_text(own.replace(old, new))
        return str(tmp_path / "other")

    return write


def judge(bench, run_dir, profile, reports, *more):
    """Call `hilrig judge`."""
    return bench.call("judge", str(run_dir), "--profile", profile, "--reports", str(reports), *more)


def test_a_run_is_judged_again_with_another_limit(finished, profile, tmp_path):
    """No pipeline fits into 1 MiB. Exit code and text are those of a run; old and new directory verify."""
    bench, called, run_dir = finished
    judged = judge(
        bench,
        run_dir,
        profile("hil_validation:", "hil_validation:\n  resources: {host_memory_max_mb: 1}"),
        tmp_path / "again",
    )
    assert judged.code == 10, judged
    run_id = run_dir.name.rpartition("-")[2]
    assert f"judged again from run {run_id} with profile digest " in judged.out
    assert "FAIL" in judged.out
    (new_dir,) = (tmp_path / "again").iterdir()
    assert f"next: hilrig triage {new_dir}" in judged.out
    assert f"      hilrig verify {new_dir}" in judged.out
    verified = bench.call("verify", str(new_dir))
    assert verified.code == 10, verified
    assert bench.call("verify", str(run_dir)).code == called.code


def test_json_names_the_source(finished, profile, tmp_path):
    """One object for a script: the new run, and whose evidence it judges."""
    bench, _, run_dir = finished
    judged = judge(bench, run_dir, profile("p99_max_ms: 1000", "p99_max_ms: 900"), tmp_path / "again", "--json")
    told = json.loads(judged.out)
    assert told["exit_code"] == judged.code
    assert told["judged_from"]["run_id"] == run_dir.name.rpartition("-")[2]
    assert told["run_id"] != told["judged_from"]["run_id"]
    assert Path(told["run_dir"]).parent == tmp_path / "again"


def test_another_measurement_is_refused_with_what_it_was(finished, profile, tmp_path):
    """Exit code 22, the difference, the command that would measure it; nothing is left behind."""
    bench, _, run_dir = finished
    refused = judge(bench, run_dir, profile("depth: 64", "depth: 8"), tmp_path / "again")
    assert refused.code == 22, refused
    assert "queue.depth: it measured 64, the profile asks for 8" in refused.err
    assert "hilrig run" in refused.err
    assert not list((tmp_path / "again").iterdir())


def test_a_tampered_run_gets_no_signature(finished, profile, tmp_path):
    """Exit code 30 and the name of the changed file."""
    bench, _, run_dir = finished
    copy = tmp_path / run_dir.name
    shutil.copytree(run_dir, copy)
    with (copy / "events.jsonl").open("ab") as file:
        file.write(b"\n")
    refused = judge(bench, copy, profile("p99_max_ms: 1000", "p99_max_ms: 900"), tmp_path / "again")
    assert refused.code == 30, refused
    assert "events.jsonl changed since the run was signed" in refused.err
    assert not list((tmp_path / "again").iterdir())
