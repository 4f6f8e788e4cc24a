"""An inference service with `POST /infer`: a flat tensor as JSON goes in, one score comes out.

The request holds `tensor` (3 x height x width numbers from 0 to 1, plane by plane), `threshold` and
`correlation_id`; the answer holds `defective`, `score`, and perhaps `model_version` and `correlation_id`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.frame import ColorOrder, OutcomeReason, Pixels
from hilrig.core.ports import Processed
from hilrig.core.profile import Layout, ModelSpec, PipelineSpec, PreprocessSpec
from hilrig.target.decide import Decider
from hilrig.target.http_connection import HttpConnection, ask_until_warm, quoted, read_url, refuse_timeout
from hilrig.target.json_answer import read_json_object
from hilrig.target.outcome import FailureLog, FrameError, bad_answer, decided, failed, scores_of
from hilrig.target.preprocess import Preprocessor

ID_DIGITS: Final = 12
EDGE_MAX_PX: Final = 4096  # 600 MB of JSON: a typing error beyond


@dataclass(frozen=True, kw_only=True)
class InferServiceOptions:
    """Where the service is, and which tensor it takes.

    Args:
        url: `http://host:port`; `/infer` is put behind it.
        timeout_ms: a frame without its complete answer by then has failed.
        width_px: of the tensor; a frame of another size is resized.
        height_px: of the tensor.
        color_order: order of the three planes.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    url: str
    timeout_ms: float = 1000.0
    width_px: int = 512
    height_px: int = 512
    color_order: Literal["rgb", "bgr"] = "rgb"

    def __post_init__(self) -> None:
        read_url(self.url)
        refuse_timeout(self.timeout_ms)
        for edge, size_px in (("width_px", self.width_px), ("height_px", self.height_px)):
            if not 1 <= size_px <= EDGE_MAX_PX:
                raise ValueError(f"{edge} must be within 1 to {EDGE_MAX_PX}, found {size_px}")


class InferServiceTarget:
    """Asks the service about one frame at a time."""

    Options = InferServiceOptions
    runs_elsewhere = True

    def __init__(self, pipeline: PipelineSpec, model: ModelSpec, folder: Path) -> None:  # noqa: ARG002 - the port
        options = InferServiceOptions(**pipeline.target_options)
        self._label = model.labels[0]
        self._threshold = _only_threshold(self._label, pipeline.decide.thresholds)
        self._decide = Decider((self._label,), {self._label: self._threshold})
        self._url = read_url(options.url)
        self._connection = HttpConnection(self._url, timeout_ms=options.timeout_ms)
        self._request = _Request(options, threshold=self._threshold)
        self._log = FailureLog()
        self._model_version: Any = None

    def prepare(self) -> Mapping[str, Any]:
        """Have a black frame decided; return what the service says of its model.

        Raises:
            PreconditionError: it cannot be reached, or answers something that is no decision.
        """
        black = np.zeros((self._request.height_px, self._request.width_px, 3), np.uint8)
        try:
            self._model_version = ask_until_warm(lambda: self._ask(black)).get("model_version")
        except FrameError as error:
            raise PreconditionError(
                f"the inference service gave no decision: {error.message}",
                hint=f"start the service at {self._url}, or correct pipeline.target_options",
            ) from error
        return {"runtime": "infer_service", "url": str(self._url), "model_version": self._model_version}

    def process(self, pixels: Pixels) -> Processed:
        """Have one frame decided; whatever the service does wrong is this frame's failure."""
        try:
            answer = self._ask(pixels)
            self._refuse_other_model(answer)
        except FrameError as error:
            self._log.note(error.reason, error.message)
            return failed(error.reason)
        return decided(self._decide(scores_of([answer["score"]], (self._label,))))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(self, pixels: Pixels) -> dict[str, Any]:
        """Return the service's answer, held against what was asked."""
        body = self._request.filled(pixels)
        answer = self._connection.exchange("POST", "/infer", body=body, headers=_JSON)
        try:
            return self._held(read_json_object(answer.body))
        except FrameError:
            self._connection.close()  # who answers nonsense may have more of it on the way
            raise

    def _held(self, answer: dict[str, Any]) -> dict[str, Any]:
        (score,) = scores_of([answer.get("score")], (self._label,))
        if answer.get("correlation_id") != self._request.correlation_id:
            found = quoted(str(answer.get("correlation_id")))
            raise bad_answer(f"the answer is to question {found}, asked was {self._request.correlation_id}")
        if answer.get("defective") is not bool(score >= self._threshold):
            found = quoted(str(answer.get("defective")))
            raise bad_answer(f"'defective' is {found} with score {score} at threshold {self._threshold}")
        return answer

    def _refuse_other_model(self, answer: Mapping[str, Any]) -> None:
        """A model that was swapped under the run is not the one that the report speaks of."""
        found = answer.get("model_version")
        if found != self._model_version:
            raise bad_answer(
                f"answered by model {quoted(str(found))}, the run began with {quoted(str(self._model_version))}"
            )


_JSON: Final = {"Content-Type": "application/json"}


def _only_threshold(label: str, thresholds: Mapping[str, float]) -> float:
    if set(thresholds) != {label}:
        raise UsageError(
            f"the target infer_service gives one score, that of the first label '{label}'; "
            f"pipeline.decide.thresholds names {', '.join(thresholds)}",
            hint=f"thresholds: {{{label}: 0.5}}",
        )
    return thresholds[label]


class _Request:
    """The body of a request, kept: each frame writes its numbers and its id into the same bytes.

    A pixel has 256 values, so its text is looked up, not computed: making the JSON of 512 x 512 frames takes 2 ms
    instead of the second that a general encoder needs, and the instrument does not measure itself.
    """

    def __init__(self, options: InferServiceOptions, *, threshold: float) -> None:
        self.width_px, self.height_px = options.width_px, options.height_px
        self._planes = np.zeros((1, 3, self.height_px, self.width_px), np.uint8)
        self._split = Preprocessor(_bytes_spec(options), self._planes)
        self._texts = _number_texts()
        head = b'{"tensor":['
        tail = f'],"threshold":{json.dumps(threshold)},"correlation_id":"'.encode()
        cells_end = len(head) + self._planes.size * self._texts.shape[1]
        self._id_at = cells_end + len(tail)
        self._body = bytearray(head + bytes(cells_end - len(head)) + tail + b"0" * ID_DIGITS + b'"}')
        self._cells = np.frombuffer(self._body, np.uint8, cells_end - len(head), len(head)).reshape(
            self._planes.size, -1
        )
        self._ids = count(1)
        self.correlation_id = ""

    def filled(self, pixels: Pixels) -> bytearray:
        """Return the body for this frame, valid until the next call.

        Raises:
            FrameError: PREPROCESS_ERROR, these are no pixels of a colour image.
        """
        try:
            self._split(pixels)
        except Exception as error:
            raise FrameError(OutcomeReason.PREPROCESS_ERROR, str(error)) from error
        np.take(self._texts, self._planes.reshape(-1), axis=0, out=self._cells, mode="clip")
        self._cells[-1, -1] = ord(" ")  # no comma after the last number
        self.correlation_id = f"{next(self._ids):0{ID_DIGITS}d}"
        self._body[self._id_at : self._id_at + ID_DIGITS] = self.correlation_id.encode()
        return self._body


def _number_texts() -> NDArray[np.uint8]:
    """Return `value / 255` for each value of a pixel as 256 texts of one length, each with its comma.

    The texts are the shortest ones that give the same float32 again; blanks before a comma are allowed in JSON.
    """
    texts = [str(np.float32(value / 255)) for value in range(256)]
    width = max(map(len, texts))
    return np.array([list(f"{text:<{width}},".encode()) for text in texts], np.uint8)


def _bytes_spec(options: InferServiceOptions) -> PreprocessSpec:
    return PreprocessSpec(
        width_px=options.width_px,
        height_px=options.height_px,
        color_order=ColorOrder(options.color_order),
        scale=1.0,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        layout=Layout.NCHW,
        dtype="uint8",
    )
