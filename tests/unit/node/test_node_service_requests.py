"""hilrig.node.service.body, json_request, binary_tensor, input_spec: what a request may bring, no server."""

import json
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.profile import Layout
from hilrig.node.service.binary_tensor import flat_numbers, read_octet_headers, read_v2_request, v2_head_length
from hilrig.node.service.body import Body, ClientGoneError
from hilrig.node.service.input_spec import InputSpec, input_spec
from hilrig.node.service.json_request import json_bytes_max, read_infer_request
from hilrig.node.service.messages import Answer, Kind, Status, pack_answer, unpack_answer
from hilrig.node.service.refusal import Refusal
from node_releases import make_manifest
from node_services import PIPELINE
from own_loops import run_async
from small_models import PREPROCESS, spec_for

MANIFEST = make_manifest(model=spec_for("model.onnx"), pipeline=PIPELINE)
SPEC = input_spec(MANIFEST)
N = 192
V2 = {"inputs": [{"name": "image", "shape": [1, 3, 8, 8], "datatype": "FP32"}]}
SECRET = "part-4711-of-the-client"


def receiver(*chunks: bytes, gone: bool = False):
    """Return an ASGI `receive` that brings these chunks."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.disconnect"} if gone else {"type": "http.request", "body": b""})

    async def receive():
        return messages.pop(0)

    return receive


def body(*chunks: bytes, max_bytes: int = 10, stated: int | None = None, gone: bool = False) -> Body:
    headers = {} if stated is None else {b"content-length": str(stated).encode()}
    return Body(receiver(*chunks, gone=gone), headers, max_bytes=max_bytes)


def test_a_tensor_is_written_in_place_however_it_is_cut():
    """Chunks of any size fill the slot in order."""
    data, view = bytes(range(10)), memoryview(bytearray(10))
    run_async(body(data[:3], data[3:4], data[4:]).rest_into(view))
    assert bytes(view) == data


def test_a_head_and_its_tensor_may_share_a_chunk():
    """The bytes behind the JSON are the tensor's, wherever the chunks end."""

    async def read():
        one, view = body(b"he", b"adTEN", b"SOR"), memoryview(bytearray(6))
        return await one.start(4), await one.rest_into(view), bytes(view)

    assert run_async(read()) == (b"head", None, b"TENSOR")


def test_a_stated_length_over_the_cap_is_refused_before_anything_is_read():
    """10 GB cost nothing: the connection ends with a 413."""
    with pytest.raises(Refusal) as refused:
        body(b"never read", stated=10_000_000_000)
    assert (refused.value.status, refused.value.closes) == (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, True)


def test_a_body_without_a_length_is_capped_as_well():
    """Chunked encoding is no way around the cap."""
    with pytest.raises(Refusal) as refused:
        run_async(body(b"12345", b"678901").whole())
    assert refused.value.status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE


@pytest.mark.parametrize("length", [0, 5, 7])
def test_a_tensor_one_byte_off_is_refused(length):
    """A tensor that does not fill the slot exactly is not run: the rest would be an older frame's."""
    with pytest.raises(Refusal) as refused:
        run_async(body(b"x" * length).rest_into(memoryview(bytearray(6))))
    assert refused.value.status is HTTPStatus.UNPROCESSABLE_ENTITY


def test_a_client_that_hangs_up_gets_no_answer():
    """There is nobody to answer, and nothing to decide on."""
    with pytest.raises(ClientGoneError):
        run_async(body(b"123", gone=True).whole())


def infer(data: bytes | dict, spec: InputSpec = SPEC):
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    slot = bytearray(spec.slot_bytes)
    asked = run_async(read_infer_request(raw, spec, memoryview(slot)))
    return asked, np.frombuffer(slot[: spec.n_tensor_bytes], spec.dtype)


def test_the_seeds_json_is_read():
    """A seed client's request arrives as it was sent, integers too."""
    asked, values = infer({"tensor": [0, 1] + [0.5] * 190, "threshold": 0.5, "correlation_id": "p1", "more": [1]})
    assert (asked.threshold, asked.correlation_id) == (0.5, "p1")
    assert values[:3].tolist() == [0.0, 1.0, 0.5]


@pytest.mark.parametrize(
    "wrong",
    [
        {"tensor": [0.5] * 191},
        {"tensor": [0.5] * 193},
        {"tensor": [[0.5] * 192]},
        {"tensor": [SECRET] * 192},
        {"tensor": [True] * 192},
        {"tensor": [None] * 192},
        {"tensor": SECRET},
        {SECRET: 1},
        {"tensor": [0.5] * 192, "threshold": 1.5},
        {"tensor": [0.5] * 192, "threshold": SECRET},
        {"tensor": [0.5] * 192, "correlation_id": "x" * 129},
        {"tensor": [0.5] * 192, "correlation_id": "a\nb"},
        {"tensor": [0.5] * 192, "correlation_id": 7},
        [0.5],
        b"",
        b"\xff\xfe",
        b'{"tensor": [NaN]}',
        b'{"tensor": [1e999]}',
        b'{"tensor": [Infinity]}',
        b'{"x": ' + b"[" * 100_000,
        b'{"x":' * 100_000,
        b'{"tensor": [' + b"9" * 5000 + b"]}",
        SECRET.encode(),
    ],
)
def test_json_that_is_no_request_is_refused_without_an_echo(wrong):
    """Whatever is wrong, the answer is short, 422, and holds nothing of what was sent (defect 3)."""
    with pytest.raises(Refusal) as refused:
        infer(wrong if isinstance(wrong, bytes) else json.dumps(wrong).encode())
    assert refused.value.status is HTTPStatus.UNPROCESSABLE_ENTITY
    assert len(refused.value.detail) < 120
    assert SECRET not in refused.value.detail


@given(st.binary(max_size=400))
def test_no_bytes_are_an_error_of_ours(data):
    """Any bytes are a request or a refusal."""
    with suppress(Refusal):
        infer(data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda x: (
            st.lists(x) | st.dictionaries(st.sampled_from(["tensor", "threshold", "inputs", "id", "shape"]), x)
        ),
        max_leaves=20,
    )
)
def test_no_v2_request_is_an_error_of_ours(value):
    """The same for the Open Inference Protocol."""
    with suppress(Refusal):
        read_v2_request(msgspec.json.encode(value), MANIFEST, SPEC)


def test_the_longest_json_that_can_be_meant_fits():
    """The cap of JSON bodies lets every double through, written out in full."""
    longest = json.dumps({"tensor": [-2.2250738585072014e-308] * N, "threshold": 0.5, "correlation_id": "x" * 128})
    assert len(longest) <= json_bytes_max(SPEC)


def octets(**headers: str):
    return read_octet_headers(
        {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}, SPEC
    )


def test_raw_tensors_and_camera_frames_are_told_apart():
    """float32 in the model's shape is the tensor; uint8 height x width x 3 is a frame to be preprocessed."""
    assert octets() == (Kind.TENSOR, 768, None)
    assert octets(x_tensor_dtype="f32", x_tensor_shape="1,3,8,8", x_correlation_id="7") == (Kind.TENSOR, 768, "7")
    assert octets(x_tensor_dtype="float32", x_tensor_shape="3x8x8")[0] is Kind.TENSOR
    assert octets(x_tensor_dtype="u8", x_tensor_shape="8,8,3")[:2] == (Kind.FRAME, 192)


@pytest.mark.parametrize(
    "headers",
    [
        {"x_tensor_dtype": "float64"},
        {"x_tensor_dtype": "u8"},
        {"x_tensor_shape": "1,3,8,9"},
        {"x_tensor_shape": "-1,3,8,8"},
        {"x_tensor_shape": ""},
        {"x_tensor_shape": "²,3,8,8"},
        {"x_tensor_shape": "1,3,8,8," + "1," * 500},
        {"x_correlation_id": "x" * 129},
        {"x_correlation_id": "a\tb"},
    ],
)
def test_headers_of_another_tensor_are_refused(headers):
    """Another dtype, shape, sign, or an id that is no short text: 422."""
    with pytest.raises(Refusal) as refused:
        octets(**headers)
    assert refused.value.status is HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.mark.parametrize("stated", ["-1", "+5", "1e3", " 5", "16385", "9" * 400, "", "0x10", "٣"])
def test_a_wrong_header_length_is_refused(stated):
    """Inference-Header-Content-Length is a number of bytes that can be meant, or the request is refused."""
    with pytest.raises(Refusal):
        v2_head_length({b"inference-header-content-length": stated.encode()})


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"shape": [1, 3, 8, 9]},
        {"shape": [-1, 3, 8, 8]},
        {"shape": []},
        {"datatype": "FP64"},
        {"shape": ["1", 3, 8, 8]},
        {"parameters": {"binary_data_size": "768"}},
    ],
)
def test_a_v2_tensor_of_another_form_is_refused(change):
    """Name, shape and datatype are those of the model that serves."""
    wrong = {"inputs": [V2["inputs"][0] | change]}
    with pytest.raises(Refusal):
        read_v2_request(json.dumps(wrong).encode(), MANIFEST, SPEC)
    assert read_v2_request(json.dumps(V2).encode(), MANIFEST, SPEC).inputs[0].name == "image"


@pytest.mark.parametrize(
    "values", [[1.0], [[1.0], 2.0], [True, 1.0], ["1", 2.0], [None, 1.0], [[1.0, 2.0], [[3.0]]]]
)
def test_v2_data_is_numbers_and_as_many_as_the_model_takes(values):
    """Texts, booleans, nulls and a wrong count are no tensor."""
    with pytest.raises(Refusal):
        flat_numbers(values, n_max=2)
    assert flat_numbers([[1.0], [2]], n_max=2) == [1.0, 2]


def test_bounds_come_from_the_declared_preprocess():
    """A release that scales pixels to 0..1 takes no 255; one that subtracts a mean takes negative numbers."""
    assert (SPEC.low, SPEC.high) == pytest.approx((0, 1), abs=2e-5)
    centred = replace(PREPROCESS, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), layout=Layout.NCHW)
    spec = input_spec(replace(MANIFEST, pipeline=replace(PIPELINE, preprocess=centred)))
    assert (spec.low, spec.high) == pytest.approx((-2, 2), abs=1e-4)
    assert input_spec(replace(MANIFEST, pipeline=replace(PIPELINE, preprocess=None))).low is None


@given(st.integers(0, 2**64 - 1), st.lists(st.floats(width=32), max_size=5))
def test_an_answer_passes_the_socket_unchanged(ticket, scores):
    """What the inference process says arrives as it was said."""
    held = np.array(scores, np.float32)
    answer = Answer(ticket=ticket, status=Status.NON_FINITE, infer_ns=5, defects=3, score=0.5, scores=held)
    found = unpack_answer(pack_answer(answer))
    assert (found.ticket, found.status, found.defects, found.score) == (ticket, Status.NON_FINITE, 3, 0.5)
    assert found.scores.tobytes() == held.tobytes()
