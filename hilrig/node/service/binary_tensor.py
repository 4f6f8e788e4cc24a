"""Raw tensors: what the headers of an octet stream, or the JSON before it, say that the bytes are."""

from typing import Any, Final

import msgspec

from hilrig.core.release import ReleaseManifest
from hilrig.node.service.input_spec import InputSpec
from hilrig.node.service.json_request import CORRELATION_ID_MAX, decoded, refuse_correlation_id
from hilrig.node.service.messages import Kind
from hilrig.node.service.refusal import bad_request

V2_HEAD_BYTES_MAX: Final = 16_384
"""JSON of the Open Inference Protocol around one tensor: some hundred bytes, and blanks for alignment."""
DATATYPES: Final = {"float32": "FP32", "float16": "FP16", "uint8": "UINT8"}
"""What the Open Inference Protocol calls a numpy type."""
_SHORT_NAMES: Final = {"f32": "float32", "f16": "float16", "u8": "uint8"}


class V2Parameters(msgspec.Struct):
    """Parameters of a tensor; unknown ones are passed over, as the protocol wants."""

    binary_data_size: int | None = None
    binary_data: bool = False


class V2Input(msgspec.Struct):
    """An input tensor of the protocol."""

    name: str
    shape: list[int]
    datatype: str
    parameters: V2Parameters | None = None
    data: list[Any] | None = None


class V2Output(msgspec.Struct):
    """An output that is asked for."""

    name: str
    parameters: V2Parameters | None = None


class V2Request(msgspec.Struct):
    """The JSON of an inference request."""

    inputs: list[V2Input]
    id: str | None = None
    outputs: list[V2Output] | None = None
    parameters: dict[str, Any] | None = None

    @property
    def wants_binary(self) -> bool:
        """Return whether the scores are to come as bytes."""
        asked = self.outputs[0].parameters if self.outputs else None
        default = bool(self.parameters and self.parameters.get("binary_data_output") is True)
        return asked.binary_data if asked is not None else default


def read_octet_headers(headers: dict[bytes, bytes], spec: InputSpec) -> tuple[Kind, int, str | None]:
    """Return what the bytes are, how many, and the correlation id.

    Without the headers it is the model's own tensor. uint8 of height x width x 3 is a camera frame (BGR), which
    the service preprocesses as the release declares.

    Raises:
        Refusal: 422, it is neither.
    """
    dtype = headers.get(b"x-tensor-dtype", spec.dtype.encode()).decode("latin-1").strip().lower()
    dtype = _SHORT_NAMES.get(dtype, dtype)
    shape = _shape(headers.get(b"x-tensor-shape"), spec)
    identity = headers.get(b"x-correlation-id")
    correlation_id = None if identity is None else identity[: CORRELATION_ID_MAX + 1].decode("latin-1")
    refuse_correlation_id(correlation_id)
    if dtype == spec.dtype and shape in (spec.shape, spec.shape[1:]):
        return Kind.TENSOR, spec.n_tensor_bytes, correlation_id
    if dtype == "uint8" and spec.frame_shape and shape in (spec.frame_shape, (1, *spec.frame_shape)):
        return Kind.FRAME, spec.n_frame_bytes, correlation_id
    frame = f", or uint8 {list(spec.frame_shape)}" if spec.frame_shape else ""
    raise bad_request(f"expected {spec.dtype} {list(spec.shape)}{frame}")


def read_v2_request(data: bytes | bytearray, manifest: ReleaseManifest, spec: InputSpec) -> V2Request:
    """Return the request of the protocol, whose one input is this model's.

    Raises:
        Refusal: 422, another name, type or shape.
    """
    asked: V2Request = decoded(data, V2Request)
    model = manifest.model
    if len(asked.inputs) != 1 or asked.inputs[0].name != model.input_name:
        raise bad_request(f"expected one input, {model.input_name}")
    (tensor,) = asked.inputs
    if tensor.datatype != DATATYPES[spec.dtype] or tuple(tensor.shape) != spec.shape:
        raise bad_request(f"expected {DATATYPES[spec.dtype]} {list(spec.shape)}")
    if asked.outputs and [output.name for output in asked.outputs] != [model.output_name]:
        raise bad_request(f"the model has one output, {model.output_name}")
    refuse_correlation_id(asked.id)
    return asked


def v2_head_length(headers: dict[bytes, bytes]) -> int | None:
    """Return how many bytes of JSON come before the tensor; None when it is all JSON.

    Raises:
        Refusal: 422, it is no length that can be meant.
    """
    stated = headers.get(b"inference-header-content-length")
    if stated is None:
        return None
    if not stated.isdigit() or len(stated) > len(str(V2_HEAD_BYTES_MAX)) or int(stated) > V2_HEAD_BYTES_MAX:
        raise bad_request(f"Inference-Header-Content-Length must be a number up to {V2_HEAD_BYTES_MAX}")
    return int(stated)


def flat_numbers(values: list[Any], *, n_max: int) -> list[float]:
    """Return the numbers of `data`, which clients send flat, or nested by its shape.

    Raises:
        Refusal: 422, something in it is no number, or there are more than can be meant.
    """
    while values and all(isinstance(value, list) for value in values):
        values = [item for inner in values for item in inner]
    if len(values) != n_max:
        raise bad_request(f"data must have {n_max} numbers, found {len(values)}")
    if not all(type(value) in (int, float) for value in values):  # a bool is an int to isinstance
        raise bad_request("data holds something that is no number")
    return values


def _shape(stated: bytes | None, spec: InputSpec) -> tuple[int, ...]:
    if stated is None:
        return spec.shape
    parts = stated[:64].decode("latin-1").replace("x", ",").split(",")
    if not all(part.strip().isascii() and part.strip().isdigit() for part in parts):
        raise bad_request("X-Tensor-Shape must be numbers with commas between them")
    return tuple(int(part) for part in parts)
