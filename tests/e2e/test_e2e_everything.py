"""One profile with a power-loss test, companions and faults: one signed report that has all of it."""

import json
import socket

import pytest

from hilrig.faults.wrong_store import Kind
from power_loss_subjects import write_subject

# Short: test_e2e_power_loss, test_e2e_drill, test_faults_companions, test_verdict_companions.
pytestmark = [pytest.mark.waiting, pytest.mark.long]

PROFILE = """\
format: 1
name: everything
device_class: [x86-cpu, arm64-cpu]
model: {{files: [], labels: [defect]}}
pipeline:
  target: python
  target_options: {{callable: "pipeline:Pipeline"}}
  decide: {{thresholds: {{defect: 0.5}}}}
feed: {{source: synthetic, pool_frames: 4, options: {{seed: 1, width_px: 128, height_px: 128}}}}
queue: {{depth: 4, on_full: drop_oldest}}
run: {{warmup_s: 0.2, telemetry_period_ms: 100, self_test_s: 0.2, stop_when_failed: false}}
power_loss: {{subject_file: update.yaml}}
companions:
  - name: sync-agent
    command: [python3, -m, hilrig.faults.sync_agent, --port, "{port}"]
    probe: {{url: "http://127.0.0.1:{port}/healthz", period_ms: 20, timeout_ms: 5000}}
    alone_s: 1
    failed_max_pct: 0
    restarts_max: 0
faults:
  - {{name: camera-gone, kind: camera_stops, at_s: 1, duration_s: 1, recovery_max_s: 2}}
  - {{name: worker-gone, kind: worker_killed, at_s: 5.5, recovery_max_s: 20}}
hil_validation:
  latency: {{p50_max_ms: 5000, decision_gap_max_ms: 20000, duration_minutes: 0.05, frame_rate_fps: 50}}
  recovery: {{power_loss_test: required, expected_recovery_model: last_known_good}}
"""
PIPELINE = """\
class Pipeline:
    def prepare(self, context):
        return {}

    def process(self, frame):
        return {"defect": 0.0}

    def close(self):
        pass
"""


@pytest.fixture(scope="module")
def shared_bench(new_bench):
    """Return the folder that all tests here look into."""
    return new_bench("everything")


@pytest.fixture(scope="module")
def run_dir(shared_bench):
    """Return the directory of the one run: generous limits, because only what it contains is in question."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    folder = shared_bench.folder / "everything"
    folder.mkdir()
    (folder / "profile.yaml").write_text(PROFILE.format(port=port))
    (folder / "pipeline.py").write_text(PIPELINE)
    write_subject(folder / "update.yaml", Kind.SOUND)
    called = shared_bench.run("everything")
    assert called.code in (0, 11), called  # a disturbed machine makes it INCONCLUSIVE
    (found,) = shared_bench.run_dirs()
    return found


def checks_of(run_dir):
    checks = json.loads((run_dir / "result.json").read_text())["judgement"]["checks"]
    return {check["check_id"]: check["status"] for check in checks}


def test_every_part_is_a_check_of_the_one_verdict(run_dir):
    """Latency, recovery from cuts, the companion and each fault: all judged, none failed."""
    checks = checks_of(run_dir)
    assert checks["recovery.power_loss_test"] == "PASS"
    assert checks["companions.sync-agent.failed_max_pct"] == "PASS"
    assert checks["companions.sync-agent.restarts_max"] == "PASS"
    assert checks["faults.camera-gone.recovery_max_s"] == "PASS"
    assert checks["faults.worker-gone.recovery_max_s"] == "PASS"
    assert "FAIL" not in checks.values()


def test_the_evidence_of_every_part_is_signed(run_dir, shared_bench):
    """A byte of any of it changed: the signature's check finds it."""
    result = json.loads((run_dir / "result.json").read_text())
    assert {"power_loss.json", "companions.json", "frames.arrows", "events.jsonl"} <= result["files"].keys()
    assert shared_bench.call("verify", str(run_dir)).code == result["exit_code"]
    for name in ("power_loss.json", "companions.json"):
        kept = (run_dir / name).read_bytes()
        (run_dir / name).write_bytes(kept[:-2] + b" " + kept[-2:])
        assert shared_bench.call("verify", str(run_dir)).code == 30, name
        (run_dir / name).write_bytes(kept)


def test_every_part_is_on_the_page_and_in_the_summary(run_dir):
    """Sections of the page by their anchors, and words in the Markdown summary."""
    page = (run_dir / "report.html").read_text()
    assert all(f'id="{anchor}"' in page for anchor in ("power-loss", "companions", "faults"))
    summary = (run_dir / "summary.md").read_text()
    assert all(words in summary for words in ("file calls", "sync-agent", "camera-gone", "worker-gone"))
