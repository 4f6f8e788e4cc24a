"""The release pipeline in a folder of its own: a small station with a golden set, a matrix, a policy."""

import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as ET

import onnxruntime
import yaml

from disturbed_runs import until_undisturbed
from onnx_stations import write_onnx_station

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / ".ci" / "release-gate"
STEPS = ["opset", "smoke", "golden", "bundle", "hil", "sign", "manifest", "gate"]
POLICY = """\
format: 1
name: pipeline
valid_days: 30
items:
  - id: hil-validation
    title: The station's limits hold and the golden set is recognised
    owner: QA
    needs: [{check: run-passed}, {check: golden-passed}]
  - id: artifact-integrity
    title: What was measured is what is released
    owner: ML
    needs: [{check: model-files-match}, {check: release-matches}, {check: one-pipeline}]
  - id: compatibility-matrix
    title: Runs on the device class
    owner: ML
    needs: [{check: compatible}]
"""
GOLDEN = {
    "feed": {
        "source": "synthetic",
        "pool_frames": 24,  # enough that each of four labels is there, and is missing, several times
        "options": {"seed": 3, "width_px": 128, "height_px": 128, "defect_ratio": 0.9},
    },
    "min_recall": 0.2,
    "min_precision": 0.01,
}


@dataclass
class Pipeline:
    """A folder in which the pipeline is called as a runner calls it; `bench` is that of tests/e2e/conftest.py."""

    bench: object
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        """Return what the CI system takes."""
        return self.bench.folder / "gate-out"

    def stub(self, name: str, text: str) -> str:
        """Write a script and return its path."""
        path = self.bench.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def start(self, **variables: str) -> subprocess.Popen[str]:
        """Start it in a process group of its own."""
        own = self.stub("hilrig", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m hilrig "$@"\n')
        given = {"HILRIG": own, "PYTHON": sys.executable} | self.variables | variables
        return subprocess.Popen(
            ["bash", str(SCRIPT)],
            cwd=self.bench.folder,
            env=self.bench.environment(**given),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, **variables: str) -> "PipelineDone":
        """Run it to its end."""
        process = self.start(**variables)
        out, err = process.communicate(timeout=170)
        return PipelineDone(process.returncode, out, err, self.out)

    def run_undisturbed(self, **variables: str) -> "PipelineDone":
        """Run it until the soak on this machine came to a verdict: noise makes it INCONCLUSIVE now and then."""

        def attempt() -> PipelineDone:
            shutil.rmtree(self.out, ignore_errors=True)
            return self.run(**variables)

        return until_undisturbed(attempt, lambda done: [one.parent for one in done.out.rglob("result.json")])


@dataclass
class PipelineDone:
    """What the pipeline gave."""

    code: int
    said: str
    err: str
    out: Path

    def __str__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.said}\n--- stderr\n{self.err}"

    def cases(self) -> dict[str, str]:
        """Return how each step ended, as junit.xml says it."""
        suite = next(ET.parse(self.out / "junit.xml").iter("testsuite"))
        return {case.get("name"): next((one.tag for one in case), "ok") for case in suite.iter("testcase")}


def write_release_station(folder: Path) -> Path:
    """Write a station of 600 frames in two seconds, enough for a p99; its model finds all defects everywhere."""
    write_onnx_station(folder, "CPUExecutionProvider")
    profile = yaml.safe_load((folder / "profile.yaml").read_text())
    profile["golden"] = GOLDEN
    profile["pipeline"]["decide"]["thresholds"] = dict.fromkeys(profile["model"]["labels"], 1e-4)
    profile["hil_validation"]["latency"]["frame_rate_fps"] = 300
    (folder / "profile.yaml").write_text(yaml.safe_dump(profile, sort_keys=False))
    return folder


def write_matrix(path: Path, *device_classes: str) -> Path:
    """Write a compatibility matrix whose classes have the ONNX Runtime that is installed here."""
    row = {"os": "Linux", "stack": {"onnxruntime": onnxruntime.__version__}, "providers": ["CPUExecutionProvider"]}
    path.write_text(yaml.safe_dump({"format": 1, "device_classes": dict.fromkeys(device_classes, row)}))
    return path
