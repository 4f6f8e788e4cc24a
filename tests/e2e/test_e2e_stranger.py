"""Models of a stranger from `hilrig init` to a verdict: light graphs of the `onnx` package, not made for hilrig.

SqueezeNet goes the whole way: its run is the one that costs time, and a second would show nothing new. ResNet-50,
ten times as slow, and ShuffleNet show that their inputs and outputs are read as well, and that a run begins.
"""

import re
import shutil
from pathlib import Path

import pytest

from disturbed_runs import until_undisturbed

onnx = pytest.importorskip("onnx")

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"
pytestmark = [
    pytest.mark.waiting,  # limits are far from what any machine takes: no timing is judged
    pytest.mark.long,  # short: test_app_init
    pytest.mark.skipif(not LIGHT.is_dir(), reason="this onnx package comes without its light models"),
]

MEASURED_S, FPS = 5, 20
"""100 frames: 90 are the fewest that can prove a p95."""

EXAMPLES = {
    "duration_minutes: 10 ": f"duration_minutes: {MEASURED_S / 60} ",
    "frame_rate_fps: 30 ": f"frame_rate_fps: {FPS} ",
    "    p99_max_ms: 45": "    decision_gap_max_ms: 60000\n    #",
    "p95_max_ms: 30": "p95_max_ms: 0.5",
    "depth: 4": "depth: 200",
    "pool_frames: 60 ": "pool_frames: 8 ",
    "\nqueue: ": "\nrun: {warmup_s: 0.5, self_test_s: 0.5, stop_when_failed: false}\nqueue: ",
}
"""What a person puts into the places that the comments name, and a run of seconds."""


def put_in(profile: Path, values: dict[str, str]) -> None:
    """Replace each text of a profile, which stands there once."""
    text = profile.read_text()
    for old, new in values.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    profile.write_text(text)


def light(bench, name: str) -> str:
    """Put a light model where the stranger is; return its file's name."""
    file = f"light_{name}.onnx"
    shutil.copyfile(LIGHT / file, bench.folder / file)
    return file


def told_next(called) -> list[str]:
    """Return the commands that a call told to type next."""
    return [
        line.strip() for line in re.split(r"^next: ", called.out, maxsplit=1, flags=re.MULTILINE)[-1].splitlines()
    ]


@pytest.mark.parametrize(
    ("name", "tensors"),
    [
        ("resnet50", ("gpu_0/data_0: float32 [1, 3, 224, 224] (nchw)", "gpu_0/softmax_1: 1000 scores")),
        ("shufflenet", ("gpu_0/data_0: float32 [1, 3, 224, 224] (nchw)", "gpu_0/softmax_1: 1000 scores")),
    ],
)
def test_a_strangers_model_gets_a_profile_that_is_sound(bench, name, tensors):
    """Inputs and outputs are told as they are; what is typed next, as told, finds nothing to mend."""
    made = bench.call("init", "my station", "--model", light(bench, name))
    assert made.code == 0, made
    for words in (*tensors, "which add up to 1, as after a softmax", "--labels FILE", "ms for one picture"):
        assert words in made.out, made
    assert told_next(made) == ["hilrig check 'my station'", "hilrig run 'my station'"]
    checked = bench.call("check", "my station")
    assert checked.code == 0, checked
    assert "my-station: sound, 8 limits" in checked.out
    put_in(bench.folder / "my station/profile.yaml", {**EXAMPLES, "frame_rate_fps: 30 ": "frame_rate_fps: 4 "})
    ran = bench.call("run", "my station", "--duration", "0.5s")
    assert ran.code in {10, 11}, ran  # shorter than the profile asks: never a PASS
    assert "Measured duration" in ran.out
    assert "Precision" not in ran.out  # nobody knows what is in noise


def test_a_strangers_journey_from_a_fail_to_a_pass(bench):
    """A FAIL; why, in the words of report, triage and explain; the limit mended, judged again: PASS."""
    labels = bench.folder / "names.txt"
    labels.write_text("".join(f"thing {index}, and its other name\n" for index in range(1000)))
    made = bench.call("init", "my-station", "--model", light(bench, "squeezenet"), "--labels", "names.txt")
    assert made.code == 0, made
    assert "softmaxout_1: 1000 scores" in made.out
    assert "1000 were changed: a label has no comma" in made.out
    profile = bench.folder / "my-station/profile.yaml"
    put_in(profile, {**EXAMPLES, '      "thing 0"': '      "thing 999"'})
    assert bench.call("check", "my-station").code == 0
    ran = until_undisturbed(lambda: bench.call("run", "my-station"), lambda _: bench.run_dirs()[-1:])
    assert ran.code == 10, ran
    assert "FAIL          Latency p95: " in ran.out
    assert "over the limit of 0.5 ms" in ran.out
    assert "alone is over the limit of 0.5 ms" in ran.out  # why: not a disturbance, the model itself
    (run_dir,) = bench.run_dirs()
    told = told_next(ran)
    assert told == [f"hilrig triage reports/{run_dir.name}", f"hilrig verify reports/{run_dir.name}"]
    page = (run_dir / "report.html").read_text()
    assert "do not release" in page
    assert "Precision of the worst label" not in ran.out
    triaged = bench.call("triage", f"reports/{run_dir.name}")
    assert "latency.p95_max_ms is FAIL" in triaged.out, triaged
    assert "95 % of all frames" in bench.call("explain", "latency.p95_max_ms").out
    put_in(profile, {"p95_max_ms: 0.5": "p95_max_ms: 60000"})
    judged = bench.call("judge", f"reports/{run_dir.name}", "--profile", "my-station")
    assert judged.code == 0, judged
    assert "PASS  my-station on local" in judged.out
