"""The seed's two scripts, with the seed's names and flags, started as its workflow starts them."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest

from compat_models import one_node, write_matrix
from hilrig.gate.ort_table import ort_row, shipped_tables
from hilrig.rig.device_class import device_classes

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_app_compat_check

ROOT = Path(__file__).parents[2]
OWN = device_classes(Path("/"))[0]


def script(name: str, *arguments: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run a script as a CI job does."""
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / name, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("opset", "release", "code", "expected"),
    [
        (17, "1.17.3", 0, "PASS"),
        (21, "1.17.3", 10, "convert_version(model, 20)"),
        (17, "1.99.0", 10, "nobody has measured"),
    ],
)
def test_validate_onnx_opset(tmp_path, opset, release, code, expected):
    """`--model --target-ort-version`: taken, too new, unknown runtime."""
    path = tmp_path / "detector.onnx"
    path.write_bytes(one_node("Identity", opset=opset))
    done = script("validate_onnx_opset.py", "--model", path, "--target-ort-version", release, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert expected in done.stdout


def test_validate_onnx_opset_refuses_what_is_no_model(tmp_path):
    """A web page instead of the artifact: a message, no traceback."""
    path = tmp_path / "detector.onnx"
    path.write_text("<html>404</html>")
    done = script("validate_onnx_opset.py", "--model", path, "--target-ort-version", "1.17.3", cwd=tmp_path)
    assert done.returncode == 22
    assert "a web page" in done.stderr
    assert "Traceback" not in done.stderr


def test_smoke_test_compat(tmp_path):
    """`--model --device-matrix`, and what follows goes to `hilrig compat check`."""
    path = tmp_path / "detector.onnx"
    path.write_bytes(one_node("Identity"))
    matrix = write_matrix(tmp_path, name=OWN)
    done = script("smoke_test_compat.py", "--model", path, "--device-matrix", matrix, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [one["status"] for one in json.loads(done.stdout)["findings"]] == ["PASS", "PASS"]


def test_the_installed_runtime_measured_now_takes_what_the_table_says(monkeypatch):
    """The script that makes the measured rows, on the runtime of this environment: the same limits."""
    spec = importlib.util.spec_from_file_location("measure", ROOT / "scripts/measure_onnxruntime.py")
    assert spec is not None
    assert spec.loader is not None
    measure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(measure)
    monkeypatch.setattr(measure, "_environment", lambda *_: sys.executable)
    found = measure.measured(onnxruntime.__version__)
    row = ort_row(shipped_tables().onnxruntime, onnxruntime.__version__)
    assert row is not None
    assert (found["opset_max"], found["ir_max"]) == (row.opset_max, row.ir_max)
