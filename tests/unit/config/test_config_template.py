from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilrig.config.profile import load_profile, parse_profile
from hilrig.config.template import FirstProfile, profile_template
from hilrig.core.profile import Layout, Profile

label_text = st.from_regex(r"[^\s;,\x00-\x1f\x7f]{1,20}", fullmatch=True).filter(str.isprintable)


def made(**changes: object) -> str:
    values = {
        "name": "my-station",
        "device_class": "x86-cpu",
        "model_files": ["model.onnx"],
        "input_name": "image",
        "input_shape": [1, 3, 224, 320],
        "layout": Layout.NCHW,
        "dtype": "float32",
        "output_name": "scores",
        "labels": ["good", "bad"],
        "is_share": True,
    }
    return profile_template(FirstProfile(**{**values, **changes}))


def read(text: str) -> Profile:
    return parse_profile(text.encode(), file="profile.yaml", folder="here")


def test_the_template_passes_once_the_model_lies_beside_it(tmp_path: Path):
    """What `hilrig init` writes is accepted with the real plug-ins as soon as the model is there."""
    pytest.importorskip("onnxruntime")
    (tmp_path / "profile.yaml").write_text(made())
    (tmp_path / "model.onnx").touch()
    profile = load_profile(tmp_path)
    assert profile.model.labels == ("good", "bad")
    assert (profile.pipeline.preprocess.width_px, profile.pipeline.preprocess.height_px) == (320, 224)


def test_planes_last_are_nhwc():
    """Width and height are read where this layout has them."""
    profile = read(made(input_shape=(1, 224, 320, 3), layout=Layout.NHWC))
    assert profile.pipeline.preprocess.layout is Layout.NHWC
    assert (profile.pipeline.preprocess.width_px, profile.pipeline.preprocess.height_px) == (320, 224)


def test_a_thousand_labels_stand_in_lines_with_one_threshold_as_an_example():
    """A classifier's profile can be read, says why only one label decides, and is accepted."""
    labels = [f"label-{index}" for index in range(1000)]
    text = made(labels=labels)
    assert max(map(len, text.splitlines())) <= 115
    assert "At most 32 of the 1000 labels can have one" in text
    profile = read(text)
    assert profile.model.labels == tuple(labels)
    assert profile.pipeline.decide.thresholds == {"label-0": 0.5}


def test_bytes_are_taken_as_they_are():
    """A uint8 input gets no scaling, and no list of usual ones: it would be refused."""
    text = made(dtype="uint8")
    assert read(text).pipeline.preprocess.scale == 1
    assert "takes the camera's bytes as they are" in text
    assert "ImageNet" not in text


def test_usual_normalizations_stand_where_the_file_cannot_know():
    """Whoever forgot how the model was trained finds the usual numbers beside the keys."""
    assert "ImageNet (torchvision): scale 0.00392156862745098, mean [0.485, 0.456, 0.406]" in made()


def test_logits_get_a_threshold_that_means_something():
    """0 is the middle of a logit; the comment says what is better."""
    text = made(is_share=False)
    assert read(text).pipeline.decide.thresholds == {"good": 0, "bad": 0}
    assert "no shares of 1" in text
    assert "softmax or sigmoid inside" in text


def test_no_limit_on_accuracy_is_invented():
    """Nobody knows the truth of noise: precision and recall are left out, and the comment says what they take."""
    text = made()
    profile = read(text)
    assert profile.feed.source == "noise"
    assert not [limit for limit in profile.limits if limit.check_id.startswith("detection")]
    assert "source: folder" in text


@settings(max_examples=50)
@given(st.lists(label_text, min_size=1, max_size=5, unique=True), label_text)
def test_any_names_are_quoted_as_needed(labels: list[str], name: str):
    """Names from a model file are arbitrary text: each comes back as itself, `null` and `1e3` too."""
    profile = read(made(labels=labels, input_name=name, output_name=name))
    assert profile.model.labels == tuple(labels)
    assert profile.model.input_name == profile.model.output_name == name
    assert list(profile.pipeline.decide.thresholds) == labels


@pytest.mark.parametrize("name", ["null", "1e3", "true", "a: b", "#", "-", "'", '"', "{", "&a", "no", "x" * 200])
def test_traps_of_yaml_survive_as_names(name: str):
    """The words and signs that YAML reads otherwise are quoted."""
    assert read(made(output_name=name)).model.output_name == name
