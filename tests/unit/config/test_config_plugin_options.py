from pathlib import Path

import pytest

from hilrig.config.profile import load_profile, parse_profile
from hilrig.core.errors import ConfigError, Problem

pytestmark = pytest.mark.usefixtures("plugins")


@pytest.fixture
def station(tmp_path: Path) -> Path:
    (tmp_path / "model.onnx").touch()
    return tmp_path / "profile.yaml"


def refused(station: Path, text: str) -> list[Problem]:
    station.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_profile(station)
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("seed: 7", "seeds: 7", (22, 55), "unknown option 'seeds' (did you mean 'seed'?)"),
        ("seed: 7", "zzz: 7", (22, 55), "unknown option 'zzz' (known: seed, ratio, kinds, threads)"),
        ("seed: 7", "seed: '7'", (22, 61), "'feed.options.seed': expected a whole number, found the text '7'"),
        ("seed: 7", "seed: yes", (22, 61), "found the text 'yes'"),
        ("seed: 7", "seed: true", (22, 61), "found true"),
        ("seed: 7", "ratio: 1.5", (22, 62), "ratio must be within 0 to 1, found 1.5"),
        ("seed: 7", "kinds: [a, 1]", (22, 66), "'feed.options.kinds[1]': expected text, found 1"),
        ("options: {seed: 7}", "options: [7]", (22, 45), "expected a block of keys, found a list"),
        ("threads: 2", "threads: 2.5", (20, 44), "'pipeline.backend.options.threads': expected a whole number"),
        (
            "source: synthetic",
            "source: synthetik",
            (22, 16),
            "unknown feed 'synthetik' (did you mean 'synthetic'?)",
        ),
        ("name: onnx", "name: tensorrt", (20, 19), "unknown backend 'tensorrt' (known: null, onnx)"),
        ("  preprocess:", "  target: inprocess\n  preprocess:", (11, 11), "unknown target 'inprocess'"),
        ("source: synthetic", "source: modern", (22, 16), "pip install 'hilrig[cpu]'"),
        ("source: synthetic", "source: extra", (22, 16), "needs the module hilrig"),
        ("source: synthetic", "source: gone", (22, 16), "'gone' can't be loaded"),
        ("source: synthetic", "source: optionless", (22, 46), "declares no dataclass"),
    ],
)
def test_names_and_options_are_held_against_what_is_installed(
    station: Path, profile_text: str, old: str, new: str, place: tuple[int, int], words: str
):
    """An unknown name, a missing library, an unknown or wrong option: one located problem with the way out."""
    (problem,) = refused(station, profile_text.replace(old, new))
    assert (problem.line, problem.column) == place
    assert words in str(problem)


def test_an_option_without_default_is_asked_for(station: Path, profile_text: str):
    """A required option is named at the block that lacks it, also when there is no `options` at all."""
    text = profile_text.replace("source: synthetic", "source: folder")
    missing, unknown = refused(station, text)
    assert missing.message == "missing key 'feed.options.path'"
    assert unknown.message == "unknown option 'seed'"
    (missing,) = refused(station, text.replace(", options: {seed: 7}", ""))
    assert (missing.line, missing.column, missing.message) == (22, 1, "missing key 'feed.options.path'")


def test_the_golden_feed_is_checked_like_the_other(station: Path, profile_text: str):
    """A mistake in the golden feed's options is found in its own place."""
    golden = "golden: {feed: {source: synthetic, pool_frames: 4, options: {sed: 1}}, min_recall: 0.5}\nqueue:"
    (problem,) = refused(station, profile_text.replace("queue:", golden))
    assert (problem.line, problem.column) == (23, 62)


def test_options_and_keys_are_reported_together(station: Path, profile_text: str):
    """A mistake in an option hides none in the keys, nor the other way round."""
    text = profile_text.replace("seed: 7", "seeds: 7").replace("depth: 4", "depth: 0").replace("rgb", "rgp")
    assert [problem.line for problem in refused(station, text)] == [14, 22, 23]


def test_options_stay_as_they_are_written(station: Path, profile_text: str):
    """The noun carries the options of the file, so that an old copy gives the same noun without the plug-in."""
    station.write_text(profile_text)
    assert load_profile(station).feed.options == {"seed": 7}


def test_an_old_copy_is_read_without_its_plug_ins(profile_text: str):
    """Verifying an old run must not ask for the libraries or files that the run needed."""
    text = profile_text.replace("synthetic", "long-gone").replace("name: onnx", "name: long-gone")
    profile = parse_profile(text.encode(), file="profile.yaml", folder="nowhere")
    assert profile.feed.source == profile.pipeline.backend.name == "long-gone"


PYTHON_TARGET = 'pipeline:\n  target: python\n  target_options: {callable: "pipeline:P"}\n'


def own_pipeline(profile_text: str, block: str) -> str:
    """Return the profile with a target of its own in place of preprocess and backend."""
    start, end = profile_text.index("pipeline:\n"), profile_text.index("  decide:")
    return profile_text[:start] + block + profile_text[end:]


def test_a_targets_options_are_held_against_its_class(station: Path, profile_text: str):
    """Options of a target are checked as those of a feed are, at their own place."""
    station.write_text(own_pipeline(profile_text, PYTHON_TARGET))
    assert load_profile(station).pipeline.target_options == {"callable": "pipeline:P"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("callable:", "calable:", "unknown option 'calable' (did you mean 'callable'?)"),
        ('"pipeline:P"', "7", "'pipeline.target_options.callable': expected text, found 7"),
        ('"pipeline:P"', "pipeline", "callable must be module:attribute"),
        ("python", "pyton", "unknown target 'pyton' (did you mean 'python'?)"),
        (
            'python\n  target_options: {callable: "pipeline:P"}',
            'infer_service\n  target_options: {url: "https://rig"}',
            "https is not supported",
        ),
        (
            'python\n  target_options: {callable: "pipeline:P"}',
            "infer_service",
            "missing key 'pipeline.target_options.url'",
        ),
    ],
)
def test_a_mistake_in_a_targets_options_is_located(
    station: Path, profile_text: str, old: str, new: str, words: str
):
    """Unknown, wrong and missing options of a target, each with the way out."""
    problems = refused(station, own_pipeline(profile_text, PYTHON_TARGET.replace(old, new)))
    assert words in "\n".join(map(str, problems))
    assert all(problem.line in (10, 11, 12) for problem in problems)


def test_options_without_a_target_are_those_of_the_built_in_one(station: Path, profile_text: str):
    """The target in_process has nothing to set, stated or not."""
    text = profile_text.replace("  preprocess:", "  target_options: {url: x}\n  preprocess:")
    (problem,) = refused(station, text)
    assert (problem.line, problem.message) == (11, "unknown option 'url'")


def test_samplers_are_named_by_what_is_installed(station: Path, profile_text: str):
    """A sampler that must answer is known by its name here, or a mistake at that name."""
    text = profile_text.replace("hil_validation:", "run: {samplers: [host, thermocouple]}\nhil_validation:")
    (problem,) = refused(station, text)
    assert (problem.line, problem.column) == (24, 24)
    assert "unknown sampler 'thermocouple' (known: host, jetson" in str(problem)
    station.write_text(text.replace(", thermocouple", ""))
    assert load_profile(station).samplers == ("host",)
