"""A small run that goes on, and the moment in it at which something happens."""

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import onnx

from chaos.afterwards import lone
from chaos.place import Place, Running
from hilrig.core import files
from small_models import build_model
from stations import write_station

STATION: Final = "station"
PHASES: Final = (
    "preflight",
    "self-test",
    "loading",
    "warmup",
    "measure",
    "measure",
    "measure",
    "judging",
    "signing",
)
"""Most of the time a run measures; the names are those of status.json but for the first and the last."""

STARTED_S: Final = 60


def write_small(folder: Path, *, duration_s: float = 3, is_onnx: bool = False) -> Path:
    """Write a station that passes where nothing disturbs it: 300 frames, a limit on p95, loose."""
    write_station(folder, duration_s=duration_s)
    profile = folder / "profile.yaml"
    text = profile.read_text().replace("p99_max_ms: 1000", "p95_max_ms: 5000")
    if is_onnx:
        onnx.save(build_model(n_labels=4), str(folder / "model.onnx"))
        text = text.replace("files: []", "files: [model.onnx]").replace("128", "8")
        text = text.replace("width_px: 8, height_px: 8}}", "width_px: 128, height_px: 128}}")
        text = text.replace('name: "null", options: {', "name: onnx, options: {providers: [CPUExecutionProvider]")
    profile.write_text(text)
    return folder


def draw_moment(rng: Random) -> dict[str, Any]:
    """Choose a phase of a run, how long after its beginning, and whether a next run is tried afterwards."""
    return {
        "phase": rng.choice(PHASES),
        "delay_ms": rng.randrange(0, 1500) if rng.random() < 0.7 else 0,
        "next_run": rng.random() < 0.25,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A moment of a run: where it stood when it was waited for, and where it stood when something happened."""

    asked: str
    found: str

    @property
    def is_measured(self) -> bool:
        """Return whether frames were offered just then."""
        return self.found in {"warmup", "measure"}


def wait_for_moment(place: Place, running: Running, phase: str, delay_ms: int) -> Moment:
    """Wait until a run is in a phase, or past it, and some time longer; say where it stands then."""
    place.until(lambda: running.process.poll() is not None or _reached(place, phase), STARTED_S)
    place.until(lambda: running.process.poll() is not None, delay_ms / 1000)
    return Moment(asked=phase, found=phase_of(place) if running.process.poll() is None else "ended")


def phase_of(place: Place) -> str:
    """Return where the newest run stands; `preflight` before it has a directory."""
    run_dir = lone(place)
    if run_dir is None:
        return "preflight"
    if (run_dir / files.RESULT).exists():
        return "finished"
    if (run_dir / files.ATTESTATION).exists():
        return "signing"
    try:
        return str(json.loads((run_dir / files.STATUS).read_bytes()).get("phase", "?"))
    except (OSError, ValueError):
        return "self-test"


ORDER: Final = (
    "preflight",
    "self-test",
    "loading",
    "warmup",
    "measure",
    "drain",
    "done",
    "judging",
    "signing",
    "finished",
)


def _reached(place: Place, phase: str) -> bool:
    found = phase_of(place)
    return found in ORDER and ORDER.index(found) >= ORDER.index(phase)
