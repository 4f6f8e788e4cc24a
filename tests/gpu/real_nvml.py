"""The real NVML of this machine, for the tests that need it; they skip where there is none."""

import shutil
import subprocess
from pathlib import Path

import pytest

from hilrig.core.telemetry import Tier
from hilrig.sampler.nvml.facts import nvml_facts
from hilrig.sampler.nvml.sampler import NvmlSampler

NO_GPU = "hardware: no NVIDIA GPU"


def need_gpu() -> None:
    """Skip the test where no card answers."""
    if not NvmlSampler.is_here(Path("/")):
        pytest.skip(NO_GPU)
    pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")
    if not nvml_facts().get("gpus"):
        pytest.skip(NO_GPU)


def readings(sampler: NvmlSampler, tier: Tier = Tier.EDGE) -> dict[str, object]:
    """Probe, then return the value or the reason of each channel by its key."""
    keys = [known.channel.key for known in sampler.probe()]
    return {keys[number]: value if reason is None else reason for number, value, reason in sampler.read(tier)}


def nvidia_smi(query: str) -> list[str]:
    """Return what nvidia-smi answers for each card; skip the test without it."""
    if shutil.which("nvidia-smi") is None:
        pytest.skip("hardware: the driver's nvidia-smi is not installed")
    command = ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader,nounits"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
