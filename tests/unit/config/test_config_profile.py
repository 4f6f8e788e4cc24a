from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from hilrig.config.profile import load_profile, parse_profile
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import ConfigError, Problem
from hilrig.core.profile import ColorOrder, Comparator, Layout, Limit, OnFull, Profile

Problems = Callable[..., list[Problem]]


def parsed(text: str) -> Profile:
    return parse_profile(text.encode(), file="profile.yaml", folder="here")


def test_the_values_of_a_profile(profile_text: str):
    """Every key arrives in the noun, in the noun's own types."""
    profile = parsed(profile_text)
    assert profile.name == "weld-station"
    assert profile.device_classes == ("x86-cpu", "arm64-cpu")
    assert profile.sha256 == sha256_hex(profile_text.encode())
    assert profile.folder == "here"
    assert profile.model.input_shape == (1, 3, 512, 640)
    assert profile.model.labels == ("porosity", "crack", "undercut", "spatter")
    assert profile.pipeline.target == "in_process"
    assert profile.pipeline.preprocess.color_order is ColorOrder.RGB
    assert profile.pipeline.preprocess.layout is Layout.NCHW
    assert profile.pipeline.preprocess.std == (1.0, 1.0, 1.0)
    assert profile.pipeline.backend.options == {"threads": 2}
    assert profile.pipeline.decide.thresholds == {"porosity": 0.5, "crack": 1.0}
    assert profile.feed.options == {"seed": 7}
    assert profile.queue.on_full is OnFull.DROP_OLDEST
    assert profile.golden is None
    assert profile.frame_rate_fps == 30
    assert profile.duration_s == 600
    assert (profile.warmup_s, profile.telemetry_period_ms) == (5, 100)


def test_the_limits_of_the_published_block(profile_text: str):
    """The block of the seed gives these checks, in the order of the keys, each with the line that states it."""
    rows = [
        ("latency.p95_max_ms", "latency_p95_ms", "<=", 30.0, "ms", "profile.yaml:27:5"),
        ("latency.p99_max_ms", "latency_p99_ms", "<=", 45.0, "ms", "profile.yaml:26:5"),
        ("latency.decision_gap_max_ms", "decision_gap_ms", "<=", 1000.0, "ms", "profile.yaml:25:3"),
        ("latency.duration_minutes", "duration_min", ">=", 10.0, "min", "profile.yaml:28:5"),
        ("frames.failed_max_pct", "failed_pct", "<=", 0.0, "%", "profile.yaml:24:1"),
        ("resources.gpu_memory_max_mb", "gpu_memory_peak_mib", "<=", 3072.0, "MiB", "profile.yaml:31:5"),
        (
            "resources.thermal_throttle_allowed",
            "thermal_throttle_events",
            "<=",
            0.0,
            "events",
            "profile.yaml:32:5",
        ),
        ("recovery.power_loss_test", "power_loss_recovered", ">=", 1.0, "bool", "profile.yaml:34:5"),
    ]
    assert parsed(profile_text).limits == tuple(
        Limit(check_id=check_id, metric=metric, comparator=Comparator(sign), limit=limit, unit=unit, source=source)
        for check_id, metric, sign, limit, unit, source in rows
    )


def test_what_is_allowed_is_no_limit(profile_text: str):
    """Throttling that is allowed, a power cut that is not required: no check, rather than one that can't fail."""
    text = profile_text.replace("_allowed: false", "_allowed: true").replace(": required", ": not_required")
    assert [limit.check_id for limit in parsed(text).limits if limit.check_id > "latency"] == [
        "latency.p95_max_ms",
        "latency.p99_max_ms",
        "latency.decision_gap_max_ms",
        "latency.duration_minutes",
        "resources.gpu_memory_max_mb",
    ]


@pytest.mark.parametrize(
    ("written", "fps"),
    [
        ("29.97", Fraction(2997, 100)),
        ("30000/1001", Fraction(30000, 1001)),
        ("0.1", Fraction(1, 10)),
        ("1000", 1000),
    ],
)
def test_frame_rates_are_exact(profile_text: str, written: str, fps: Fraction):
    """A decimal rate is the decimal that was written, a ratio is itself: no drift after eight hours."""
    assert parsed(profile_text.replace("fps: 30", f"fps: {written}")).frame_rate_fps == fps


def test_one_device_class_may_stand_alone(profile_text: str):
    """A single class needs no list."""
    assert parsed(profile_text.replace("[x86-cpu, arm64-cpu]", "x86-cpu")).device_classes == ("x86-cpu",)


def test_all_mistakes_at_once_in_the_order_of_the_file(problems: Problems):
    """Mistakes of every kind, in blocks that have nothing to do with each other, come in one list."""
    found = problems(
        ("name: weld-station", "name: Weld Station"),
        ("[1, 3, 512, 640]", "[1, 3, 512, 512]"),
        ("color_order: rgb", "color_order: rgp"),
        ("crack: 1}", "crck: 1}"),
        ("depth: 4", "depth: 4.5"),
        ("p99_max_ms: 45", "p99_max_ms: 20\n    p99_max_ms: 45"),
        ("frame_rate_fps: 30", "frame_rate: 30"),
        ("gpu_memory_max_mb: 3072", "gpu_memory_max_mb: 3 GiB"),
        ("_allowed: false", "_allowed: no"),
    )
    assert [(problem.line, problem.column, problem.code) for problem in found] == [
        (2, 7, "wrong_value"),
        (7, 24, "contradiction"),
        (14, 18, "wrong_value"),
        (21, 40, "contradiction"),
        (23, 16, "wrong_type"),
        (25, 3, "missing_key"),
        (27, 5, "duplicate_key"),
        (28, 17, "contradiction"),
        (30, 5, "unknown_key"),
        (32, 24, "wrong_type"),
        (33, 31, "wrong_type"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "where", "message", "hint"),
    [
        ("p99_max_ms: 45", "p99_max_mss: 45", "26:5", "unknown key 'p99_max_mss'", "did you mean 'p99_max_ms'?"),
        ("queue:", "p50_max_ms: 3\nqueue:", "23:1", "unknown key 'p50_max_ms'", "under 'hil_validation.latency'"),
        ("    p99_max_ms: 45", "    format: 45", "26:5", "unknown key 'format'", "belongs at the left margin"),
        ("    p99_max_ms: 45", "    zzz: 45", "26:5", "unknown key 'zzz'", "known: p50_max_ms, p95_max_ms"),
        ("format: 1", "format: 2", "1:9", "reads format 1, found 2", ""),
        ("format: 1", "format: true", "1:9", "expected a whole number, found true", ""),
        ("format: 1", "format: '1'", "1:9", "found the text '1'", "remove the quotes"),
        ("p99_max_ms: 45", "p99_max_ms:", "26:5", "latency.p99_max_ms' has no value", "remove the key"),
        ("p99_max_ms: 45", "p99_max_ms: 0", "26:17", "expected more than 0, found 0", ""),
        ("p99_max_ms: 45", "p99_max_ms: 4_5", "26:17", "found the text '4_5'", "write digits only"),
        ("p99_max_ms: 45", "p99_max_ms: 45ms", "26:17", "found the text '45ms'", "write 45 alone"),
        ("p99_max_ms: 45", "p99_max_ms: true", "26:17", "expected a number, found true", ""),
        ("p99_max_ms: 45", "p99_max_ms: [45]", "26:5", "expected a number, found a list", ""),
        ("p99_max_ms: 45", "p99_max_ms: .inf", "26:17", "finite", ""),
        ("minutes: 10", "minutes: 1:30", "28:23", "found the text '1:30'", "no clock notation"),
        ("minutes: 10", "minutes: 0", "28:23", "expected more than 0, found 0", ""),
        ("minutes: 10", "minutes: 43201", "28:23", "expected at most 43200, found 43201", ""),
        ("fps: 30", "fps: 0", "29:21", "more than 0 and at most 1000 frames per second, found 0", ""),
        ("fps: 30", "fps: 1000.5", "29:21", "at most 1000", ""),
        ("fps: 30", "fps: 30/0", "29:21", 'a ratio such as "30000/1001", found "30/0"', ""),
        ("fps: 30", "fps: true", "29:21", "found true", ""),
        ("fps: 30", "fps: [30]", "29:5", "found [30]", ""),
        ("allowed: false", "allowed: no", "32:31", "found the text 'no'", "write false"),
        ("allowed: false", "allowed: On", "32:31", "found the text 'On'", "write true"),
        ("allowed: false", "allowed: 'false'", "32:31", "found the text 'false'", "without quotes"),
        ("allowed: false", "allowed: 0", "32:31", "expected true or false, found 0", ""),
        ("power_loss_test: required", "power_loss_test: yes", "34:22", "'required' or 'not_required'", ""),
        ("power_loss_test: required", "expected: 1", "33:3", "missing key 'hil_validation.recovery.power", ""),
        ("last_known_good", "newest", "35:30", "expected 'last_known_good', found the text 'newest'", ""),
        ("crack: 1}", "crack: 1.01}", "21:47", "expected at most 1, found 1.01", ""),
        ("std: [1, 1, 1]", "std: [1, 0, 1]", "17:14", "'pipeline.preprocess.std[1]': expected more than 0", ""),
        ("std: [1, 1, 1]", "std: [1, 1]", "17:5", "expected at least 3 item(s), found 2", ""),
        ("mean: [0, 0, 0]", "mean: 0", "16:11", "expected a list, found 0", ""),
        ("[porosity, crack, undercut, spatter]", "[porosity, crack, 3]", "9:29", "text, found 3", "quotes"),
        ("[porosity, crack, undercut, spatter]", "[porosity, crack, 'a;b']", "9:29", "without ';'", ""),
        ("files: [model.onnx]", "files: [/abs/model.onnx]", "6:11", "relative to the profile's folder", ""),
        ("files: [model.onnx]", 'files: ["a\\nb"]', "6:11", "relative to the profile's folder", ""),
        ("[x86-cpu, arm64-cpu]", "[]", "4:1", "expected at least 1 item(s), found 0", ""),
        ("[x86-cpu, arm64-cpu]", "X86", "4:15", "small letters", ""),
        ("name: onnx,", "name: null,", "20:13", "expected text, found nothing", 'needs quotes: "null"'),
        ("queue: {depth: 4, on_full: drop_oldest}", "queue: [4]", "23:1", "a block of keys, found a list", ""),
        ("queue: {depth: 4, on_full: drop_oldest}", "", "1:1", "missing key 'queue'", ""),
        ("drop_oldest", "drop-oldest", "23:28", "found the text 'drop-oldest'", "did you mean 'drop_oldest'?"),
    ],
)
def test_each_mistake_in_words(problems: Problems, old: str, new: str, where: str, message: str, hint: str):
    """Each mistake alone is one problem: where, what was expected, what was found, what to do."""
    (problem,) = (found for found in problems((old, new)) if f"{found.line}:{found.column}" == where)
    assert message in problem.message
    assert hint in problem.hint
    assert "Input should" not in str(problem)


def test_a_flattened_block_tells_where_its_keys_belong(problems: Problems, profile_text: str):
    """The published block without indentation: each stray key is told its block."""
    flat = profile_text.replace("  latency:\n    p99_max_ms: 45\n    p95", "latency:\np99_max_ms: 45\n    p95")
    (syntax,) = problems(text=flat)
    assert syntax.code == "syntax"
    head, _, tail = profile_text.partition("hil_validation:\n")
    flat = head + "hil_validation:\n" + "\n".join(line.strip() for line in tail.splitlines())
    hints = {problem.message: problem.hint for problem in problems(text=flat)}
    assert hints["unknown key 'p99_max_ms'"] == "it belongs under 'hil_validation.latency'"
    assert hints["unknown key 'latency'"] == "it belongs under 'hil_validation'"
    assert "no checks at all" in " ".join(hints)


def test_folder_and_file_are_the_same_profile(plugins: None, tmp_path: Path, profile_text: str):
    """A profile is found by its folder or its file; its own folder is where relative paths start."""
    (tmp_path / "profile.yaml").write_text(profile_text)
    (tmp_path / "model.onnx").touch()
    profile = load_profile(tmp_path)
    assert profile == load_profile(tmp_path / "profile.yaml")
    assert profile.folder == str(tmp_path.resolve())
    copy = parse_profile(profile_text.encode(), file="copy.yaml", folder=profile.folder)
    assert copy == profile


def test_a_missing_model_is_a_mistake_of_the_profile(plugins: None, tmp_path: Path, profile_text: str):
    """A model file that is not there is reported at its name in the list, one with a hostile name too."""
    long = "x" * 1000
    (tmp_path / "profile.yaml").write_text(profile_text.replace("[model.onnx]", f"[model.onnx, {long}, ../..]"))
    with pytest.raises(ConfigError) as caught:
        load_profile(tmp_path)
    assert [(p.line, p.column, p.code) for p in caught.value.problems] == [
        (6, 11, "missing_file"),
        (6, 23, "missing_file"),
        (6, 1025, "missing_file"),
    ]
    assert caught.value.problems[0].file == str(tmp_path / "profile.yaml")


def test_a_path_to_nowhere_names_the_profiles_beside_it(tmp_path: Path):
    """A mistyped profile is answered by the nearest one, a folder of profiles by their names."""
    for name in ("weld-station", "paint-shop"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "profile.yaml").touch()
    with pytest.raises(ConfigError, match="no such profile.*did you mean 'weld-station'"):
        load_profile(tmp_path / "weld-staton")
    with pytest.raises(ConfigError, match="known: paint-shop, weld-station"):
        load_profile(tmp_path)
    with pytest.raises(ConfigError, match="no such profile"):
        load_profile(tmp_path / "no" / "such" / "folder")


def test_an_endless_file_is_not_read_to_its_end(tmp_path: Path):
    """A device or a huge file behind the name ends in a message, not in a full memory."""
    with pytest.raises(ConfigError, match="no such profile"):
        load_profile(Path("/dev/zero"))
    huge = tmp_path / "profile.yaml"
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConfigError, match="larger than 1 MiB"):
        load_profile(huge)
