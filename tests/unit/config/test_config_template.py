from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.config.profile import load_profile, parse_profile
from hilrig.config.template import profile_template
from hilrig.core.errors import UsageError
from hilrig.core.profile import Layout, Profile

label_text = st.from_regex(r"[^\s;,\x00-\x1f\x7f]{1,20}", fullmatch=True).filter(str.isprintable)


def made(**changes: object) -> str:
    values = {
        "name": "my-station",
        "device_class": "x86-cpu",
        "model_file": "model.onnx",
        "input_name": "image",
        "input_shape": [1, 3, 224, 320],
        "output_name": "scores",
        "labels": ["good", "bad"],
    }
    return profile_template(**{**values, **changes})


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


def test_the_layout_follows_the_shape():
    """Planes last is nhwc."""
    profile = read(made(input_shape=(1, 224, 320, 3)))
    assert profile.pipeline.preprocess.layout is Layout.NHWC
    assert profile.pipeline.preprocess.width_px == 320


@pytest.mark.parametrize(
    "shape", [[], [1, 1, 28, 28], [3, 224, 224], [-1, 3, 224, 224], [1, 3, 0, 224], [1, 3, -1, -1]]
)
def test_an_input_that_is_no_picture_is_refused(shape: list[int]):
    """A dynamic batch, a grey or a missing plane: said before a profile is written that could never run."""
    with pytest.raises(UsageError, match="expected one picture") as caught:
        made(input_shape=shape)
    assert "fixed" in caught.value.hint


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
