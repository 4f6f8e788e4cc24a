"""Faults on purpose under `hilrig run`: a pipeline that takes them well, and one that decides noise."""

import json
import socket

import pytest

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_run_drill*, test_verdict_faults*

PROFILE = """\
format: 1
name: drill
device_class: [x86-cpu, arm64-cpu]
model: {{files: [model.bin], labels: [defect]}}
pipeline:
  target: python
  target_options: {{callable: "pipeline:Pipeline"}}
  decide: {{thresholds: {{defect: 0.5}}}}
feed: {{source: synthetic, pool_frames: 4, options: {{seed: 1, width_px: 128, height_px: 128}}}}
queue: {{depth: 4, on_full: drop_oldest}}
run: {{warmup_s: 0.2, telemetry_period_ms: 100, self_test_s: 0.2, stop_when_failed: false}}
hil_validation:
  latency: {{p99_max_ms: 1000, decision_gap_max_ms: 2000, duration_minutes: {minutes}, frame_rate_fps: 50}}
faults:
{faults}
"""
PIPELINE = """\
import numpy as np

class Pipeline:
    def prepare(self, context):
        if {minds} and not context.model_files[0].read_bytes().endswith(b"end"):
            raise ValueError("the model file is damaged")

    def process(self, frame):
        steps = np.abs(np.diff(frame[::8].astype(np.int16), axis=1)).mean()
        if {minds} and (frame.shape != (128, 128, 3) or steps > 60):
            raise ValueError("this is no picture of the station's camera")
        return [0.0]

    def close(self):
        pass
"""
CALLS_OUT = """\
import socket

class Pipeline:
    def prepare(self, context):
        pass

    def process(self, frame):
        socket.create_connection(("127.0.0.1", {port}), timeout=1).close()
        return [0.0]

    def close(self):
        pass
"""
WRITES = """\
from pathlib import Path

class Pipeline:
    def prepare(self, context):
        context.model_files[0].read_bytes()
        self.path = Path(__file__).with_name("last-frame.bin")

    def process(self, frame):
        print("a word for each frame", flush=True)
        self.path.write_bytes(frame)
        return [0.0]

    def close(self):
        pass
"""
NO_FILES = """\
  - {name: full, kind: disk_full, at_s: 1, duration_s: 0.5, recovery_max_s: 1}
  - {name: locked, kind: no_permission, at_s: 3.7, duration_s: 1, recovery_max_s: 1}"""
EVERY = """\
  - {name: gone, kind: camera_stops, at_s: 1, duration_s: 0.4, recovery_max_s: 1}
  - {name: noise, kind: camera_garbage, at_s: 3.5, duration_s: 0.2, recovery_max_s: 1}
  - {name: hang, kind: model_hangs, at_s: 5.8, duration_s: 0.4, recovery_max_s: 1}
  - {name: crash, kind: model_crashes, at_frame: 421, recovery_max_s: 4}
  - {name: kill, kind: worker_killed, at_s: 13.6, recovery_max_s: 4}"""
BLIND = """\
  - {name: noise, kind: camera_garbage, at_s: 1, duration_s: 0.4, recovery_max_s: 1}
  - {name: torn, kind: model_corrupt, at_s: 3.5, duration_s: 1, recovery_max_s: 1}"""


def write_profile(bench, *, faults, minds, n_s) -> str:
    folder = bench.folder / "station"
    folder.mkdir()
    (folder / "profile.yaml").write_text(PROFILE.format(faults=faults, minutes=n_s / 60))
    (folder / "pipeline.py").write_text(PIPELINE.format(minds=minds))
    (folder / "model.bin").write_bytes(b"x" * 1000 + b"end")
    return "station"


def result_of(bench):
    (run_dir,) = bench.run_dirs()
    return run_dir, json.loads((run_dir / "result.json").read_text())


def status_of_a_failure(judgement) -> str:
    """Return what a broken limit of a fault is called: on a busy machine the camera of the drill may be late."""
    (camera,) = [one for one in judgement["self_checks"] if one["check_id"] == "drill.camera"]
    return "FAIL" if camera["ok"] else "INCONCLUSIVE"


@pytest.mark.nightly  # short: test_e2e_everything
def test_a_pipeline_that_takes_every_fault_well_passes_its_drill(bench):
    """Five faults in one drill of 19 s: each happened, each check holds, the report tells of each.

    What this machine's noise does to the p99 or to the camera is not the matter: the faults' own checks are.
    """
    called = bench.run(write_profile(bench, faults=EVERY, minds=True, n_s=2))
    run_dir, result = result_of(bench)
    judgement = result["judgement"]
    own = {one["check_id"]: one for one in judgement["checks"] if one["check_id"].startswith("faults.")}
    assert len(own) == 6
    assert {one["status"] for one in own.values()} <= {"PASS"}, called.out
    self_checks = {one["check_id"]: one for one in judgement["self_checks"]}
    assert self_checks["drill.record"]["ok"], self_checks["drill.record"]
    assert self_checks["drill.injected"]["ok"], self_checks["drill.injected"]
    offered = next(one for one in judgement["measurements"] if one["metric"] == "frames_offered")
    assert offered["value"] == 100, "the drill's frames are not measured"
    page = (run_dir / "report.html").read_text()
    assert all(f"{name} (" in page for name in ("gone", "noise", "hang", "crash", "kill"))
    assert "Fault on purpose" in (run_dir / "summary.md").read_text()
    assert bench.call("verify", str(run_dir)).code in (0, 10, 11)


def test_a_pipeline_that_decides_noise_and_takes_a_damaged_model_fails(bench):
    """It says good to everything: FAIL, and the sentence names the fault and the number of frames."""
    called = bench.run(write_profile(bench, faults=BLIND, minds=False, n_s=1))
    _, result = result_of(bench)
    status = status_of_a_failure(result["judgement"])
    assert called.code == {"FAIL": 10, "INCONCLUSIVE": 11}[status], called.err
    checks = {one["check_id"]: one for one in result["judgement"]["checks"]}
    assert checks["faults.noise.handled"]["status"] == status
    assert checks["faults.noise.handled"]["observed"] >= 15, "20 frames, but for those that a busy machine drops"
    assert "noise: the camera sent noise for 0.4 s" in checks["faults.noise.handled"]["sentence"]
    assert checks["faults.torn.handled"]["status"] == status
    (torn,) = [one for one in result["judgement"]["faults"] if one["name"] == "torn"]
    assert torn["seen"].startswith("loaded without a word")


def test_a_pipeline_that_calls_out_fails_without_a_network(bench):
    """It asks a service of this machine each time. That one is there; from inside the namespace it is not."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        station = write_profile(bench, faults="", minds=False, n_s=1)
        folder = bench.folder / station
        text = (folder / "profile.yaml").read_text().replace("faults:\n\n", "")
        (folder / "pipeline.py").write_text(CALLS_OUT.format(port=server.getsockname()[1]))
        (folder / "profile.yaml").write_text(text)
        (folder / "profile.yaml").write_text(text.replace("run: {", "run: {network: false, "))
        called = bench.run(station)
    if "cannot be kept here" in called.err:
        pytest.skip("hardware: this kernel or container gives no network namespace")
    _, result = result_of(bench)
    assert called.code == 10, called
    values = {one["metric"]: one["value"] for one in result["judgement"]["measurements"]}
    assert (values["frames_decided"], values["frames_offered"]) == (0, 50)


def test_a_pipeline_that_writes_a_file_for_each_frame_fails_on_a_full_disk(bench):
    """It stops deciding, and says so; printing alone harms nobody. A model that it may not read it refuses."""
    station = write_profile(bench, faults=NO_FILES, minds=True, n_s=1)
    (bench.folder / station / "pipeline.py").write_text(WRITES)
    bench.run(station)
    run_dir, result = result_of(bench)
    judgement = result["judgement"]
    self_checks = {one["check_id"]: one for one in judgement["self_checks"]}
    assert self_checks["drill.injected"]["ok"], self_checks["drill.injected"]
    checks = {one["check_id"]: one for one in judgement["checks"]}
    assert checks["faults.full.undecided_max_pct"]["status"] == status_of_a_failure(judgement)
    assert checks["faults.full.undecided_max_pct"]["observed"] > 50
    assert checks["faults.full.recovery_max_s"]["status"] == "PASS"
    assert checks["faults.locked.handled"]["status"] == "PASS"
    full, locked = judgement["faults"]
    assert full["n_failed"] > 0
    assert "Permission denied" in locked["seen"]
    log = (run_dir / "run.log").read_text()
    assert "a word for each frame" in log
    assert "File too large" in log


@pytest.mark.nightly  # short: the test above
def test_a_pipeline_that_only_prints_goes_on_deciding_on_a_full_disk(bench):
    """What it prints goes through a pipe to the run's log. A busy machine may drop frames, none may fail."""
    station = write_profile(bench, faults=NO_FILES, minds=True, n_s=1)
    (bench.folder / station / "pipeline.py").write_text(
        WRITES.replace("self.path.write_bytes(frame)", "len(frame)")
    )
    bench.run(station)
    _, result = result_of(bench)
    full, _ = result["judgement"]["faults"]
    assert full["n_decided"] > 0
    assert full["n_failed"] == 0
