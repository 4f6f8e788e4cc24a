"""The seed's JSON: `{tensor, threshold, correlation_id}`. Parsed from the raw bytes; errors never repeat them."""

import asyncio
import os
from http import HTTPStatus
from math import prod
from typing import Any, Final

import msgspec
import numpy as np

from hilrig.node.service.input_spec import InputSpec
from hilrig.node.service.refusal import Refusal, bad_request

NUMBER_CHARACTERS_MAX: Final = 26
"""The longest double is 24 characters, and a comma and a blank follow it."""
JSON_HEAD_BYTES: Final = 1024
CORRELATION_ID_MAX: Final = 128
PIECE_BYTES: Final = 1 << 15
"""Of JSON numbers that are read at once: about half a millisecond, in which nobody else is answered."""
_NUMBERS: Final = msgspec.json.Decoder(list[float])


class InferRequest(msgspec.Struct):
    """The body of `POST /infer`; unknown keys are passed over, as the seed's service did."""

    tensor: list[float]
    threshold: float | None = None
    correlation_id: str | None = None


def json_bytes_max(spec: InputSpec) -> int:
    """Return the size of the longest JSON that can be meant."""
    return prod(spec.shape) * NUMBER_CHARACTERS_MAX + JSON_HEAD_BYTES


async def read_infer_request(data: bytes | bytearray, spec: InputSpec, tensor: memoryview) -> InferRequest:
    """Write the numbers to `tensor` in the model's dtype; return the request, of a long one without its numbers.

    A long list is read in pieces, and others have their turn between two of them.

    Raises:
        Refusal: 422, with fixed words.
    """
    parted = _parted(data) if len(data) > PIECE_BYTES else None
    if parted is None:
        asked: InferRequest = decoded(data, InferRequest)
        _refuse_other_count(len(asked.tensor), spec)
        write_numbers(asked.tensor, spec, tensor)
    else:
        asked, begin, end = parted
        _refuse_other_count(await _write_pieces(data, begin, end, spec, tensor), spec)
    if asked.threshold is not None and not 0 <= asked.threshold <= 1:
        raise bad_request("threshold must be within 0 and 1")
    refuse_correlation_id(asked.correlation_id)
    return asked


def decoded(data: bytes | bytearray, kind: Any) -> Any:
    """Return the JSON in `data` as `kind`.

    Raises:
        Refusal: 422, it is no JSON of this form; the words say where, never what was there.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        where = str(error).rpartition("`")[0].rpartition("`")[2]
        raise bad_request(f"the JSON is not of the expected form, at {_printable(where) or '$'}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise bad_request("the body is not JSON") from None


def write_numbers(numbers: list[float], spec: InputSpec, tensor: memoryview, *, at: int = 0) -> None:
    """Write flat numbers to `tensor` in the model's dtype, from its element `at` on.

    Raises:
        Refusal: 422, one does not fit the dtype.
    """
    values = np.asarray(numbers, np.float64)
    kind = np.dtype(spec.dtype)
    if kind.kind == "u" and not bool(((values >= 0) & (values <= np.iinfo(kind).max)).all()):
        raise bad_request("a number is outside of the model's type")
    with np.errstate(over="ignore"):  # becomes infinite, which is refused with the range
        np.frombuffer(tensor[: spec.n_tensor_bytes], kind)[at : at + len(values)] = values


def _parted(data: bytes | bytearray) -> tuple[InferRequest, int, int] | None:
    """Return the request with a stand-in for its numbers, and where those are; None where that cannot be told.

    The stand-in is drawn anew each time: only if it comes back as the tensor were those numbers the tensor's.
    """
    begin = data.find(b"[", data.find(b'"tensor"')) + 1
    end = data.find(b"]", begin)
    stand_in = int.from_bytes(os.urandom(6), "little")
    if not 0 < begin < end:
        return None
    try:
        asked: InferRequest = decoded(data[:begin] + str(stand_in).encode() + data[end:], InferRequest)
    except Refusal:
        return None  # it may have been cut in the wrong place
    return (asked, begin, end) if asked.tensor == [stand_in] else None


async def _write_pieces(data: bytes | bytearray, begin: int, end: int, spec: InputSpec, tensor: memoryview) -> int:
    """Write the numbers in `data[begin:end]`, with commas between them, to `tensor`; return how many there are.

    Raises:
        Refusal: 422, there is something else between them, or more than the tensor holds.
    """
    n_written = 0
    while begin <= end:
        comma = data.find(b",", begin + PIECE_BYTES, end)
        cut = end if comma < 0 else comma
        numbers = _piece(data[begin:cut])
        if n_written + len(numbers) > prod(spec.shape):
            raise bad_request(f"tensor must have {prod(spec.shape)} numbers, found more")
        write_numbers(numbers, spec, tensor, at=n_written)
        n_written += len(numbers)
        begin = cut + 1
        await asyncio.sleep(0)
    return n_written


def _piece(text: bytes | bytearray) -> list[float]:
    try:
        numbers = _NUMBERS.decode(b"[" + text + b"]")
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        numbers = []
    if not numbers:
        raise bad_request("the JSON is not of the expected form, at $.tensor[...]")
    return numbers


def _refuse_other_count(n_found: int, spec: InputSpec) -> None:
    if n_found != prod(spec.shape):
        raise bad_request(f"tensor must have {prod(spec.shape)} numbers, found {n_found}")


def refuse_correlation_id(text: str | None) -> None:
    """Refuse an id that is no short printable text.

    Raises:
        Refusal: 422.
    """
    if text is not None and (len(text) > CORRELATION_ID_MAX or not text.isprintable()):
        raise bad_request(f"correlation_id must be printable, {CORRELATION_ID_MAX} characters at most")


def _printable(where: str) -> str:
    """Return a path such as `$.tensor[...]`; a key of the client's own would be an echo."""
    known = (
        "$",
        "$.tensor",
        "$.tensor[...]",
        "$.threshold",
        "$.correlation_id",
        "$.model_name",
        "$.release_sha256",
    )
    return where if where in known else ""


def refuse_other_media(content_type: bytes, *expected: bytes) -> None:
    """Refuse a body of another kind.

    Raises:
        Refusal: 415.
    """
    if content_type.partition(b";")[0].strip().lower() not in expected:
        names = " or ".join(kind.decode() for kind in expected)
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the body must be {names}", closes=True)
