"""hilrig.node.service.json_request on long bodies: read in pieces, the event loop between them."""

import asyncio
import json
from dataclasses import replace
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_node_service_requests import SECRET, SPEC

from hilrig.node.service.deadline import Deadline, DeadlinePassedError
from hilrig.node.service.json_request import PIECE_BYTES, read_infer_request
from hilrig.node.service.refusal import Refusal
from own_loops import run_async

LONG = replace(SPEC, shape=(1, 3, 64, 64))
N = prod(LONG.shape)
NUMBERS = np.random.default_rng(1).random(N).tolist()
TEXT = json.dumps(NUMBERS)
"""Some 240 kB: eight pieces."""


def read(data: bytes, spec=LONG):
    slot = bytearray(spec.slot_bytes)
    asked = run_async(read_infer_request(bytearray(data), spec, memoryview(slot)))
    return asked, np.frombuffer(slot[: spec.n_tensor_bytes], spec.dtype)


@pytest.mark.parametrize(
    "form",
    [
        '{"tensor": %s, "threshold": 0.5, "correlation_id": "p1"}',
        '{"correlation_id": "p1", "threshold": 0.5, "tensor": %s}',
        '{"threshold":0.5,"tensor" :\n\t%s ,"correlation_id":"p1"}',
        '{"more": {"tensor": [1, 2]}, "threshold": 0.5, "correlation_id": "p1", "tensor": %s}',
        '{"more": ["tensor", [[1], [2]]], "threshold": 0.5, "correlation_id": "p1", "tensor": %s}',
        '{"tensor": [1], "threshold": 0.5, "correlation_id": "p1", "tensor": %s}',
        '{"tens\\u006fr": %s, "threshold": 0.5, "correlation_id": "p1"}',
    ],
)
def test_every_number_arrives_wherever_the_list_stands(form):
    """Key order, blanks, other keys of the same name, a key twice: the tensor is what a JSON parser says it is."""
    asked, values = read(form.replace("%s", TEXT).encode())
    assert (asked.threshold, asked.correlation_id) == (0.5, "p1")
    np.testing.assert_array_equal(values, np.asarray(NUMBERS, np.float32))


@pytest.mark.parametrize(
    "form",
    [
        '{"tensor": [ALL, 0.5]}',
        '{"tensor": [LESS]}',
        '{"tensor": [ALL,]}',
        '{"tensor": [,ALL]}',
        '{"tensor": [0.5,,LESS]}',
        '{"tensor": [0.5 LESS]}',
        '{"tensor": [[ALL]]}',
        '{"tensor": [LESS, "a]b"]}',
        '{"tensor": [LESS, "SECRET"]}',
        '{"tensor": [LESS, true]}',
        '{"tensor": [LESS, null]}',
        '{"tensor": [LESS, NaN]}',
        '{"tensor": [LESS, 1e999]}',
        '{"tensor": []BLANKS}',
        '{"tensor": [BLANKS]}',
        '{"tensor": [ALL]',
        '{"tensor": [ALL',
        '{"tensor": "[ALL]"}',
        '{"more": ["tensor", [ALL]], "tensor": [0.5]}',
        '{"more": {"tensor": [ALL]}}',
        '{"tensor": [ALL], "threshold": 2}',
        '{"tensor": [ALL]}}',
    ],
)
def test_what_is_no_list_of_as_many_numbers_is_refused(form):
    """Whatever is wrong and wherever it stands: 422 in few words, none of them the client's."""
    parts = {
        "ALL": TEXT[1:-1],
        "LESS": TEXT[1:-1].rpartition(",")[0],
        "BLANKS": " " * 2 * PIECE_BYTES,
        "SECRET": SECRET,
    }
    for name, text in parts.items():
        form = form.replace(name, text)
    with pytest.raises(Refusal) as refused:
        read(form.encode())
    assert refused.value.status == 422
    assert len(refused.value.detail) < 120
    assert SECRET not in refused.value.detail


# A body of 40 kB for each example: 50 of them take about a second.
@settings(max_examples=50, deadline=None)
@given(at=st.integers(0, 40_000), byte=st.binary(min_size=1, max_size=1))
def test_a_byte_that_changed_is_taken_as_a_parser_takes_it(at, byte):
    """One byte anywhere: refused where a JSON parser refuses it, else the same numbers as the parser's."""
    spec = replace(SPEC, shape=(1, 3, 26, 26))
    data = bytearray(json.dumps({"tensor": NUMBERS[: prod(spec.shape)]}).encode())
    data[at % len(data)] = byte[0]
    try:
        held = np.asarray(json.loads(data)["tensor"], np.float64)
        is_whole = held.shape == (prod(spec.shape),) and np.isfinite(held).all()  # json lets NaN and 1e999 through
        expected = held.astype(np.float32) if is_whole else None
    except (ValueError, KeyError, TypeError):
        expected = None
    try:
        values = read(bytes(data), spec)[1]
    except Refusal:
        assert expected is None
        return
    assert expected is not None
    np.testing.assert_array_equal(values, expected)


def test_others_have_their_turn_between_two_pieces():
    """While a long body is read, a second task runs as often as there are pieces: /livez does not wait for it."""

    async def both() -> int:
        turns, slot = 0, memoryview(bytearray(LONG.slot_bytes))
        reading = asyncio.ensure_future(read_infer_request(f'{{"tensor": {TEXT}}}'.encode(), LONG, slot))
        while not reading.done():
            await asyncio.sleep(0)
            turns += 1
        reading.result()
        return turns

    assert run_async(both()) >= len(TEXT) // (PIECE_BYTES + 25)


def test_a_body_that_takes_too_long_is_given_up_in_its_midst():
    """At the ceiling nothing more of it is read."""

    async def late() -> None:
        loop, slot = asyncio.get_running_loop(), memoryview(bytearray(LONG.slot_bytes))
        with pytest.raises(DeadlinePassedError), Deadline(loop.time()):
            await read_infer_request(f'{{"tensor": {TEXT}}}'.encode(), LONG, slot)
        assert np.frombuffer(slot, np.float32)[-1] == 0

    run_async(late())
