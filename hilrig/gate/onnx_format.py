"""What an ONNX file asks of a runtime: its IR version, its operator sets, the files its weights lie in.

The file is read as protobuf's wire form, field by field, without a protobuf library: a board that only has the
runtime can be asked, and a file made by a hostile hand meets sixty lines that never trust a length. Field numbers:
onnx.proto of ONNX, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. Wire form:
https://protobuf.dev/programming-guides/encoding/.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from hilrig.core.compat import ModelFormat
from hilrig.core.errors import PreconditionError

MODEL_MAX_BYTES: Final = 2**31 - 1
"""Protobuf's own limit for one message."""

DEPTH_MAX: Final = 100
"""Messages inside each other; protobuf's own limit."""

FIELDS_MAX: Final = 5_000_000
"""A model of a million nodes has as many; a file of one-byte fields would keep the reader busy for an hour."""

_VERSION_MAX: Final = 10_000
_LOOKED_AT: Final = 256  # bytes: a model's first ones name its version and its maker, never as text alone
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_EXTERNAL: Final = 1  # TensorProto.DataLocation

INSIDE: Final[dict[str, dict[int, str]]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
}
"""Which fields of which message hold which other one, on every way to a tensor."""

_IR_VERSION, _GRAPH, _OPSET_IMPORT, _FUNCTIONS = 1, 7, 8, 25
_FUNCTION_OPSET_IMPORT: Final = 9
_OPSET_DOMAIN, _OPSET_VERSION = 1, 2
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14
_ENTRY_KEY, _ENTRY_VALUE = 1, 2

_NO_MODELS: Final = {
    b"<": "a web page or XML",
    b"version https://git-lfs": "a pointer of Git LFS: the model itself was not fetched",
    b"PK": "a zip archive, such as PyTorch's own files: export the model to ONNX first",
    b"\x89HDF": "an HDF5 file",
}


class _Field(NamedTuple):
    number: int
    value: int | memoryview


class _BrokenError(ValueError):
    """The bytes are no protobuf message."""


def read_model_format(data: bytes, *, name: str) -> ModelFormat:
    """Return what a model asks of a runtime.

    Args:
        data: the `.onnx` file, without files that its weights lie in.
        name: of the file, for messages.

    Raises:
        PreconditionError: it is no ONNX model, is cut off, or contradicts itself.
    """
    try:
        return _format(memoryview(data))
    except _BrokenError as error:
        raise _no_model(data, name, str(error)) from error


def external_files(data: bytes, *, name: str) -> tuple[str, ...]:
    """Return the files that a model's weights lie in, relative to its own folder, sorted.

    Raises:
        PreconditionError: it is no ONNX model, or it names a file outside of its folder.
    """
    try:
        found = sorted({location for tensor in _tensors(memoryview(data)) for location in _locations(tensor)})
    except _BrokenError as error:
        raise _no_model(data, name, str(error)) from error
    for location in found:
        _refuse_climbing(location, name)
    return tuple(found)


def _format(data: memoryview) -> ModelFormat:
    ir_version, has_graph = 0, False
    opsets: dict[str, int] = {}
    for field in _fields(data):
        if field.number == _IR_VERSION:
            ir_version = _number(field, "the IR version")
        elif field.number == _OPSET_IMPORT:
            _add_opset(opsets, _message(field))
        elif field.number == _FUNCTIONS:
            _add_function(opsets, _message(field))
        has_graph = has_graph or field.number == _GRAPH
    if not has_graph:
        raise _BrokenError("it has no graph")
    if not 1 <= ir_version <= _VERSION_MAX:
        raise _BrokenError(f"its IR version is {ir_version}")
    if not opsets:
        raise _BrokenError("it names no operator set")
    return ModelFormat(ir_version=ir_version, opsets=dict(sorted(opsets.items())))


def _add_function(opsets: dict[str, int], function: memoryview) -> None:
    """Add the operator sets of a function, the newer one where the model has another: the runtime needs both."""
    own: dict[str, int] = {}
    for field in _fields(function):
        if field.number == _FUNCTION_OPSET_IMPORT:
            _add_opset(own, _message(field))
    for domain, version in own.items():
        opsets[domain] = max(version, opsets.get(domain, 0))


def _add_opset(opsets: dict[str, int], message: memoryview) -> None:
    domain, version = "", 0
    for field in _fields(message):
        if field.number == _OPSET_DOMAIN:
            domain = _text(field)
        elif field.number == _OPSET_VERSION:
            version = _number(field, "the version of an operator set")
    domain = "" if domain == "ai.onnx" else domain
    if not domain.isprintable() or len(domain) > 200:  # noqa: PLR2004 - shown in one line
        raise _BrokenError("the domain of an operator set is no name")
    if not 1 <= version <= _VERSION_MAX:
        raise _BrokenError(f"the version of an operator set is {version}")
    if opsets.get(domain, version) != version:
        raise _BrokenError(f"it names operator set '{domain or 'ai.onnx'}' as {opsets[domain]} and as {version}")
    opsets[domain] = version


def _tensors(data: memoryview) -> Iterator[memoryview]:
    """Give every tensor of a model that may lie in another file: weights, constants, those of subgraphs."""
    todo = [("ModelProto", data, 0)]
    n_fields = 0
    while todo:
        kind, message, depth = todo.pop()
        if depth > DEPTH_MAX:
            raise _BrokenError(f"it is nested deeper than {DEPTH_MAX} messages")
        if kind == "TensorProto":
            yield message
            continue
        for field in _fields(message):
            n_fields += 1
            if n_fields > FIELDS_MAX:
                raise _BrokenError(f"it has more than {FIELDS_MAX} parts")
            inner = INSIDE[kind].get(field.number)
            if inner is not None:
                todo.append((inner, _message(field), depth + 1))


def _locations(tensor: memoryview) -> Iterator[str]:
    entries: dict[str, str] = {}
    is_external = False
    for field in _fields(tensor):
        if field.number == _EXTERNAL_DATA:
            entries |= _entry(_message(field))
        elif field.number == _DATA_LOCATION:
            is_external = field.value == _EXTERNAL
    if is_external:
        yield entries.get("location", "")


def _entry(message: memoryview) -> dict[str, str]:
    texts = {
        field.number: _text(field) for field in _fields(message) if field.number in (_ENTRY_KEY, _ENTRY_VALUE)
    }
    return {texts.get(_ENTRY_KEY, ""): texts.get(_ENTRY_VALUE, "")}


def _refuse_climbing(location: str, name: str) -> None:
    parts = PurePosixPath(location).parts
    if location and location.isprintable() and "\\" not in location and ".." not in parts and parts[0] != "/":
        return
    raise PreconditionError(
        f"{name} reads weights from {location[:200]!r}, which is no file beside it",
        hint="export the model again with its external data in the same folder",
    )


def _fields(data: memoryview) -> Iterator[_Field]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise _BrokenError("a field has the number 0")
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield _Field(number, value)
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise _BrokenError(f"a field has the unknown form {wire}")
        if size > len(data) - at:
            raise _BrokenError(
                f"a part claims {size} bytes where {len(data) - at} are left: it is cut off or damaged"
            )
        yield _Field(number, data[at : at + size])
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):  # at most ten bytes for 64 bits
        if at >= len(data):
            raise _BrokenError("it is cut off within a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return value, at
    raise _BrokenError("a number has more than ten bytes")


def _number(field: _Field, what: str) -> int:
    if not isinstance(field.value, int):
        raise _BrokenError(f"{what} is no number")
    return field.value


def _message(field: _Field) -> memoryview:
    if isinstance(field.value, int):
        raise _BrokenError(f"field {field.number} is a number where a message belongs")
    return field.value


def _text(field: _Field) -> str:
    try:
        return bytes(_message(field)).decode()
    except UnicodeDecodeError as error:
        raise _BrokenError(f"field {field.number} is no text") from error


def _is_text(data: bytes) -> bool:
    return data.isascii() and all(chr(byte).isprintable() or byte in b"\t\r\n" for byte in data)


def _no_model(data: bytes, name: str, why: str) -> PreconditionError:
    if not data:
        return PreconditionError(f"{name} is empty (0 bytes)", hint="copy or export the model again")
    looks_like = next((words for start, words in _NO_MODELS.items() if data.lstrip()[:32].startswith(start)), "")
    if not looks_like and _is_text(data[:_LOOKED_AT]):
        looks_like = "a text file"
    what = f"it looks like {looks_like}" if looks_like else why
    return PreconditionError(
        f"{name} ({len(data)} bytes) is no ONNX model: {what}", hint="copy or export the model again"
    )
