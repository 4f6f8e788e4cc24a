"""A run measured to the PLC: a real node with its adapter, a real run that listens, one signed report.

The limits are far above what an idle machine needs: its neighbours' load must not decide what a test says.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hilrig.core.plc import PlcDecision
from hilrig.record.actuations import read_actuations
from node_services import serving_node, tiny_store

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_verdict_actuation, test_node_plc_adapter

PROFILE = """\
format: 1
name: to-the-plc
device_class: [x86-cpu, arm64-cpu]
model: {{files: [], labels: [defect]}}
pipeline:
  target: infer_service
  target_options: {{url: "{url}", width_px: 8, height_px: 8, encoding: binary}}
  decide: {{thresholds: {{defect: 0.5}}}}
feed: {{source: synthetic, pool_frames: 4, options: {{seed: 1, width_px: 128, height_px: 128}}}}
actuation: {{port: {port}}}
queue: {{depth: 4, on_full: block}}
run: {{warmup_s: 0.5, self_test_s: 0.2, stop_when_failed: false}}
hil_validation:
  latency: {{actuation_p99_max_ms: 5000, decision_gap_max_ms: 20000,
    duration_minutes: {minutes}, frame_rate_fps: 100}}
  frames: {{failsafe_max_pct: 1}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def node(folder: Path, port: int, adapter: str) -> Iterator[str]:
    """Serve a tiny model, with an adapter that writes to `port`; yield the service's url."""
    folder.mkdir()
    store = tiny_store(folder)
    plc = f"modbus://127.0.0.1:{port}?base=100&max_age_ms=60000&timeout_ms=2000&{adapter}"
    with serving_node(store.folder, "--plc", plc) as service:
        yield service.url


def run(bench: Any, *, adapter: str, seconds: float) -> Any:
    listening = free_port()
    with node(bench.folder / f"node-{listening}", listening, adapter) as url:
        folder = bench.folder / "station"
        folder.mkdir(exist_ok=True)
        text = PROFILE.format(url=url, port=listening, minutes=seconds / 60)
        (folder / "profile.yaml").write_text(text)
        return bench.run("station")


def result_of(bench: Any, called: Any) -> dict[str, Any]:
    assert called.code in {0, 10, 11}, called
    (run_dir,) = bench.run_dirs()
    result: dict[str, Any] = json.loads((run_dir / "result.json").read_bytes())
    return result


def check_of(result: dict[str, Any], check_id: str) -> dict[str, Any]:
    (found,) = (one for one in result["judgement"]["checks"] if one["check_id"] == check_id)
    return found


def test_every_decision_is_followed_into_the_registers(bench: Any) -> None:
    """500 frames at 100 fps: each has its row, the limit passes, the report has the stage, the file is signed."""
    called = run(bench, adapter="period_ms=5&depth=256", seconds=5)
    result = result_of(bench, called)
    (run_dir,) = bench.run_dirs()
    assert check_of(result, "latency.actuation_p99_max_ms")["status"] == "PASS", called
    assert check_of(result, "frames.failsafe_max_pct")["status"] == "PASS", called
    measured = {one["metric"]: one["value"] for one in result["judgement"]["measurements"]}
    assert measured["actuations_arrived"] == measured["frames_decided"]
    assert measured["actuations_contradicting"] == 0
    assert measured["actuation_p50_ms"] > 0
    assert "actuations.arrows" in result["files"]
    assert "actuation, intended time to the PLC" in (run_dir / "report.html").read_text()
    assert "actuation p99" in (run_dir / "summary.md").read_text()
    assert bench.call("verify", str(run_dir)).code == result["exit_code"]
    rows = read_actuations(run_dir / "actuations.arrows")
    frames = pq.read_table(run_dir / "frames.parquet").to_pandas()
    assert rows is not None
    told = {int(row["sequence"]): PlcDecision(int(row["decision"])) for row in rows[rows["decision"] < 3]}
    taken = frames[frames["t_dequeue_ns"] > 0]
    for sequence, defects in enumerate(taken["defects"], start=2):  # 1 was the black frame before the run
        assert told[sequence] is (PlcDecision.DEFECTIVE if defects else PlcDecision.GOOD)


def test_a_slow_adapter_fails_though_the_model_is_fast(bench: Any) -> None:
    """A write each 200 ms for a frame each 10 ms: decisions are lost on the way, and that is a FAIL."""
    called = run(bench, adapter="period_ms=200&depth=4", seconds=2)
    result = result_of(bench, called)
    assert called.code == 10, called
    check = check_of(result, "latency.actuation_p99_max_ms")
    assert check["status"] == "FAIL", called
    assert "never reached the PLC" in check["observed_text"]
    assert check_of(result, "frames.failsafe_max_pct")["status"] == "FAIL"
