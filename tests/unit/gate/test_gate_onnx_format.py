"""Reading what an ONNX file asks for: against the onnx package itself, and against hostile bytes."""

from contextlib import suppress

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from hilrig.core.errors import PreconditionError
from hilrig.gate import onnx_format
from hilrig.gate.onnx_format import INSIDE, external_files, read_model_format
from small_models import build_model

MODEL = build_model().SerializeToString()


def external(tensor, location: str) -> TensorProto:
    """Return the tensor with its data in another file."""
    onnx.external_data_helper.set_external_data(tensor, location=location)
    tensor.ClearField("raw_data")
    return tensor


def tensor(name: str = "w") -> TensorProto:
    """Return a small tensor with raw data."""
    return numpy_helper.from_array(np.ones(4, np.float32), name)


def field(number: int, payload: bytes) -> bytes:
    """Return a length-delimited field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def varint(value: int) -> bytes:
    """Return a number in the wire form."""
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def test_every_field_number_is_that_of_the_onnx_package():
    """The table of fields names, for each message, fields that really hold that other message."""
    for message, fields in INSIDE.items():
        descriptor = getattr(onnx, message, None) or getattr(onnx.onnx_ml_pb2, message)
        for number, inner in fields.items():
            assert descriptor.DESCRIPTOR.fields_by_number[number].message_type.name == inner
    names = onnx.ModelProto.DESCRIPTOR.fields_by_name
    assert names["ir_version"].number == onnx_format._IR_VERSION
    assert names["opset_import"].number == onnx_format._OPSET_IMPORT
    assert (
        onnx.FunctionProto.DESCRIPTOR.fields_by_name["opset_import"].number == onnx_format._FUNCTION_OPSET_IMPORT
    )
    fields = onnx.TensorProto.DESCRIPTOR.fields_by_name
    assert fields["external_data"].number == onnx_format._EXTERNAL_DATA
    assert fields["data_location"].number == onnx_format._DATA_LOCATION


def test_no_way_to_a_tensor_is_left_out():
    """Every message field between a model and a tensor that ONNX knows is in the table; types hold no tensors."""
    todo, seen = ["ModelProto"], set()
    while todo:
        name = todo.pop()
        if name in seen or name == "TensorProto":
            continue
        seen.add(name)
        inner = {
            item.number: item.message_type.name
            for item in getattr(onnx.onnx_ml_pb2, name).DESCRIPTOR.fields
            if item.message_type and holds_tensor(item.message_type, set())
        }
        assert INSIDE.get(name, {}) == inner, name
        todo += inner.values()


def holds_tensor(descriptor, seen) -> bool:
    """Return whether a message is a tensor or has one somewhere in it."""
    if descriptor.name == "TensorProto":
        return True
    if descriptor.name in seen:
        return False
    seen.add(descriptor.name)
    return any(item.message_type and holds_tensor(item.message_type, seen) for item in descriptor.fields)


@given(
    ir_version=st.integers(1, 20),
    opsets=st.dictionaries(
        st.sampled_from(["", "ai.onnx.ml", "com.microsoft", "my.own"]), st.integers(1, 40), min_size=1
    ),
)
@settings(max_examples=60, deadline=None)
def test_what_onnx_writes_is_read_back(ir_version, opsets):
    """For every model that the onnx package writes, IR version and operator sets are those that it wrote."""
    model = build_model()
    model.ir_version = ir_version
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(*pair) for pair in opsets.items())
    found = read_model_format(model.SerializeToString(), name="m.onnx")
    assert (found.ir_version, dict(found.opsets)) == (ir_version, opsets)


def test_ai_onnx_is_another_name_of_the_empty_domain():
    """Both spellings are in use; ONNX treats them as one."""
    model = build_model()
    model.opset_import[0].domain = "ai.onnx"
    assert read_model_format(model.SerializeToString(), name="m").opsets == {"": 17}


def test_a_function_that_needs_a_newer_operator_set_counts():
    """The runtime needs the functions' operator sets as well as the model's."""
    model = build_model()
    model.functions.append(
        helper.make_function(
            "my",
            "f",
            ["a"],
            ["b"],
            [helper.make_node("Identity", ["a"], ["b"])],
            [helper.make_opsetid("", 25), helper.make_opsetid("ai.onnx.ml", 3)],
        )
    )
    assert read_model_format(model.SerializeToString(), name="m").opsets == {"": 25, "ai.onnx.ml": 3}


def test_two_versions_of_one_operator_set_are_refused():
    """Which of them a runtime takes is its own affair."""
    model = build_model()
    model.opset_import.append(helper.make_opsetid("ai.onnx", 19))
    with pytest.raises(PreconditionError, match="names operator set 'ai.onnx' as 17 and as 19"):
        read_model_format(model.SerializeToString(), name="m")


def nested_models():
    """Return models whose external weights lie in every kind of place, with what they read."""
    then = helper.make_graph([], "then", [], [], [external(tensor(), "in-subgraph.bin")])
    constant = helper.make_node("Constant", [], ["c"], value=external(tensor(), "in-attribute.bin"))
    sparse = helper.make_sparse_tensor(
        external(tensor(), "in-sparse.bin"), numpy_helper.from_array(np.arange(4)), [8]
    )
    places = {
        "in-initializer.bin": helper.make_graph([], "g", [], [], [external(tensor(), "in-initializer.bin")]),
        "in-subgraph.bin": helper.make_graph(
            [helper.make_node("If", ["x"], ["y"], then_branch=then)], "g", [], []
        ),
        "in-attribute.bin": helper.make_graph([constant], "g", [], []),
        "in-sparse.bin": helper.make_graph([], "g", [], [], sparse_initializer=[sparse]),
    }
    return [pytest.param(helper.make_model(graph), name, id=name) for name, graph in places.items()]


@pytest.mark.parametrize(("model", "expected"), nested_models())
def test_external_weights_are_found_wherever_they_are_named(model, expected):
    """Weights, constants, sparse weights, subgraphs: a file that is not hashed could be changed unseen."""
    assert external_files(model.SerializeToString(), name="m") == (expected,)


def test_external_weights_of_a_function_are_found():
    """A model's own functions have nodes with tensors, too."""
    model = build_model()
    node = helper.make_node("Constant", [], ["b"], value=external(tensor(), "in-function.bin"))
    model.functions.append(helper.make_function("my", "f", [], ["b"], [node], [helper.make_opsetid("", 17)]))
    assert external_files(model.SerializeToString(), name="m") == ("in-function.bin",)


@pytest.mark.parametrize("location", ["/etc/passwd", "../../../etc/passwd", "a/../../b", "a\\b", "", "a\nb"])
def test_external_weights_outside_of_the_folder_are_refused(location):
    """A model must not read what is none of its own."""
    graph = helper.make_graph([], "g", [], [], [external(tensor(), location)])
    with pytest.raises(PreconditionError, match="which is no file beside it"):
        external_files(helper.make_model(graph).SerializeToString(), name="m")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\n  <html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (b"PK\x03\x04", "zip"),
        (bytes(4096), "number 0"),
        (varint(7 << 3 | 2) + varint(2**31) + b"\x00", "claims 2147483648 bytes where 1 are left"),
        (varint(7 << 3 | 2) + b"\xff" * 12, "more than ten bytes"),
        (varint(1 << 3 | 0) + b"\x80", "cut off within a number"),
        (varint(1 << 3 | 3), "unknown form 3"),
        (field(7, b""), "IR version is 0"),
        (varint(1 << 3) + varint(9) + field(7, b""), "names no operator set"),
        (varint(1 << 3) + varint(9) + field(8, varint(2 << 3) + varint(17)), "has no graph"),
        (
            varint(1 << 3) + varint(2**63 + 9) + field(7, b"") + field(8, varint(2 << 3) + varint(17)),
            "IR version is",
        ),
        (
            varint(1 << 3) + varint(9) + field(7, b"") + field(8, varint(2 << 3) + varint(2**64 - 1)),
            "operator set is",
        ),
        (varint(1 << 3) + varint(9) + field(7, b"") + field(8, field(2, b"17")), "is no number"),
        (
            varint(1 << 3) + varint(9) + field(7, b"") + field(8, field(1, b"\xff") + varint(2 << 3) + varint(9)),
            "no text",
        ),
    ],
)
def test_what_is_no_model_is_refused_with_what_it_looks_like(data, expected):
    """Empty, a web page, a pointer, zeros, claims of 2 GB, numbers without an end, negative versions."""
    with pytest.raises(PreconditionError, match=expected):
        read_model_format(data, name="m.onnx")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_model_is_refused(kept):
    """A broken download: the last field claims more than is left."""
    with pytest.raises(PreconditionError, match="cut off"):
        read_model_format(MODEL[: int(len(MODEL) * kept)], name="m.onnx")


def test_nesting_without_an_end_is_refused():
    """A graph in a node in a graph, 2,000 times: no recursion, a bound, a message."""
    data = b""
    for _ in range(1000):
        data = field(1, field(5, field(6, data)))
    with pytest.raises(PreconditionError, match="nested deeper than 100"):
        external_files(field(7, data), name="m")


def test_a_flood_of_parts_is_refused(monkeypatch):
    """Millions of tiny fields would keep the reader busy for an hour: there is a bound."""
    monkeypatch.setattr(onnx_format, "FIELDS_MAX", 1000)
    with pytest.raises(PreconditionError, match="more than 1000 parts"):
        external_files(field(7, field(2, b"") * 2000), name="m")


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_no_bytes_make_the_reader_fail_in_another_way(data):
    """Random bytes are a model or a PreconditionError, never anything else."""
    for read in (read_model_format, external_files):
        with suppress(PreconditionError):
            read(data, name="m")


@given(at=st.integers(0, len(MODEL) - 1), byte=st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_no_changed_byte_makes_the_reader_fail_in_another_way(at, byte):
    """A model with one changed byte is a model or a PreconditionError, never anything else."""
    data = MODEL[:at] + bytes([byte]) + MODEL[at + 1 :]
    for read in (read_model_format, external_files):
        with suppress(PreconditionError):
            read(data, name="m")
