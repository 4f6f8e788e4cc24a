"""The model put aside: what is hashed is what is tried, and nothing of it lies elsewhere."""

import os

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from compat_models import one_node
from hilrig.app.compat.model import INPUT_FILE, staged_model
from hilrig.app.folders import bundled_profile
from hilrig.app.golden.published import golden_of
from hilrig.config.profile import load_profile
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import HilrigError, PreconditionError, RecordError, UsageError
from hilrig.target.model_files import bundle_sha256
from onnx_stations import write_onnx_station

DATA = one_node("Identity")


def with_weights(location: str) -> bytes:
    """Return a model whose weights lie in another file."""
    tensor = numpy_helper.from_array(np.ones((1, 4), np.float32), "w")
    onnx.external_data_helper.set_external_data(tensor, location=location)
    tensor.ClearField("raw_data")
    value = [helper.make_tensor_value_info(name, 1, [1, 4]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", value[:1], value[1:], [tensor])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


def test_a_model_alone_is_copied_and_named_by_its_own_name(tmp_path):
    """The digest of the bundle is over the file's name and content."""
    (tmp_path / "m.onnx").write_bytes(DATA)
    with staged_model(tmp_path / "m.onnx") as model:
        assert model.files_sha256 == {"m.onnx": sha256_hex(DATA)}
        assert model.bundle_sha256 == bundle_sha256({"m.onnx": sha256_hex(DATA)})
        assert model.model_format.opsets == {"": 17}
        assert model.golden is None
        (tmp_path / "m.onnx").write_bytes(b"changed meanwhile")
        assert (model.folder / "m.onnx").read_bytes() == DATA
        folder = model.folder
    assert not folder.exists()


def test_weights_in_another_file_are_part_of_the_model(tmp_path):
    """A changed weights file leaves the graph's digest as it was, and the bundle's not."""
    (tmp_path / "m.onnx").write_bytes(with_weights("w.bin"))
    bundles = []
    for weights in (bytes(16), bytes(15) + b"\x01"):
        (tmp_path / "w.bin").write_bytes(weights)
        with staged_model(tmp_path / "m.onnx") as model:
            assert list(model.files_sha256) == ["m.onnx", "w.bin"]
            bundles.append(model.bundle_sha256)
    assert bundles[0] != bundles[1]


def test_missing_weights_are_named(tmp_path):
    """The export was copied without its second file."""
    (tmp_path / "m.onnx").write_bytes(with_weights("w.bin"))
    with pytest.raises(PreconditionError, match="w.bin is missing"), staged_model(tmp_path / "m.onnx"):
        pass


def test_weights_that_climb_are_refused(tmp_path):
    """Nothing outside of the model's folder is read, hashed or copied."""
    (tmp_path / "m.onnx").write_bytes(with_weights("../secret"))
    with pytest.raises(PreconditionError, match="no file beside it"), staged_model(tmp_path / "m.onnx"):
        pass


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_link_or_a_pipe_is_no_model(tmp_path, kind):
    """A link may change its target, a pipe would block for ever."""
    path = tmp_path / "m.onnx"
    if kind == "link":
        (tmp_path / "real.onnx").write_bytes(DATA)
        path.symlink_to("real.onnx")
    else:
        os.mkfifo(path)
    with pytest.raises(RecordError), staged_model(path):
        pass


@pytest.mark.parametrize("data", [b"", b"<html></html>", DATA[:-9]])
def test_what_is_no_model_is_refused(tmp_path, data):
    """Empty, a web page, cut off."""
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(PreconditionError), staged_model(tmp_path / "m.onnx"):
        pass


def test_a_missing_file_says_what_can_be_given(tmp_path):
    """A model or a profile."""
    with pytest.raises(UsageError, match="there is no model"), staged_model(tmp_path / "m.onnx"):
        pass


def test_a_profiles_model_comes_with_its_golden_input():
    """The bundled profile: its bundle's digest, its output, and the tensor of its first golden frame."""
    folder = bundled_profile("weld-station")
    profile = load_profile(folder)
    with staged_model(folder) as model:
        assert model.output_name == profile.model.output_name
        assert model.golden is not None
        assert model.golden.shape == profile.model.input_shape
        size = (model.folder / INPUT_FILE).stat().st_size
        assert size == 4 * np.prod(profile.model.input_shape)
        assert model.asked(("CPUExecutionProvider",), memory_mib=64).options["providers"] == [
            "CPUExecutionProvider"
        ]


def test_without_a_golden_set_the_feeds_first_frame_is_shown_as_a_release_has_it(tmp_path):
    """The same tensor as in the golden sample of a release."""
    station = write_onnx_station(tmp_path / "station", "CPUExecutionProvider")
    with staged_model(station) as model:
        assert (model.folder / INPUT_FILE).read_bytes() == golden_of(load_profile(station)).tensor


def test_a_profile_may_use_the_model_of_the_one_beside_it(tmp_path):
    """`../station/model.onnx` is copied into our folder, and keeps its name in the digest."""
    station = write_onnx_station(tmp_path / "station", "CPUExecutionProvider")
    other = tmp_path / "other"
    other.mkdir()
    text = (station / "profile.yaml").read_text().replace("[model.onnx]", "[../station/model.onnx]")
    (other / "profile.yaml").write_text(text)
    with staged_model(other) as model:
        assert list(model.files_sha256) == ["../station/model.onnx"]
        assert model.asked((), memory_mib=64).files == ("up/station/model.onnx",)
        assert (model.folder / "up/station/model.onnx").is_file()


def test_a_model_other_than_the_pinned_one_is_refused(tmp_path):
    """The profile pins a digest, the file has another."""
    station = write_onnx_station(tmp_path / "station", "CPUExecutionProvider")
    profile = station / "profile.yaml"
    text = profile.read_text()
    assert "model:\n" in text
    profile.write_text(text.replace("model:\n", f"model:\n  bundle_sha256: '{'0' * 64}'\n", 1))
    with pytest.raises(HilrigError, match="not the one that"), staged_model(station):
        pass
