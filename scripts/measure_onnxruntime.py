#!/usr/bin/env python3
"""Measure what released wheels of ONNX Runtime take, and print the rows of hilrig/gate/data/onnxruntime.json.

    python scripts/measure_onnxruntime.py 1.17.3 1.31.1                  print the rows
    python scripts/measure_onnxruntime.py --check                        all measured rows of the table, compared

Each release goes into an environment of its own (uv must be installed), in which models with one node are loaded
and run: operator sets and IR versions one by one until the release refuses. Needs the package `onnx` here.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from onnx import TensorProto, helper

TABLE = Path(__file__).parents[1] / "hilrig/gate/data/onnxruntime.json"
SAFE_OPSET, SAFE_IR = 17, 8  # every release since 1.15 takes these
TRIED = {"": range(7, 33), "ai.onnx.ml": range(1, 10), "com.microsoft": range(1, 3)}
IR_TRIED = range(3, 20)
LAST_WITH_NUMPY_1 = (1, 18)
SOURCE = (
    "models with one node, loaded and run in the released wheel for Linux x86-64 (scripts/measure_onnxruntime.py)"
)

LOADER = """
import json, sys
import numpy as np
import onnxruntime as ort
taken = []
for name in json.load(sys.stdin):
    try:
        options = ort.SessionOptions()
        options.log_severity_level = 4
        session = ort.InferenceSession(name, options, providers=["CPUExecutionProvider"])
        session.run(None, {"x": np.zeros((1, 2), np.float32)})
    except Exception:
        continue
    taken.append(name)
print(json.dumps({"version": ort.__version__, "taken": taken}))
"""


def main() -> None:
    """Measure the releases that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("releases", nargs="*", metavar="RELEASE")
    parser.add_argument(
        "--check", action="store_true", help="compare the measured rows of the table; exit 1 if one is wrong"
    )
    arguments = parser.parse_args()
    known = {row["ort"]: row for row in json.loads(TABLE.read_bytes())} if TABLE.is_file() else {}
    releases = arguments.releases or [name for name, row in known.items() if row["how"] == "measured"]
    rows = [measured(release) for release in releases]
    if not arguments.check:
        print(json.dumps(rows, indent=1))
        return
    wrong = [row for row in rows if _limits(row) != _limits(known.get(row["ort"], {}))]
    for row in wrong:
        print(f"{row['ort']}: measured {_limits(row)}, the table has {_limits(known.get(row['ort'], {}))}")
    sys.exit(1 if wrong else 0)


def measured(release: str) -> dict[str, Any]:
    """Return the row of a release."""
    with tempfile.TemporaryDirectory(prefix="onnxruntime-") as name:
        folder = Path(name)
        models = {f"{folder / key}.onnx": key for key in _written(folder)}
        taken = {models[path] for path in _taken(release, folder, list(models))}
    opset_max = {domain: _last_of(domain or "onnx", tried, taken) for domain, tried in TRIED.items()}
    return {
        "ort": release,
        "opset_max": opset_max,
        "ir_max": _last_of("ir", IR_TRIED, taken),
        "source": SOURCE,
        "checked_on": datetime.now(timezone.utc).date().isoformat(),
        "how": "measured",
        "note": "",
    }


def _written(folder: Path) -> Iterator[str]:
    for domain, tried in TRIED.items():
        for version in tried:
            yield _write(folder, f"{domain or 'onnx'}-{version}", {"": SAFE_OPSET} | {domain: version}, SAFE_IR)
    for ir_version in IR_TRIED:
        yield _write(folder, f"ir-{ir_version}", {"": SAFE_OPSET}, ir_version)


def _write(folder: Path, name: str, opsets: dict[str, int], ir_version: int) -> str:
    node = {
        "ai.onnx.ml": helper.make_node(
            "Scaler", ["x"], ["y"], domain="ai.onnx.ml", offset=[0.0, 0.0], scale=[1.0, 1.0]
        ),
        "com.microsoft": helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft"),
    }.get(list(opsets)[-1], helper.make_node("Identity", ["x"], ["y"]))
    tensor = [helper.make_tensor_value_info(side, TensorProto.FLOAT, [1, 2]) for side in "xy"]
    model = helper.make_model(
        helper.make_graph([node], "one node", tensor[:1], tensor[1:]),
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in opsets.items()],
        ir_version=ir_version,
    )
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    return name


def _taken(release: str, folder: Path, models: list[str]) -> list[str]:
    python = _environment(release, folder / "environment")
    done = subprocess.run(
        [python, "-c", LOADER], input=json.dumps(models), capture_output=True, text=True, check=True, timeout=300
    )
    said = json.loads(done.stdout.splitlines()[-1])
    if said["version"] != release:
        raise SystemExit(f"asked for {release}, installed {said['version']}")
    return list(said["taken"])


def _environment(release: str, folder: Path) -> str:
    numpy = "numpy<2" if tuple(map(int, release.split(".")[:2])) <= LAST_WITH_NUMPY_1 else "numpy"
    subprocess.run([sys.executable, "-m", "uv", "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = str(folder / "bin/python")
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python]
    subprocess.run([*install, "--no-deps", f"onnxruntime=={release}"], check=True)
    subprocess.run([*install, numpy, "packaging", "protobuf", "flatbuffers"], check=True)
    return python


def _last_of(name: str, tried: range, taken: set[str]) -> int:
    """Return the last version of an unbroken row that was taken; 0 when not even the first was."""
    last = 0
    for version in tried:
        if f"{name}-{version}" not in taken:
            break
        last = version
    return last


def _limits(row: dict[str, Any]) -> Any:
    return row.get("opset_max"), row.get("ir_max")


if __name__ == "__main__":
    main()
