from collections.abc import Callable

import pytest

from hilrig.core.errors import Problem

Problems = Callable[..., list[Problem]]


def messages(problems: list[Problem]) -> list[str]:
    return [f"{problem.line}:{problem.column} {problem.message} | {problem.hint}" for problem in problems]


@pytest.mark.parametrize("percentiles", ["p50_max_ms: 46", "p99_9_max_ms: 44", "p50_max_ms: 31"])
def test_a_lower_percentile_may_not_have_the_larger_limit(problems: Problems, percentiles: str):
    """p50 <= p95 <= p99 <= p99.9: any other order can't be meant."""
    (text,) = messages(problems(("p99_max_ms: 45", f"p99_max_ms: 45\n    {percentiles}")))
    assert "must not be over" in text
    assert "swapped" in text


def test_equal_percentile_limits_are_fine(problems: Problems):
    """Equal limits contradict nothing."""
    assert problems(("p95_max_ms: 30", "p95_max_ms: 45\n    p99_9_max_ms: 45")) == []


def test_a_decision_gap_under_the_frame_period_is_impossible(problems: Problems):
    """At 30 fps decisions are 33.3 ms apart: no run could keep 33 ms, 34 ms is fine."""
    (text,) = messages(problems(("p95_max_ms: 30", "decision_gap_max_ms: 33")))
    assert "shorter than the time between frames, 33.33 ms" in text
    assert problems(("p95_max_ms: 30", "decision_gap_max_ms: 34")) == []


def test_a_run_of_no_frame_is_refused(problems: Problems):
    """A duration shorter than one frame at that rate measures nothing."""
    (text,) = messages(problems(("minutes: 10", "minutes: 0.01"), ("fps: 30", "fps: 1/2")))
    assert "28:23" in text
    assert "less than one frame" in text


@pytest.mark.parametrize("block", ["hil_validation:\n", "hil_validation: {}\n", "hil_validation: []\n"])
def test_no_checks_at_all_is_refused(problems: Problems, profile_text: str, block: str):
    """An empty hil_validation would pass any model: it is refused in these words, once."""
    head = profile_text.partition("hil_validation:")[0]
    (text,) = messages(problems(text=head + block))
    assert text.startswith("24:1 'hil_validation' is empty: with no checks at all, any model would pass")


@pytest.mark.parametrize(
    "more",
    [
        "",
        "  frames: {}\n",
        "  resources: {thermal_throttle_allowed: true}\n",
        "  recovery: {power_loss_test: not_required}\n",
    ],
)
def test_no_limit_of_its_own_is_refused(problems: Problems, profile_text: str, more: str):
    """Duration and rate alone, or limits that are switched off, leave nothing that could fail."""
    head = profile_text.partition("hil_validation:")[0]
    block = "hil_validation:\n  latency: {duration_minutes: 1, frame_rate_fps: 30}\n"
    (problem,) = problems(text=head + block + more)
    assert problem.code == "no_checks"
    assert "any model would pass" in problem.message
    assert problems(text=head + block + "  frames: {failed_max_pct: 0}\n") == []


def test_thresholds_are_for_known_labels(problems: Problems):
    """A threshold for a label that the model does not have is found at its key, with the nearest label."""
    (text,) = messages(problems(("crack: 1}", "carck: 1}")))
    assert text == "21:40 'carck' is none of model.labels | did you mean 'crack'?"


def test_at_most_32_labels_can_have_thresholds(problems: Problems):
    """The found labels are a 32-bit mask: any 32 of a classifier's labels fit into it, a 33rd would be lost."""
    labels = [f"l{number}" for number in range(1, 41)]
    change = ("[porosity, crack, undercut, spatter]", f"[{', '.join(labels)}]")
    assert problems(change, ("porosity: 0.5, crack: 1", ", ".join(f"{one}: 0.5" for one in labels[8:]))) == []
    (text,) = messages(
        problems(change, ("porosity: 0.5, crack: 1", ", ".join(f"{one}: 0.5" for one in labels[7:])))
    )
    assert "33 labels have a threshold, at most 32 can" in text


def test_no_threshold_at_all_is_refused(problems: Problems):
    """A model none of whose labels counts would find every part good."""
    (problem,) = problems(("{porosity: 0.5, crack: 1}", "{}"))
    assert "'pipeline.decide.thresholds': expected at least 1 item(s)" in problem.message


def test_labels_stand_once(problems: Problems):
    """Two scores can't mean the same; every repetition is named at its place."""
    found = messages(problems(("undercut, spatter", "crack, crack")))
    assert [text.partition(" ")[0] for text in found] == ["9:29", "9:36"]


def test_repeated_files_and_classes_are_refused(problems: Problems):
    """The same file or class twice is a slip."""
    found = problems(("[model.onnx]", "[model.onnx, model.onnx]"), ("x86-cpu, arm64-cpu", "x86-cpu, x86-cpu"))
    assert [problem.code for problem in found] == ["contradiction", "contradiction"]


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ("[1, 3, 640, 512]", "nchw"),
        ("[2, 3, 512, 640]", "nchw"),
        ("[1, 1, 512, 640]", "nchw"),
        ("[1, 3, 512, 640]", "nhwc"),
        ("[1, 512, 640, 4]", "nhwc"),
    ],
)
def test_the_input_is_what_preprocess_makes(problems: Problems, shape: str, layout: str):
    """Swapped edges, another batch, another number of planes, another layout: refused before a frame is made."""
    (text,) = messages(problems(("[1, 3, 512, 640]", shape), ("layout: nchw", f"layout: {layout}")))
    assert f"is {shape}, but preprocess makes" in text


def test_the_other_layout_fits_too(problems: Problems):
    """Height, width, planes is right for nhwc."""
    assert problems(("[1, 3, 512, 640]", "[1, 512, 640, 3]"), ("layout: nchw", "layout: nhwc")) == []


def test_only_the_null_backend_goes_without_a_model(problems: Problems):
    """No files: fine for `null`, which measures the harness alone, refused for every other backend."""
    (text,) = messages(problems(("[model.onnx]", "[]")))
    assert "'model.files' is empty, but the backend 'onnx' needs a model" in text
    assert problems(("[model.onnx]", "[]"), ("name: onnx, options: {threads: 2}", "name: null, options: {}"))
    assert problems(("[model.onnx]", "[]"), ("name: onnx", "name: 'null'")) == []


def test_a_golden_set_must_judge(problems: Problems):
    """Golden frames without a least precision or recall would pass any model."""
    golden = "golden: {feed: {source: synthetic, pool_frames: 4}}\nqueue:"
    (problem,) = problems(("queue:", golden))
    assert (problem.line, problem.code) == (23, "no_checks")
    assert problems(("queue:", golden.replace("4}}", "4}, min_recall: 0.9}"))) == []


def test_a_uint8_tensor_takes_the_pixels_as_they_are(problems: Problems):
    """Whole numbers leave no room for scale, mean or std: what cannot be done is refused, not passed over."""
    found = messages(problems(("dtype: float32", "dtype: uint8")))
    assert found
    assert all("uint8" in text for text in found)
    assert any("'scale'" in text for text in found)
