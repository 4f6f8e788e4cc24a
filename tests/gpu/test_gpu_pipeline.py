"""A real model on the real card, seen from outside by the sampler."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from real_nvml import need_gpu, readings

from hilrig.core.telemetry import Reason
from hilrig.core.units import BYTES_PER_MIB
from hilrig.sampler.nvml.sampler import NvmlSampler

MODEL = Path(__file__).parents[2] / "profiles" / "weld-station" / "model.onnx"
PROVIDER = "CUDAExecutionProvider"
PIPELINE = f"""
import sys
import numpy as np
import onnxruntime as ort
print("started", flush=True)
sys.stdin.readline()
session = ort.InferenceSession(sys.argv[1], providers=[{PROVIDER!r}])
assert session.get_providers()[0] == {PROVIDER!r}, session.get_providers()
feed = {{session.get_inputs()[0].name: np.zeros((1, 3, 512, 512), np.float32)}}
for n in range(20):
    session.run(None, feed)
print("warm", flush=True)
while True:
    session.run(None, feed)
"""
"""Waits until it has been looked at, then infers until it is ended."""


@pytest.fixture
def pipeline():
    need_gpu()
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    if PROVIDER not in onnxruntime.get_available_providers():
        pytest.skip("hardware: onnxruntime-gpu is not installed")
    command = [sys.executable, "-c", PIPELINE, str(MODEL)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    yield process
    process.kill()
    process.communicate()


def of_process(found, name):
    """Return the value of the process's channel on the first card, on a card of its own memory or not."""
    (value,) = [value for key, value in found.items() if key.startswith(f"{name}{{hw.id=gpu0")]
    return value


def test_a_model_at_work_is_seen_from_outside(pipeline):
    """Memory of the process appears and the load rises: the witness that the card really computes."""
    sampler = NvmlSampler(Path("/"), pipeline.pid)
    before = readings(sampler)
    pipeline.stdin.write("go\n")
    pipeline.stdin.flush()
    assert pipeline.stdout.readline() == "warm\n"
    loads = []
    for _ in range(30):
        during = readings(sampler)
        loads.append(during["hw.gpu.utilization{hw.id=gpu0}"])
        time.sleep(0.1)  # the driver's window of utilisation is up to a second long
    sampler.close()
    used = of_process(during, "hilrig.process.gpu.memory.usage")
    assert of_process(before, "hilrig.process.gpu.memory.usage") is Reason.OFFLINE
    if used is Reason.OFFLINE:
        pytest.skip(
            "hardware: the driver knows this process by a pid of the host (a container without --pid=host)"
        )
    assert used > 50 * BYTES_PER_MIB
    assert max(load for load in loads if not isinstance(load, Reason)) > 0.05
