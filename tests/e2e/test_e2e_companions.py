"""Runs beside real companions: the agent that ships, a load of stress-ng, a model that takes all CPUs."""

import json
import shutil
import socket

import psutil
import pytest

pytestmark = pytest.mark.waiting

PROFILE = """\
format: 1
name: beside
device_class: [x86-cpu, arm64-cpu]
model: {{files: [], labels: [defect]}}
pipeline:
  target: python
  target_options: {{callable: "pipeline:Pipeline"}}
  decide: {{thresholds: {{defect: 0.5}}}}
feed: {{source: synthetic, pool_frames: 4, options: {{seed: 1, width_px: 128, height_px: 128}}}}
queue: {{depth: 4, on_full: drop_oldest}}
run: {{warmup_s: 0.2, telemetry_period_ms: 100, self_test_s: 0.2, stop_when_failed: false}}
companions:
  - name: sync-agent
    command: [python3, -m, hilrig.faults.sync_agent, --port, "{port}", --file-mib, "1", --hash-rounds, "30"]
    probe: {{url: "http://127.0.0.1:{port}/healthz", period_ms: 20, timeout_ms: 5000}}
    alone_s: 2
    failed_max_pct: 0
    slowdown_max: {slowdown_max}
    restarts_max: 0
  - name: cpu-load
    command: [{load}, --cpu, "1", --cpu-load, "10", --quiet]
hil_validation:
  latency: {{p50_max_ms: 5000, decision_gap_max_ms: 20000, duration_minutes: 0.05, frame_rate_fps: 50}}
"""
PIPELINE = """\
import subprocess


class Pipeline:
    def prepare(self, context):
        argv = ["stress-ng", "--cpu", "1", "--quiet", "--timeout", "30"]
        # Each in a session of its own: the kernel shares CPUs out by session (sched(7), autogroup).
        self.hogs = [subprocess.Popen(argv, start_new_session=True) for _ in range({n_hogs})]
        return {{"kind": "takes {n_hogs} CPUs"}}

    def process(self, frame):
        return {{"defect": 0.0}}

    def close(self):
        for hog in self.hogs:
            hog.terminate()
        for hog in self.hogs:
            hog.wait()
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def run(bench, *, n_hogs=0, slowdown_max=1000.0, load="stress-ng"):
    """Run a model that takes so many CPUs beside the sync agent; return the call."""
    folder = bench.folder / "beside"
    folder.mkdir()
    text = PROFILE.format(port=free_port(), slowdown_max=slowdown_max, load=load)
    (folder / "profile.yaml").write_text(text)
    (folder / "pipeline.py").write_text(PIPELINE.format(n_hogs=n_hogs))
    return bench.run("beside")


def result_of(bench, called):
    assert len(bench.run_dirs()) == 1, called.err
    (run_dir,) = bench.run_dirs()
    return json.loads((run_dir / "result.json").read_text())["judgement"], run_dir


def check(judgement, key):
    return next(one for one in judgement["checks"] if one["check_id"] == f"companions.sync-agent.{key}")


def left_over():
    return [one for one in psutil.process_iter(["cmdline"]) if "hilrig.faults.sync_agent" in one.info["cmdline"]]


@pytest.fixture(autouse=True)
def stress_ng():
    """Skip where the load is not installed."""
    if shutil.which("stress-ng") is None:
        pytest.skip("stress-ng is not installed: apt install stress-ng")


@pytest.mark.nightly  # short: test_e2e_everything
def test_a_run_beside_companions_covers_both(bench):
    """The agent keeps its limits beside the model: each is a check, signed with the rest, and nothing is left."""
    called = run(bench)
    judgement, run_dir = result_of(bench, called)
    assert {
        key: check(judgement, key)["status"] for key in ("failed_max_pct", "slowdown_max", "restarts_max")
    } == {
        "failed_max_pct": "PASS",
        "slowdown_max": "PASS",
        "restarts_max": "PASS",
    }, called.err
    assert "Measured beside sync-agent, cpu-load" in judgement["sentence"]
    (agent, load) = judgement["companions"]
    assert agent["n_alone"] == 100
    assert 148 <= agent["n"] <= 151
    assert load["exits"] == 0
    assert "co_resident" in [one["kind"] for one in judgement["episodes"]]
    assert 'id="companions"' in (run_dir / "report.html").read_text()
    assert bench.call("verify", str(run_dir)).code == 0
    assert left_over() == []


@pytest.mark.nightly  # short: test_verdict_companions
def test_a_model_that_takes_the_cpus_fails_its_companions_limit(bench):
    """The model keeps its own limits; what it does to the agent fails the run, and the verdict says so."""
    called = run(bench, n_hogs=16, slowdown_max=1.2)
    judgement, _ = result_of(bench, called)
    slowdown = check(judgement, "slowdown_max")
    assert slowdown["status"] == "FAIL", slowdown["sentence"]
    assert slowdown["sentence"].startswith("The companion sync-agent: median answer ")
    assert "over the limit of 1.2" in slowdown["sentence"]
    assert judgement["status"] == "FAIL"
    assert called.code == 10
    assert left_over() == []


def test_a_load_that_is_not_installed_is_refused_before_the_run(bench):
    """Nobody waits for a run that cannot be what it was meant to be."""
    called = run(bench, load="no-such-load")
    assert called.code == 22
    assert "companion cpu-load: its command needs 'no-such-load', which is not on PATH" in called.err
    assert bench.run_dirs() == []
