"""The picture that a model takes, read from the shape of its input."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hilrig.core.errors import UsageError
from hilrig.core.profile import Layout
from hilrig.target.onnx_session import NUMPY_NAMES

OWN_PIPELINE: Final = "give hilrig your own pipeline, a Python class: docs/engineer.md, 'Bring your own pipeline'"
N_PLANES: Final = 3
_SIZE: Final = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
_PLANES: Final = {1: "grey", 4: "four planes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The model's input. `dtype` is a numpy name."""

    name: str
    layout: Layout
    width_px: int
    height_px: int
    dtype: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the tensor's shape, one picture."""
        if self.layout is Layout.NCHW:
            return (1, N_PLANES, self.height_px, self.width_px)
        return (1, self.height_px, self.width_px, N_PLANES)


def read_size(text: str) -> tuple[int, int]:
    """Return width and height in pixels from `640x480`.

    Raises:
        UsageError: it is no size.
    """
    match = _SIZE.fullmatch(text.strip().lower())
    if match is None:
        raise UsageError(f"'{text}' is no size of a picture", hint="--size 640x480, the width first")
    return int(match[1]), int(match[2])


def picture_of(inputs: Sequence[Any], model: str, *, size: tuple[int, int] | None) -> Picture:
    """Return what the model takes.

    Args:
        inputs: the runtime's description of each input, with `name`, `shape` and `type`.
        model: the model's file, for messages.
        size: width and height in pixels, where the model leaves them open.

    Raises:
        UsageError: it does not take one picture of three colour planes, or its size is open and not said.
    """
    if len(inputs) != 1:
        names = ", ".join(item.name for item in inputs)
        raise UsageError(f"{model} has {len(inputs)} inputs ({names}), expected one picture", hint=OWN_PIPELINE)
    asked = inputs[0]
    shape = list(asked.shape)
    layout, height, width = _layout(shape, model)
    _refuse_batch(shape[0], model)
    if asked.type not in NUMPY_NAMES:
        raise UsageError(
            f"{model} takes {asked.type}, hilrig makes {', '.join(NUMPY_NAMES.values())}",
            hint="export the model with a float32 or uint8 input; its inside may be int8 all the same",
        )
    width_px, height_px = _size(width, height, size, model)
    return Picture(
        name=asked.name,
        layout=layout,
        width_px=width_px,
        height_px=height_px,
        dtype=NUMPY_NAMES[asked.type],
    )


def _layout(shape: list[Any], model: str) -> tuple[Layout, Any, Any]:
    """Return the layout with the sizes that belong to height and width, each a number or left open."""
    match shape:
        case [_, 3, height, width]:
            return Layout.NCHW, height, width
        case [_, height, width, 3]:
            return Layout.NHWC, height, width
        case [_, (1 | 4) as planes, int(), int()] | [_, int(), int(), (1 | 4) as planes]:
            raise UsageError(
                f"{model} takes {_shown(shape)}, pictures in {_PLANES[planes]}; hilrig makes three colour planes",
                hint=f"export it with three planes (one may be repeated or left out inside), or {OWN_PIPELINE}",
            )
    raise UsageError(
        f"{model} takes {_shown(shape)}, expected one picture: [1, 3, height, width] or [1, height, width, 3]",
        hint=f"export it with its three planes as a number, or {OWN_PIPELINE}",
    )


def _refuse_batch(batch: object, model: str) -> None:
    if isinstance(batch, int) and batch != 1:
        raise UsageError(
            f"{model} takes {batch} pictures at once, a station decides one at a time",
            hint="export the model with a batch of 1, or with the batch left open",
        )


def _size(width: Any, height: Any, size: tuple[int, int] | None, model: str) -> tuple[int, int]:
    """Return width and height in pixels; what the model fixes is not ours to say."""
    fixed = (width if isinstance(width, int) else None, height if isinstance(height, int) else None)
    if size is None:
        if None in fixed:
            raise UsageError(
                f"{model} takes pictures of any size, and its speed depends on it: say which one your line uses",
                hint=f"the same command with --size {fixed[0] or 640}x{fixed[1] or 480} (width x height)",
            )
        size = (width, height)
    if any(own is not None and own != asked for own, asked in zip(fixed, size, strict=True)):
        shown = "x".join("any" if own is None else str(own) for own in fixed)
        raise UsageError(
            f"{model} takes pictures of {shown}, --size says {size[0]}x{size[1]}",
            hint="leave --size out: every frame is resized to what the model takes",
        )
    return size


def _shown(shape: Sequence[Any]) -> str:
    return "[" + ", ".join(str(size or "?") for size in shape) + "]"
