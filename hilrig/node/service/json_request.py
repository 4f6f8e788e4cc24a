"""The seed's JSON: `{tensor, threshold, correlation_id}`. Parsed from the raw bytes; errors never repeat them."""

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


class InferRequest(msgspec.Struct):
    """The body of `POST /infer`; unknown keys are passed over, as the seed's service did."""

    tensor: list[float]
    threshold: float | None = None
    correlation_id: str | None = None


def json_bytes_max(spec: InputSpec) -> int:
    """Return the size of the longest JSON that can be meant."""
    return prod(spec.shape) * NUMBER_CHARACTERS_MAX + JSON_HEAD_BYTES


def read_infer_request(data: bytes | bytearray, spec: InputSpec, tensor: memoryview) -> InferRequest:
    """Write the numbers to `tensor` in the model's dtype; return the request.

    Raises:
        Refusal: 422, with fixed words.
    """
    asked: InferRequest = decoded(data, InferRequest)
    n_elements = prod(spec.shape)
    if len(asked.tensor) != n_elements:
        raise bad_request(f"tensor must have {n_elements} numbers, found {len(asked.tensor)}")
    if asked.threshold is not None and not 0 <= asked.threshold <= 1:
        raise bad_request("threshold must be within 0 and 1")
    refuse_correlation_id(asked.correlation_id)
    write_numbers(asked.tensor, spec, tensor)
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


def write_numbers(numbers: list[float], spec: InputSpec, tensor: memoryview) -> None:
    """Write flat numbers to `tensor` in the model's dtype.

    Raises:
        Refusal: 422, one does not fit the dtype.
    """
    values = np.asarray(numbers, np.float64)
    kind = np.dtype(spec.dtype)
    if kind.kind == "u" and not bool(((values >= 0) & (values <= np.iinfo(kind).max)).all()):
        raise bad_request("a number is outside of the model's type")
    with np.errstate(over="ignore"):  # becomes infinite, which is refused with the range
        np.frombuffer(tensor[: spec.n_tensor_bytes], kind)[...] = values


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
