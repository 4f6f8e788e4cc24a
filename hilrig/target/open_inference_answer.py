"""The answer to an inference request of the Open Inference Protocol v2, with or without binary tensors."""

import json
from itertools import accumulate
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.profile import ModelSpec
from hilrig.target.http_connection import Answer, quoted
from hilrig.target.json_answer import read_json_object
from hilrig.target.outcome import bad_answer, scores_of

HEADER_LENGTH: Final = "Inference-Header-Content-Length"
NUMPY_TYPES: Final[dict[str, np.dtype[Any]]] = {
    "FP32": np.dtype("<f4"),
    "FP16": np.dtype("<f2"),
    "FP64": np.dtype("<f8"),
}


def read_answer(answer: Answer, model: ModelSpec, *, request_id: str) -> tuple[NDArray[np.floating], Any]:
    """Return the scores, one per label, and the version of the model as the server names it (None if it doesn't).

    Raises:
        FrameError: BAD_ANSWER, it is not a complete answer of this model to this request.
    """
    header, tensors = _split(answer)
    found_id = header.get("id")
    if found_id not in (None, "", request_id):
        raise bad_answer(f"the answer is to request {quoted(str(found_id))}, asked was {request_id}")
    output, data = _find_output(header, model.output_name, tensors)
    return _scores(output, data, model.labels), header.get("model_version")


def _split(answer: Answer) -> tuple[dict[str, Any], bytes]:
    """Return the JSON object and what follows it."""
    stated = answer.headers.get(HEADER_LENGTH)
    if stated is None:
        return read_json_object(answer.body), b""
    if not (stated.isascii() and stated.isdigit()) or len(stated) > len(str(len(answer.body))):
        raise bad_answer(f"{HEADER_LENGTH} is {quoted(stated)}, the answer has {len(answer.body)} bytes")
    n_bytes = int(stated)
    if n_bytes > len(answer.body):
        raise bad_answer(f"{HEADER_LENGTH} is {n_bytes}, the answer has {len(answer.body)} bytes")
    return read_json_object(answer.body[:n_bytes]), answer.body[n_bytes:]


def _find_output(header: dict[str, Any], name: str, tensors: bytes) -> tuple[dict[str, Any], bytes | None]:
    """Return the output with its bytes from behind the JSON; None when it brings its numbers in the JSON."""
    outputs = header.get("outputs")
    listed = [item for item in outputs if isinstance(item, dict)] if isinstance(outputs, list) else []
    ends = list(accumulate(map(_binary_size, listed)))
    if (ends[-1] if ends else 0) != len(tensors):
        raise bad_answer(f"its outputs take {ends[-1:]} bytes by their own word, {len(tensors)} are there")
    for output, end in zip(listed, ends, strict=True):
        if output.get("name") == name:
            n_bytes = _binary_size(output)
            return output, tensors[end - n_bytes : end] if n_bytes else None
    raise bad_answer(f"there is no output '{name}' in the answer: {quoted(json.dumps(header))}")


def _binary_size(output: dict[str, Any]) -> int:
    parameters = output.get("parameters")
    size = parameters.get("binary_data_size", 0) if isinstance(parameters, dict) else 0
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise bad_answer(f"binary_data_size is {quoted(str(size))}")
    return size


def _scores(output: dict[str, Any], data: bytes | None, labels: tuple[str, ...]) -> NDArray[np.floating]:
    if data is None:
        values = output.get("data")
        if not isinstance(values, list):
            raise bad_answer("the output has neither bytes nor 'data'")
        return scores_of(_flat(values), labels)
    number = NUMPY_TYPES.get(str(output.get("datatype")))
    if number is None:
        raise bad_answer(
            f"the output's type is {quoted(str(output.get('datatype')))}, not one of {list(NUMPY_TYPES)}"
        )
    if len(data) != number.itemsize * len(labels):
        raise bad_answer(f"expected {len(labels)} scores of {number.itemsize} bytes, found {len(data)} bytes")
    return scores_of(np.frombuffer(data, number), labels)


def _flat(values: list[Any]) -> list[Any]:
    """Return the numbers of `data`, which servers send flat, or nested by its shape."""
    while values and all(isinstance(value, list) for value in values):
        values = [item for inner in values for item in inner]
    return values
