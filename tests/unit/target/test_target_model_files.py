"""hilrig.target.model_files: what a model's identity covers, and what is refused."""

import hashlib

import onnx
import pytest

from hilrig.core.errors import PreconditionError
from hilrig.target.model_files import bundle_sha256, hash_model_files, refuse_changed
from hostile_hands import folder, pipe
from small_models import build_model, spec_for


def save_with_external_data(folder):
    onnx.save(
        build_model(),
        str(folder / "model.onnx"),
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=0,
    )


def test_every_file_is_hashed(model_folder):
    """The digest of a file is the sha256 that `sha256sum` prints."""
    digest = hashlib.sha256((model_folder / "model.onnx").read_bytes()).hexdigest()
    assert hash_model_files(spec_for("model.onnx"), model_folder) == {"model.onnx": digest}


def test_bundle_digest_is_the_digest_of_the_sorted_listing():
    """The one digest can be recomputed with sha256sum and sort alone."""
    listing = f"{'a' * 64}  z.bin\n{'b' * 64}  a.onnx\n"
    assert bundle_sha256({"a.onnx": "b" * 64, "z.bin": "a" * 64}) == hashlib.sha256(listing.encode()).hexdigest()


def test_a_changed_weights_file_changes_the_identity(tmp_path):
    """External data belong to the model: the graph's own hash stays the same when they change."""
    save_with_external_data(tmp_path)
    spec = spec_for("model.onnx", "weights.bin")
    before = hash_model_files(spec, tmp_path)
    weights = bytearray((tmp_path / "weights.bin").read_bytes())
    weights[0] ^= 1
    (tmp_path / "weights.bin").write_bytes(weights)
    after = hash_model_files(spec, tmp_path)
    assert before["model.onnx"] == after["model.onnx"]
    assert bundle_sha256(before) != bundle_sha256(after)


def test_external_data_that_the_profile_does_not_list_are_refused(tmp_path):
    """The message names the file and the line that mends it."""
    save_with_external_data(tmp_path)
    with pytest.raises(PreconditionError, match="'weights.bin', which profile.yaml does not list") as caught:
        hash_model_files(spec_for("model.onnx"), tmp_path)
    assert caught.value.hint == "model.files: [model.onnx, weights.bin]"


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd"])
def test_external_data_outside_of_the_folder_are_refused(tmp_path, location):
    """A model cannot make hilrig read another folder's files."""
    save_with_external_data(tmp_path)
    model = onnx.load(str(tmp_path / "model.onnx"), load_external_data=False)
    model.graph.initializer[0].external_data[0].value = location
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(PreconditionError, match="outside of its own folder"):
        hash_model_files(spec_for("model.onnx", "weights.bin"), tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is empty"),
        (b"<html>not found</html>", "is not an ONNX model"),
    ],
)
def test_a_file_that_is_no_model_is_named(tmp_path, content, message):
    """Missing, empty and foreign files each get their own sentence."""
    if content is not None:
        (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(PreconditionError, match=message) as caught:
        hash_model_files(spec_for("model.onnx"), tmp_path)
    assert "model.onnx" in caught.value.message


@pytest.mark.parametrize("hand", [pipe, folder])
def test_what_is_no_file_is_not_waited_for(tmp_path, hand):
    """A pipe that nobody writes to, a folder: refused at once, before anything is read."""
    (tmp_path / "model.onnx").touch()
    hand(tmp_path / "model.onnx")
    with pytest.raises(PreconditionError, match="model.onnx is not a file"):
        hash_model_files(spec_for("model.onnx"), tmp_path)


def test_another_model_than_the_pinned_one_is_refused(model_folder):
    """A pinned digest is held against the files, and both are shown."""
    with pytest.raises(PreconditionError, match=f"expected bundle_sha256 {'0' * 64}, found [0-9a-f]{{64}}"):
        hash_model_files(spec_for("model.onnx", bundle_sha256="0" * 64), model_folder)


def test_weights_inside_a_subgraph_are_found(tmp_path):
    """External data of a branch of an If node belong to the model as well."""
    branch = build_model().graph
    tensor = branch.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="hidden.bin")
    outer = build_model()
    node = outer.graph.node.add(op_type="If")
    node.attribute.append(onnx.helper.make_attribute("then_branch", branch))
    (tmp_path / "model.onnx").write_bytes(outer.SerializeToString())
    with pytest.raises(PreconditionError, match="hidden.bin"):
        hash_model_files(spec_for("model.onnx"), tmp_path)


def test_a_file_that_changed_since_the_check_is_named():
    """What is loaded must be what was hashed before the run; a file that nobody checked counts as changed."""
    checked = {"model.onnx": "a" * 64, "weights.bin": "b" * 64}
    refuse_changed(checked, {"model.onnx": "a" * 64})
    with pytest.raises(PreconditionError, match=r"weights\.bin, new\.bin changed between the check and the load"):
        refuse_changed(checked, {"model.onnx": "a" * 64, "weights.bin": "c" * 64, "new.bin": "d" * 64})
