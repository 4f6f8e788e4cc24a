"""The body of a request to `POST /infer`: the tensor as JSON text, or as the bytes that the model takes."""

import json
from collections.abc import Mapping
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from hilrig.core.frame import OutcomeReason, Pixels
from hilrig.core.profile import ColorOrder, Layout, PreprocessSpec
from hilrig.target.outcome import FrameError
from hilrig.target.preprocess import Preprocessor

ID_DIGITS: Final = 12
_MEAN: Final = (0.0, 0.0, 0.0)
_STD: Final = (1.0, 1.0, 1.0)


class InferRequest(Protocol):
    """A body that is kept: each frame writes its numbers into the same bytes."""

    def filled(self, pixels: Pixels, correlation_id: str) -> bytes | bytearray | memoryview:
        """Return the body for this frame, valid until the next call.

        Raises:
            FrameError: PREPROCESS_ERROR, these are no pixels of a colour image.
        """

    def headers(self, correlation_id: str) -> Mapping[str, str]:
        """Return the headers that say what the body is."""


class JsonRequest:
    """The tensor as JSON, with threshold and correlation id beside it.

    A pixel has 256 values, so its text is looked up, not computed: making the JSON of 512 x 512 frames takes 2 ms
    instead of the second that a general encoder needs, and the instrument does not measure itself.
    """

    def __init__(self, *, width_px: int, height_px: int, color_order: str, threshold: float) -> None:
        self._planes = np.zeros((1, 3, height_px, width_px), np.uint8)
        spec = _spec(width_px, height_px, color_order, scale=1.0, dtype="uint8")
        self._split = Preprocessor(spec, self._planes)
        self._texts = _number_texts()
        head = b'{"tensor":['
        tail = f'],"threshold":{json.dumps(threshold)},"correlation_id":"'.encode()
        cells_end = len(head) + self._planes.size * self._texts.shape[1]
        self._id_at = cells_end + len(tail)
        self._body = bytearray(head + bytes(cells_end - len(head)) + tail + b"0" * ID_DIGITS + b'"}')
        self._cells = np.frombuffer(self._body, np.uint8, cells_end - len(head), len(head)).reshape(
            self._planes.size, -1
        )

    def filled(self, pixels: Pixels, correlation_id: str) -> bytearray:
        """Return the body for this frame."""
        _preprocess(self._split, pixels)
        np.take(self._texts, self._planes.reshape(-1), axis=0, out=self._cells, mode="clip")
        self._cells[-1, -1] = ord(" ")  # no comma after the last number
        self._body[self._id_at : self._id_at + ID_DIGITS] = correlation_id.encode()
        return self._body

    def headers(self, correlation_id: str) -> Mapping[str, str]:  # noqa: ARG002 - it stands in the body
        """Return the content type."""
        return _JSON


class BinaryRequest:
    """The tensor as float32, C order, little-endian: half of its JSON and nothing to parse."""

    def __init__(self, *, width_px: int, height_px: int, color_order: str) -> None:
        tensor = np.zeros((1, 3, height_px, width_px), "<f4")
        spec = _spec(width_px, height_px, color_order, scale=1 / 255, dtype="float32")
        self._preprocess = Preprocessor(spec, tensor)
        self._body = tensor.data.cast("B")
        self._headers = {
            "Content-Type": "application/octet-stream",
            "X-Tensor-Dtype": "float32",
            "X-Tensor-Shape": ",".join(map(str, tensor.shape)),
        }

    def filled(self, pixels: Pixels, correlation_id: str) -> memoryview:  # noqa: ARG002 - it is a header
        """Return the body for this frame."""
        _preprocess(self._preprocess, pixels)
        return self._body

    def headers(self, correlation_id: str) -> Mapping[str, str]:
        """Return what the bytes are, and the correlation id."""
        return {**self._headers, "X-Correlation-Id": correlation_id}


_JSON: Final = {"Content-Type": "application/json"}


def _preprocess(preprocessor: Preprocessor, pixels: Pixels) -> None:
    try:
        preprocessor(pixels)
    except Exception as error:
        raise FrameError(OutcomeReason.PREPROCESS_ERROR, str(error)) from error


def _number_texts() -> NDArray[np.uint8]:
    """Return `value / 255` for each value of a pixel as 256 texts of one length, each with its comma.

    The texts are the shortest ones that give the same float32 again; blanks before a comma are allowed in JSON.
    """
    texts = [str(np.float32(value / 255)) for value in range(256)]
    width = max(map(len, texts))
    return np.array([list(f"{text:<{width}},".encode()) for text in texts], np.uint8)


def _spec(width_px: int, height_px: int, color_order: str, *, scale: float, dtype: str) -> PreprocessSpec:
    return PreprocessSpec(
        width_px=width_px,
        height_px=height_px,
        color_order=ColorOrder(color_order),
        scale=scale,
        mean=_MEAN,
        std=_STD,
        layout=Layout.NCHW,
        dtype=dtype,
    )
