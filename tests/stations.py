"""Small stations for tests: a profile folder with the null backend and small frames."""

from pathlib import Path

PROFILE = """\
format: 1
name: {name}
description: A station for tests
device_class: [x86-cpu, arm64-cpu]
model:
  files: []
  input: {{name: image, shape: [1, 3, 128, 128]}}
  output: {{name: scores}}
  labels: [porosity, crack, undercut, spatter]
pipeline:
  preprocess: {{width_px: 128, height_px: 128, color_order: rgb, scale: 0.00392156862745098,
    mean: [0, 0, 0], std: [1, 1, 1], layout: nchw, dtype: float32}}
  backend: {{name: "null", options: {{{backend}}}}}
  decide: {{thresholds: {{porosity: 0.5, crack: 0.5, undercut: 0.5, spatter: 0.5}}}}
feed: {{source: synthetic, pool_frames: 4, options: {{seed: 1, width_px: 128, height_px: 128}}}}
queue: {{depth: {depth}, on_full: {on_full}}}
run: {{warmup_s: {warmup_s}, telemetry_period_ms: 100, self_test_s: 0.2, stop_when_failed: {stop_when_failed}}}
hil_validation:
  latency: {{p99_max_ms: {p99_max_ms}, decision_gap_max_ms: 30000, duration_minutes: {duration_minutes}, \
frame_rate_fps: {fps}}}
{more}
"""


def write_station(  # noqa: PLR0913 - one argument for each thing that a test changes
    folder: Path,
    *,
    name: str = "bench-station",
    backend: str = "",
    depth: int = 64,
    on_full: str = "drop_oldest",
    warmup_s: float = 0.2,
    p99_max_ms: float = 1000,
    duration_s: float = 2,
    fps: int = 100,
    more: str = "",
    stop_when_failed: bool = False,
) -> Path:
    """Write `folder/profile.yaml`; return the folder.

    2 s at 100 fps are 200 frames, too few for a p99 (459): such a run is INCONCLUSIVE by rule, whatever the
    machine does. It goes on to its end even when a limit is broken for certain, and its queue is deep enough that
    a machine which stands still for half a second drops none. `more` is appended to hil_validation, two spaces in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = PROFILE.format(
        name=name,
        backend=backend,
        depth=depth,
        on_full=on_full,
        warmup_s=warmup_s,
        p99_max_ms=p99_max_ms,
        duration_minutes=duration_s / 60,
        fps=fps,
        more=more,
        stop_when_failed=str(stop_when_failed).lower(),
    )
    (folder / "profile.yaml").write_text(text)
    return folder
