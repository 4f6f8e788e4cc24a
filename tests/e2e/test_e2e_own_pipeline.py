"""Pipelines of the user's own under `hilrig run`: a Python class, a service at `/infer`, an inference server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from disturbed_runs import until_undisturbed
from foreign_services import nobody

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_target_*

SERVICES = Path(__file__).parents[1] / "foreign_services.py"
PROFILE = """\
format: 1
name: own-pipeline
device_class: [x86-cpu, arm64-cpu]
model: {{files: [], labels: [defect]{model}}}
pipeline:
  target: {target}
  target_options: {options}
  decide: {{thresholds: {{defect: 0.5}}}}{blocks}
feed: {{source: synthetic, pool_frames: 4, options: {{seed: 1, width_px: 128, height_px: 128}}}}
queue: {{depth: 4, on_full: {on_full}}}
run: {{warmup_s: 0.2, telemetry_period_ms: 100, self_test_s: 0.2, stop_when_failed: false}}
hil_validation:
  latency: {{p99_max_ms: 1000, decision_gap_max_ms: 20000, duration_minutes: {minutes}, frame_rate_fps: {fps}}}
  {more}
"""
MEMORY = "resources: {host_memory_max_mb: 4000}"
PREPROCESS = """
  preprocess: {width_px: 64, height_px: 64, color_order: rgb, scale: 0.00392156862745098,
    mean: [0, 0, 0], std: [1, 1, 1], layout: nchw, dtype: float32}"""
TENSORS = ", input: {name: image, shape: [1, 3, 64, 64]}, output: {name: scores}"
PIPELINE = """\
import os

class Pipeline:
    def prepare(self, context):
        self.n = 0
        print("loading", flush=True)
        os.write(1, b"a library's own words\\n")
        return {"kind": "mean of the frame"}

    def process(self, frame):
        self.n += 1
        if self.n % 10 == 0:
            raise RuntimeError("every tenth frame")
        if self.n % 10 == 5:
            return {"defect": float("nan")}
        return {"defect": float(frame.mean()) / 255}

    def close(self):
        pass
"""


def write_profile(bench, *, target, options, fps=50, on_full="drop_oldest", more="", **parts) -> str:
    folder = bench.folder / "own"
    folder.mkdir(parents=True, exist_ok=True)
    text = PROFILE.format(
        target=target,
        options=json.dumps(options),
        model=parts.get("model", ""),
        blocks=parts.get("blocks", ""),
        fps=fps,
        minutes=2 / 60,
        on_full=on_full,
        more=more,
    )
    (folder / "profile.yaml").write_text(text)
    return "own"


@contextmanager
def service(every: dict[int, str], **declared) -> Iterator[str]:
    """Run a service in a process of its own; yield its url."""
    arguments = [json.dumps(every), json.dumps(declared)]
    process = subprocess.Popen(
        [sys.executable, str(SERVICES), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.communicate("")


def read_back(bench, called):
    """Return a run's result, its frames, its directory, what the call gave."""
    import pyarrow.parquet as pq

    assert called.code in {0, 10, 11}, called
    (run_dir,) = bench.run_dirs()
    frames = pq.read_table(run_dir / "frames.parquet").to_pandas()
    return json.loads((run_dir / "result.json").read_bytes()), frames, run_dir, called


def measured(result) -> dict[str, float]:
    return {one["metric"]: one["value"] for one in result["judgement"]["measurements"]}


def self_check(result, check_id):
    (found,) = (one for one in result["judgement"]["self_checks"] if one["check_id"] == check_id)
    return found


def assert_conserved(result):
    values = measured(result)
    assert values["frames_offered"] == 100
    parts = [values[f"frames_{name}"] for name in ("decided", "dropped", "failed")]
    assert values["frames_offered"] == sum(parts)
    assert self_check(result, "records.conserved")["ok"]
    assert self_check(result, "records.stamps")["ok"], self_check(result, "records.stamps")


@pytest.fixture(scope="module")
def faulty(benches):
    """Return the runs of a class and of a service with faults; both are done at once, neither is about time."""
    rooms = [benches.new(name) for name in ("class", "service")]
    station = write_profile(rooms[0], target="python", options={"callable": "pipeline:Pipeline"}, more=MEMORY)
    (rooms[0].folder / station / "pipeline.py").write_text(PIPELINE)
    with service({10: "hang"}) as url:
        options = {"url": url, "timeout_ms": 300, "width_px": 64, "height_px": 64}
        write_profile(rooms[1], target="infer_service", options=options, fps=10, on_full="block")
        calls = [bench.start("run", station) for bench in rooms]
        ended = [benches.ended(call) for call in calls]
    return list(zip(rooms, ended, strict=True))


def test_a_python_pipeline_is_measured_and_its_faults_are_counted(faulty):
    """Every tenth frame raises, every tenth scores NaN: both fail with their reasons; one traceback in the log."""
    result, frames, run_dir, called = read_back(*faulty[0])
    assert_conserved(result)
    reasons = frames["reason"].value_counts().to_dict()
    assert reasons.get(3, 0) in range(8, 12), called  # INFERENCE_ERROR; a frame may be dropped on a noisy machine
    assert reasons.get(4, 0) in range(8, 12), called  # NON_FINITE_SCORE
    assert (run_dir / "run.log").read_text().count("RuntimeError: every tenth frame") == 1
    events = (run_dir / "events.jsonl").read_text()
    assert "callable_sha256" in events
    assert "mean of the frame" in events


def test_a_service_that_hangs_on_every_tenth_frame(faulty):
    """Each hung frame is one without an answer; the others are decided by their own answers."""
    result, frames, _, called = read_back(*faulty[1])
    values = measured(result)
    assert values["frames_offered"] == 20
    assert values["frames_offered"] == sum(values[f"frames_{n}"] for n in ("decided", "dropped", "failed"))
    reasons = frames["reason"].value_counts().to_dict()
    assert reasons[6] == 2, called  # NO_ANSWER: questions 10 and 20 of 24; two are asked before the first frame


def test_an_open_inference_server_is_measured_with_its_stages(bench):
    """Preprocess and inference are told apart; lost connections are counted, everything else is decided."""

    def attempt():  # with a server of its own: one that counts on may fail the question before the run
        with service({25: "die_midway"}, n_labels=1, shape=[1, 3, 64, 64]) as url:
            options = {"url": url, "model_name": "weld"}
            station = write_profile(
                bench, target="open_inference", options=options, model=TENSORS, blocks=PREPROCESS
            )
            return bench.call("run", station)

    called = until_undisturbed(attempt, lambda _: bench.run_dirs()[-1:])
    result, frames, _, called = read_back(bench, called)
    assert_conserved(result)
    reasons = frames["reason"].value_counts().to_dict()
    assert reasons.get(8, 0) in range(3, 5), called  # TARGET_LOST
    decided = frames[frames["outcome"] == 1]
    assert (decided["t_preprocessed_ns"] > 0).all()
    assert (decided["t_inferred_ns"] > decided["t_preprocessed_ns"]).all()


@pytest.mark.parametrize(
    ("target", "parts"),
    [("infer_service", {}), ("open_inference", {"model": TENSORS, "blocks": PREPROCESS})],
)
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_service_that_is_not_there_is_named_before_the_run(bench, command, target, parts):
    """Exit 22, the url and what to start; no run directory."""
    url = nobody()
    options = {"url": url} | ({"model_name": "weld"} if parts else {})
    called = bench.call(command, write_profile(bench, target=target, options=options, **parts))
    assert called.code == 22, called
    assert url in called.err
    assert "Connection refused" in called.err
    assert f"at {url}" in called.err
    assert "Traceback" not in called.err
    assert not bench.run_dirs()


def test_what_a_pipeline_prints_is_kept_apart_from_our_own_lines(bench):
    """A program that reads `--json` gets one object, whatever the pipeline and its libraries write to stdout."""
    station = write_profile(bench, target="python", options={"callable": "pipeline:Pipeline"})
    (bench.folder / station / "pipeline.py").write_text(PIPELINE)
    called = bench.call("check", station, "--json")
    assert called.code == 0, called
    assert isinstance(json.loads(called.out), dict)
    assert "a library's own words" in called.err


def test_a_limit_on_memory_that_nobody_measures_is_refused(bench):
    """The service's memory is not the worker's: the limit would be held against hilrig's own client."""
    options = {"url": "http://127.0.0.1:9"}
    called = bench.call("check", write_profile(bench, target="infer_service", options=options, more=MEMORY))
    assert called.code == 22, called
    assert "resources.host_memory_max_mb" in called.err
    assert "neither starts nor measures" in called.err


def test_a_pipeline_that_cannot_be_loaded_is_named_before_the_run(bench):
    """File and attribute, as a tired technician reads them."""
    station = write_profile(bench, target="python", options={"callable": "pipeline:Pipelin"})
    (bench.folder / station / "pipeline.py").write_text(PIPELINE)
    called = bench.call("check", station)
    assert called.code == 22, called
    assert "pipeline.py has no 'Pipelin'" in called.err
