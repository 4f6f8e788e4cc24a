"""How long a person waits: the command line's first answer, and ten minutes of the bundled station."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bench.row import Bench, Row, Sense

PROFILE = Path(__file__).parents[2] / "profiles" / "weld-station"
SOAK_MINUTES = 10
N_SOAK_FRAMES = SOAK_MINUTES * 60 * 30


def _help(scale: float) -> Mapping[str, float]:
    return _wall_s("-m", "hilrig", "--help")


def _bare_python(scale: float) -> Mapping[str, float]:
    return _wall_s("-c", "pass")


def _wall_s(*arguments: str) -> Mapping[str, float]:
    begin_s = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return {"s": time.perf_counter() - begin_s}


def _soak(scale: float) -> Mapping[str, float]:
    """Run the weld station at 30 fps; return the camera's lateness.

    Raises:
        RuntimeError: a frame is missing on record.
    """
    with tempfile.TemporaryDirectory() as name:
        minutes = max(1, round(SOAK_MINUTES * scale))
        environment = os.environ | {"HILRIG_HOME": f"{name}/home"}
        hilrig = [sys.executable, "-m", "hilrig"]
        subprocess.run([*hilrig, "keys", "new"], env=environment, check=True, stdout=subprocess.DEVNULL)
        command = [*hilrig, "run", str(PROFILE), "--duration", f"{minutes}m"]
        called = subprocess.run(command, cwd=name, env=environment, capture_output=True, text=True, check=False)
        results = list(Path(name).glob("reports/*/result.json"))
        if not results:
            raise RuntimeError(f"no result: {called.stderr.strip().splitlines()[-1:]}")
        judgement = json.loads(results[0].read_bytes())["judgement"]
    measured = {item["metric"]: item["value"] for item in judgement["measurements"]}
    if measured["frames_offered"] != minutes * 60 * 30:
        raise RuntimeError(f"{measured['frames_offered']} frames on record of {minutes * 60 * 30}")
    return {"p50_us": measured["feeder_lateness_p50_us"]}


START = Bench(
    name="start",
    rows=(
        Row(
            name="`hilrig --help`",
            against="bare Python",
            key="s",
            unit="s",
            reach=0.4,  # bare Python takes some 20 ms of it
            stretch=0.2,
            sense=Sense.OURS_AT_MOST,
        ),
    ),
    ours=_help,
    peer=_bare_python,
    n_rounds=11,
)
SOAK = Bench(
    name="soak",
    rows=(
        Row(
            name="weld station, 10 min at 30 fps: camera lateness p50, no frame lost",
            against="",
            key="p50_us",
            unit="us",
            reach=100.0,
            stretch=10.0,
            sense=Sense.OURS_AT_MOST,
        ),
    ),
    ours=_soak,
    peer=None,
    n_rounds=1,  # ten minutes are long enough
)
