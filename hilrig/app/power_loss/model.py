"""A real ONNX model that is small enough for an emulated CPU.

It is written here, so that no library is needed for it. Field numbers: onnx.proto of ONNX; wire format: the
Protocol Buffers encoding.
"""

import struct
from typing import Final

SHAPE: Final = (1, 3, 8, 8)
N_INPUTS: Final = 3 * 8 * 8
IR_VERSION: Final = 8
OPSET: Final = 13
FLOAT: Final = 1


def mean_model(*, scale: float, note: str) -> bytes:
    """Return a model whose one score is the mean of its input times `scale`; `note` makes it as long as is wanted.

    Its input is `input`, float32 of `SHAPE`; its output is `scores`, 1x1.
    """
    graph = b"".join(
        (
            _text(1, _node("Flatten", ("input",), "flat")),
            _text(1, _node("MatMul", ("flat", "weights"), "scores")),
            _text(2, b"mean"),
            _text(5, _tensor("weights", (N_INPUTS, 1), [scale / N_INPUTS] * N_INPUTS)),
            _text(11, _value("input", SHAPE)),
            _text(12, _value("scores", (1, 1))),
        )
    )
    opset = _text(8, _text(1, b"") + _number(2, OPSET))
    return _number(1, IR_VERSION) + opset + _text(6, note.encode()) + _text(7, graph)


def _node(op_type: str, inputs: tuple[str, ...], output: str) -> bytes:
    return (
        b"".join(_text(1, name.encode()) for name in inputs)
        + _text(2, output.encode())
        + _text(4, op_type.encode())
    )


def _tensor(name: str, shape: tuple[int, ...], values: list[float]) -> bytes:
    dims = b"".join(_number(1, size) for size in shape)
    return dims + _number(2, FLOAT) + _text(8, name.encode()) + _text(9, struct.pack(f"<{len(values)}f", *values))


def _value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(_text(1, _number(1, size)) for size in shape)
    return _text(1, name.encode()) + _text(2, _text(1, _number(1, FLOAT) + _text(2, dims)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, value: bytes) -> bytes:
    """Return a field of bytes: text, or a message in a message."""
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
