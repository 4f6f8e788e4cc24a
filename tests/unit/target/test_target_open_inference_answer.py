"""hilrig.target.open_inference_answer: hostile answers of the Open Inference Protocol."""

import json
from email.message import Message

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.frame import OutcomeReason
from hilrig.target.http_connection import Answer
from hilrig.target.open_inference_answer import HEADER_LENGTH, read_answer
from hilrig.target.outcome import FrameError
from small_models import spec_for

MODEL = spec_for()  # labels a and b, output scores
NUMBERS = np.array([0.25, 0.5], "<f4").tobytes()


def read(header, tensors=b"", *, length=None):
    """Return what is read from an answer; `length` is what its header says of the JSON, None nothing."""
    body = json.dumps(header).encode() if isinstance(header, dict) else header
    headers = Message()
    if length is not None:
        headers[HEADER_LENGTH] = str(len(body) if length == "true" else length)
    return read_answer(Answer(200, headers, body + tensors), MODEL, request_id="7")


def output(name="scores", **more):
    return {"name": name, "datatype": "FP32", "shape": [1, 2]} | more


def binary(n_bytes):
    return {"parameters": {"binary_data_size": n_bytes}}


def test_the_bytes_of_the_right_output_are_taken():
    """Outputs may come in any order, with others around them."""
    before = output("other", **binary(3))
    scores, version = read(
        {"model_version": "7", "outputs": [before, output(**binary(8)), output("more", **binary(2))]},
        b"xyz" + NUMBERS + b"zz",
        length="true",
    )
    assert scores.tolist() == [0.25, 0.5]
    assert version == "7"


@pytest.mark.parametrize(("datatype", "number"), [("FP16", "<f2"), ("FP64", "<f8")])
def test_other_floats_are_read_too(datatype, number):
    """Half and double precision are scores as well."""
    data = np.array([0.25, 0.5], number).tobytes()
    scores, _ = read({"outputs": [output(**binary(len(data)), datatype=datatype)]}, data, length="true")
    assert scores.tolist() == [0.25, 0.5]


@pytest.mark.parametrize("data", [[0.25, 0.5], [[0.25, 0.5]], [[0.25], [0.5]]])
def test_json_data_is_flat_or_nested(data):
    """Servers send either."""
    assert read({"outputs": [output(data=data)]})[0].tolist() == [0.25, 0.5]


@pytest.mark.parametrize(
    ("header", "tensors"),
    [
        ({}, b""),
        ({"outputs": None}, b""),
        ({"outputs": {}}, b""),
        ({"outputs": [7, None]}, b""),
        ({"outputs": [output("other", data=[1, 2])]}, b""),
        ({"outputs": [output()]}, b""),
        ({"outputs": [output(data="12")]}, b""),
        ({"outputs": [output(data=[1, "2"])]}, b""),
        ({"outputs": [output(data=[1, True])]}, b""),
        ({"outputs": [output(data=[1, None])]}, b""),
        ({"outputs": [output(data=[1, 2, 3])]}, b""),
        ({"outputs": [output(data=[[1], 2])]}, b""),
        ({"outputs": [output(data=[1, 10**400])]}, b""),
        ({"outputs": [output(**binary(8))]}, NUMBERS[:-1]),
        ({"outputs": [output(**binary(8))]}, NUMBERS + b"x"),
        ({"outputs": [output(**binary(4))]}, NUMBERS[:4]),
        ({"outputs": [output(**binary(-8))]}, NUMBERS),
        ({"outputs": [output(**binary(True))]}, b"x"),
        ({"outputs": [output(**binary("8"))]}, NUMBERS),
        ({"outputs": [output(**binary(8), datatype="INT32")]}, NUMBERS),
        ({"outputs": [output(**binary(8), datatype=["FP32"])]}, NUMBERS),
        ({"outputs": [output(**binary(10**30))]}, NUMBERS),
        ({"id": "8", "outputs": [output(**binary(8))]}, NUMBERS),
        ({"id": 7, "outputs": [output(**binary(8))]}, NUMBERS),
        ({"error": "no"}, b""),
    ],
)
def test_what_holds_no_scores_is_a_bad_answer(header, tensors):
    """Nothing is guessed: sizes must add up, types and ids must match."""
    with pytest.raises(FrameError) as caught:
        read(header, tensors, length="true")
    assert caught.value.reason is OutcomeReason.BAD_ANSWER


@pytest.mark.parametrize("length", ["", "-1", "1e2", "99999999999999999999", "0x10", "\u0663", "5"])
def test_a_wrong_length_of_the_json_is_a_bad_answer(length):
    """It says where the tensors begin."""
    with pytest.raises(FrameError):
        read({"outputs": [output(**binary(8))]}, NUMBERS, length=length)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["name", "data", "parameters", "outputs", "id"]), inner, max_size=4)
        ),
        max_leaves=12,
    ),
    st.binary(max_size=12),
)
def test_no_answer_raises_anything_but_a_frames_failure(outputs, tensors):
    """Whatever JSON a server makes up."""
    try:
        scores, _ = read({"outputs": outputs}, tensors, length="true")
        assert scores.size == 2
    except FrameError:
        pass
