"""`hilrig run` over an external process: a C program built as the documents say, and one that misbehaves."""

import hashlib
import json
import shutil
import subprocess
import sys
from importlib.resources import files

import pyarrow.parquet as pq
import pytest

import ring_client
from hilrig.core.frame import Outcome, OutcomeReason

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_run_relay*

PROFILE = """\
format: 1
name: own-station
device_class: [x86-cpu, arm64-cpu]
model: {{files: [], labels: [porosity, crack]}}
pipeline:
  target: ring
  target_options: {{command: {command}{options}}}
  decide: {{thresholds: {{porosity: 0.9, crack: 0.9}}}}
feed: {{source: synthetic, pool_frames: 4, options: {{seed: 1, width_px: 128, height_px: 128}}}}
queue: {{depth: 4, on_full: drop_oldest}}
run: {{warmup_s: 0.2, telemetry_period_ms: 100, self_test_s: 0.2}}
hil_validation:
  latency: {{p99_max_ms: 1000, decision_gap_max_ms: 20000, duration_minutes: 0.0333333, frame_rate_fps: 100}}
"""


def station(bench, *command, **options):
    """Write a profile for a command."""
    folder = bench.folder / "station"
    folder.mkdir(exist_ok=True)
    stated = "".join(f", {name}: {value}" for name, value in options.items())
    (folder / "profile.yaml").write_text(PROFILE.format(command=json.dumps(list(command)), options=stated))
    return "station"


def misbehaving(bench, mode, **options):
    """Write a profile for the Python client in one of its modes."""
    name = station(bench, sys.executable, "ring_client.py", mode, **options)
    shutil.copy(ring_client.__file__, bench.folder / name)
    return name


def measured(bench):
    result = json.loads((bench.run_dirs()[0] / "result.json").read_bytes())
    return {m["metric"]: m["value"] for m in result["judgement"]["measurements"]}


def checks(bench):
    result = json.loads((bench.run_dirs()[0] / "result.json").read_bytes())
    return {check["check_id"]: check for check in result["judgement"]["checks"]}


def reasons(bench):
    """Return how many frames failed for which reason, warm-up included."""
    table = pq.read_table(bench.run_dirs()[0] / "frames.parquet").to_pandas()
    failed = table[table["outcome"] == Outcome.FAILED]
    return {OutcomeReason(reason).name: int(n) for reason, n in failed["reason"].value_counts().items()}


def events(bench, kind):
    lines = (bench.run_dirs()[0] / "events.jsonl").read_text().splitlines()
    return [event["detail"] for event in map(json.loads, lines) if event["kind"] == kind]


def test_the_c_example_goes_through_a_whole_run(bench):
    """Built with cc as its comment says, it is measured like any pipeline: stages, memory, every frame."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    name = station(bench, "./example")
    source = files("hilrig") / "target" / "ring"
    for part in ("hilrig_ring.h", "example.c"):
        shutil.copy(str(source / part), bench.folder / name)
    subprocess.run(["cc", "-std=c11", "-O2", "-o", "example", "example.c"], cwd=bench.folder / name, check=True)
    called = bench.run(name)
    assert called.code == 11, called  # 200 frames never pass a p99 limit
    counts = measured(bench)
    assert counts["frames_offered"] == 200, called
    assert counts["frames_decided"] + counts["frames_dropped"] == 200
    assert counts["frames_failed"] == 0
    assert counts["infer_p50_ms"] is not None
    assert 0 < counts["host_memory_peak_mib"] < 20, "the program's memory, not that of a Python process"
    (worker,) = [detail["facts"] for detail in events(bench, "child_ready") if detail["role"] == "worker"]
    assert worker["target"]["command"] == ["./example"]
    digest = hashlib.sha256((bench.folder / name / "example").read_bytes()).hexdigest()
    assert worker["target"]["command_sha256"] == {"./example": digest}
    assert events(bench, "run_ended")[0]["ended"] == "completed"
    assert bench.call("verify", str(bench.run_dirs()[0])).code == 11


@pytest.fixture(scope="module")
def misbehaved(benches):
    """Return the bench and the call of a run for two misdeeds; both are done at once, neither is about time."""
    misdeeds = {"die": {}, "never": {"answer_timeout_ms": 20, "max_in_flight": 8}}
    rooms = {mode: benches.new(mode) for mode in misdeeds}
    calls = {mode: bench.start("run", misbehaving(bench, mode, **misdeeds[mode])) for mode, bench in rooms.items()}
    return {mode: (bench, benches.ended(calls[mode])) for mode, bench in rooms.items()}


def test_a_program_that_dies_fails_the_run(misbehaved):
    """Every frame from its death on is TARGET_LOST: the run goes on in order and FAILs: the target is blamed."""
    bench, called = misbehaved["die"]
    assert set(reasons(bench)) == {"TARGET_LOST"}, called
    assert checks(bench)["frames.failed_max_pct"]["status"] == "FAIL", called
    assert called.code == 10, called


def test_a_program_that_sometimes_says_nothing_is_counted(misbehaved):
    """One frame of ten has no answer in 20 ms: NO_ANSWER, and nothing of it is called decided."""
    bench, called = misbehaved["never"]
    assert set(reasons(bench)) == {"NO_ANSWER"}, called
    counts = measured(bench)
    total = sum(counts[f"frames_{outcome}"] for outcome in ("decided", "dropped", "failed"))
    assert counts["frames_offered"] == total
    assert checks(bench)["frames.failed_max_pct"]["status"] == "FAIL", called
    assert called.code == 10, called


def test_a_program_that_cannot_load_is_refused_with_its_last_words(bench):
    """Exit code 22; the message says how it ended and what it printed."""
    called = bench.call("run", misbehaving(bench, "exit-while-loading"))
    assert called.code == 22, called
    assert "exit status 7" in called.err
    assert "cannot open weights.bin" in called.err


def test_a_missing_program_is_found_before_the_run(bench):
    """No process is started; the message names the path."""
    called = bench.call("run", station(bench, "./not-built-yet"))
    assert called.code == 22, called
    assert "there is no program" in called.err
    assert "not-built-yet" in called.err
    assert not bench.run_dirs()
