"""hilrig.app.init: the first profile of a model that hilrig has never seen."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hilrig.app.init.label_names import label_names
from hilrig.app.init.make import InitRequest, init_profile, profile_name
from hilrig.app.init.picture import picture_of, read_size
from hilrig.config.profile import load_profile
from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.profile import Layout

pytest.importorskip("onnxruntime")


def save(path, shape=(1, 3, 16, 24), *, ends="Softmax", outputs=("scores",), metadata=(), **how) -> Path:
    """Save a small classifier of four classes: planes averaged, weighted, perhaps ended by a softmax."""
    weights = np.array([[1, -2, 3, -4]], np.float32)
    nodes = [
        helper.make_node("Constant", [], ["one"], value_ints=[1]),
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        helper.make_node("MatMul", ["column", "weights"], ["row"]),
        *(helper.make_node(ends, ["row"], [name]) for name in outputs),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [shape[0], 4]) for name in outputs],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, dict(metadata))
    onnx.save(model, str(path), **how)
    return path


@pytest.fixture
def init(tmp_path):
    """Return a function that makes a profile for a model, in a folder named station."""

    def make(model: Path, folder: str = "station", **changes):
        return init_profile(InitRequest(folder=tmp_path / folder, model=model, **changes))

    return make


def taken(shape, kind="tensor(float)", **how):
    """Return what a model with this one input takes."""
    (size,) = (how.pop("size", None),)
    return picture_of([SimpleNamespace(name="image", shape=shape, type=kind)], "m.onnx", size=size)


def test_a_model_with_an_open_batch_gets_a_sound_profile(init, tmp_path):
    """Shape, names, softmax: read from the model; the folder loads as it is, the model's copy beside it."""
    made = init(save(tmp_path / "m.onnx", ("N", 3, 16, 24)))
    assert made.profile.model.input_shape == (1, 3, 16, 24)
    assert made.scores.kind == "which add up to 1, as after a softmax"
    assert made.profile.pipeline.decide.thresholds == {f"label-{index}": 0.5 for index in range(4)}
    assert (tmp_path / "station" / "m.onnx").read_bytes() == (tmp_path / "m.onnx").read_bytes()
    assert load_profile(tmp_path / "station") == made.profile


def test_open_edges_need_a_size(init, tmp_path):
    """The speed depends on it, so none is guessed; with --size the profile has it."""
    model = save(tmp_path / "m.onnx", ("N", 3, "H", "W"))
    with pytest.raises(UsageError, match="takes pictures of any size") as caught:
        init(model)
    assert "--size 640x480" in caught.value.hint
    assert init(model, size=(32, 20)).profile.model.input_shape == (1, 3, 20, 32)


def test_logits_are_seen_and_told(init, tmp_path):
    """Scores below 0 or above 1 are no shares: thresholds of 0, and the words that say why."""
    made = init(save(tmp_path / "m.onnx", ends="Identity"))
    assert "logits" in made.scores.kind
    assert set(made.profile.pipeline.decide.thresholds.values()) == {0}


def test_several_outputs_are_chosen_by_name_alone(init, tmp_path):
    """It is not guessed which row of numbers are the scores."""
    model = save(tmp_path / "m.onnx", outputs=("scores", "other"))
    with pytest.raises(UsageError, match=r"2 outputs that may be the scores: scores \[1, 4\], other") as caught:
        init(model)
    assert "--output scores" in caught.value.hint
    made = init(model, output="other")
    assert (made.profile.model.output_name, made.scores.others) == ("other", ("scores",))
    with pytest.raises(UsageError, match="has no output 'none'"):
        init(model, folder="again", output="none")


def test_labels_come_from_a_file_or_from_the_model(init, tmp_path):
    """One name per line wins over the model's own; a number that does not fit is refused with both."""
    model = save(tmp_path / "m.onnx", metadata=[("names", "{0: 'a', 1: 'b', 2: 'c', 3: 'd'}")])
    assert init(model, folder="own").profile.model.labels == ("a", "b", "c", "d")
    names = tmp_path / "names.txt"
    names.write_text("\ufeffNuss\nSchraube, lang\nMutter\nMutter\n", encoding="utf-8")
    made = init(model, labels=names)
    assert made.profile.model.labels == ("Nuss", "Schraube", "Mutter", "Mutter #3")
    assert made.labels.n_changed == 2
    names.write_text("one\ntwo\n")
    with pytest.raises(UsageError, match="has 2 names, the model gives 4 scores"):
        init(model, folder="again", labels=names)
    with pytest.raises(PreconditionError, match="cannot be read: No such file"):
        init(model, folder="again", labels=tmp_path / "gone.txt")


@pytest.mark.parametrize("text", ["{0: 'a', 1: 'b'}", '["a", "b"]', "a,b", '{"1": "b", "0": "a"}', "('a', 'b')"])
def test_metadata_is_read_in_the_forms_that_exporters_write(text):
    """Python's own form, JSON, a list parted by commas."""
    assert label_names(2, None, {"names": text}).names == ("a", "b")


@pytest.mark.parametrize("text", ["", "{", "a,b,c", "__import__('os')", "[1", "1"])
def test_metadata_that_does_not_fit_leaves_numbers(text):
    """What is no list of as many names as scores is passed over, and never run."""
    assert label_names(2, None, {"names": text}).names == ("label-0", "label-1")


def test_external_data_travels_along(init, tmp_path):
    """A copy of the graph alone would not load: its weights are copied and named in the profile."""
    model = save(
        tmp_path / "m.onnx",
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location="w.bin",
        size_threshold=0,
    )
    made = init(model)
    assert made.profile.model.files == ("m.onnx", "w.bin")
    assert (tmp_path / "station" / "w.bin").read_bytes() == (tmp_path / "w.bin").read_bytes()
    (tmp_path / "w.bin").unlink()
    with pytest.raises(
        PreconditionError, match="keeps its weights in w.bin, which is missing beside it"
    ) as caught:
        init(model, folder="again")
    assert "copy w.bin" in caught.value.hint
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"this is no model\n", "a text file"),
        (b"", "is empty"),
        (b"PK\x03\x04", "a zip archive, such as PyTorch's"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
    ],
)
def test_a_file_that_is_no_model_is_named_for_what_it_is(init, tmp_path, data, words):
    """A text, nothing, a checkpoint, a pointer: each in words, before the runtime is asked."""
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(PreconditionError, match=words):
        init(tmp_path / "m.onnx")


def test_paths_that_people_type_are_understood_or_refused_with_the_next_step(init, tmp_path, monkeypatch):
    """An address, a folder, a missing file, a tilde that the shell left alone."""
    model = save(tmp_path / "m.onnx")
    with pytest.raises(UsageError, match="https://example.com/m.onnx is an address") as caught:
        init(Path("https://example.com/m.onnx"))
    assert "curl -LO https://example.com/m.onnx" in caught.value.hint
    with pytest.raises(UsageError, match="is a folder, expected an ONNX file") as caught:
        init(tmp_path)
    assert caught.value.hint == "known there: m.onnx"
    with pytest.raises(PreconditionError, match="there is no file .*gone.onnx"):
        init(tmp_path / "gone.onnx")
    monkeypatch.setenv("HOME", str(tmp_path))
    made = init_profile(InitRequest(folder=Path("~/station"), model=Path("~/m.onnx")))
    assert made.file == tmp_path / "station" / "profile.yaml"
    with pytest.raises(UsageError, match=r"profile.yaml exists; it is never overwritten") as caught:
        init(model)
    assert f"hilrig check {tmp_path / 'station'}" in caught.value.hint


def test_nothing_of_a_folder_is_overwritten(init, tmp_path):
    """A folder may hold other things, but no other model of the same name; a file is no folder."""
    model = save(tmp_path / "m.onnx")
    (tmp_path / "station").mkdir()
    (tmp_path / "station" / "m.onnx").write_bytes(b"another")
    with pytest.raises(UsageError, match="is not the model that --model names"):
        init(model)
    assert (tmp_path / "station" / "m.onnx").read_bytes() == b"another"
    with pytest.raises(UsageError, match="m.onnx is a file, expected a folder"):
        init(model, folder="m.onnx")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Prüfstand 3 links", "pruefstand-3-links"),
        ("Straße", "strasse"),
        ("Café", "cafe"),
        ("工場", "station"),
        ("a" * 90, "a" * 64),
    ],
)
def test_a_station_is_named_after_its_folder(folder, name):
    """Umlauts as people write them without; what has no Latin letters is a station."""
    assert profile_name(Path("/somewhere") / folder) == name


@pytest.mark.parametrize(
    ("shape", "layout", "size"),
    [
        ([1, 3, 20, 30], Layout.NCHW, (30, 20)),
        (["N", 3, 20, 30], Layout.NCHW, (30, 20)),
        ([None, 20, 30, 3], Layout.NHWC, (30, 20)),
        ([1, 3, 20, 3], Layout.NCHW, (3, 20)),
    ],
)
def test_the_layout_follows_the_planes(shape, layout, size):
    """Three planes in second place are nchw, in last place nhwc."""
    picture = taken(shape)
    assert (picture.layout, (picture.width_px, picture.height_px)) == (layout, size)
    assert len(picture.shape) == 4


@pytest.mark.parametrize(
    ("shape", "kind", "words"),
    [
        ([1, 1, 28, 28], "tensor(float)", "pictures in grey; hilrig makes three"),
        ([1, 28, 28, 4], "tensor(float)", "four planes"),
        ([8, 3, 28, 28], "tensor(float)", "takes 8 pictures at once"),
        ([1, 784], "tensor(float)", "expected one picture"),
        ([], "tensor(float)", "expected one picture"),
        (["N", "C", "H", "W"], "tensor(float)", "expected one picture"),
        ([1, 3, 28, 28], "tensor(int8)", r"takes tensor\(int8\), hilrig makes float32, float16, uint8"),
    ],
)
def test_an_input_that_is_no_picture_is_refused_with_a_way_on(shape, kind, words):
    """Each with what was found and with what to do: said before anything is written."""
    with pytest.raises(UsageError, match=words) as caught:
        taken(shape, kind)
    assert "export" in caught.value.hint


def test_a_size_that_contradicts_the_model_is_refused():
    """What the model fixes is not ours to say; half of it may be open."""
    with pytest.raises(UsageError, match="takes pictures of 30x20, --size says 64x64"):
        taken([1, 3, 20, 30], size=(64, 64))
    assert taken([1, 3, 20, "W"], size=(64, 20)).width_px == 64


@pytest.mark.parametrize("text", ["640", "640*480", "0x480", "-1x2", "640x480x3", ""])
def test_a_size_is_width_and_height(text):
    """640x480, the width first; everything else is refused with that form."""
    with pytest.raises(UsageError, match="is no size of a picture") as caught:
        read_size(text)
    assert "640x480" in caught.value.hint
