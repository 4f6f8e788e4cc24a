"""An inference service with `POST /infer`: a tensor goes in, as JSON or as bytes, one score comes out.

The request holds `tensor` (3 x height x width numbers from 0 to 1, plane by plane), `threshold` and
`correlation_id`; the answer holds `defective`, `score`, and perhaps `model_version` and `correlation_id`. Every
frame has the next number, whatever becomes of it: the correlation id, and the sequence that a PLC is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import numpy as np

from hilrig.core.actuation import FIRST_REQUEST
from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.frame import Pixels
from hilrig.core.ports import Processed
from hilrig.core.profile import ModelSpec, PipelineSpec
from hilrig.target.decide import Decider
from hilrig.target.http_connection import HttpConnection, ask_until_warm, quoted, read_url, refuse_timeout
from hilrig.target.infer_request import ID_DIGITS, BinaryRequest, InferRequest, JsonRequest
from hilrig.target.json_answer import read_json_object
from hilrig.target.outcome import FailureLog, FrameError, bad_answer, decided, failed, scores_of

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
        encoding: of the tensor: `json`, or `binary` (float32 as application/octet-stream, which hilrig's own node
            takes: half of the bytes, nothing to parse).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    url: str
    timeout_ms: float = 1000.0
    width_px: int = 512
    height_px: int = 512
    color_order: Literal["rgb", "bgr"] = "rgb"
    encoding: Literal["json", "binary"] = "json"

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
        self._request = _request(options, threshold=self._threshold)
        self._size_px = (options.height_px, options.width_px)
        self._number = 0
        self._log = FailureLog()
        self._model_version: Any = None

    def prepare(self) -> Mapping[str, Any]:
        """Have a black frame decided; return what the service says of its model.

        Raises:
            PreconditionError: it cannot be reached, or answers something that is no decision.
        """
        black = np.zeros((*self._size_px, 3), np.uint8)
        try:
            self._model_version = ask_until_warm(lambda: self._ask(black)).get("model_version")
        except FrameError as error:
            raise PreconditionError(
                f"the inference service gave no decision: {error.message}",
                hint=f"start the service at {self._url}, or correct pipeline.target_options",
            ) from error
        return {
            "runtime": "infer_service",
            "url": str(self._url),
            "model_version": self._model_version,
            FIRST_REQUEST: self._number + 1,
        }

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
        self._number += 1
        correlation_id = f"{self._number:0{ID_DIGITS}d}"
        body, headers = self._request.filled(pixels, correlation_id), self._request.headers(correlation_id)
        answer = self._connection.exchange("POST", "/infer", body=body, headers=headers)
        try:
            return self._held(read_json_object(answer.body), correlation_id)
        except FrameError:
            self._connection.close()  # who answers nonsense may have more of it on the way
            raise

    def _held(self, answer: dict[str, Any], correlation_id: str) -> dict[str, Any]:
        (score,) = scores_of([answer.get("score")], (self._label,))
        if answer.get("correlation_id") != correlation_id:
            found = quoted(str(answer.get("correlation_id")))
            raise bad_answer(f"the answer is to question {found}, asked was {correlation_id}")
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


def _only_threshold(label: str, thresholds: Mapping[str, float]) -> float:
    if set(thresholds) != {label}:
        raise UsageError(
            f"the target infer_service gives one score, that of the first label '{label}'; "
            f"pipeline.decide.thresholds names {', '.join(thresholds)}",
            hint=f"thresholds: {{{label}: 0.5}}",
        )
    return thresholds[label]


def _request(options: InferServiceOptions, *, threshold: float) -> InferRequest:
    size = {"width_px": options.width_px, "height_px": options.height_px}
    if options.encoding == "binary":
        return BinaryRequest(**size, color_order=options.color_order)
    return JsonRequest(**size, color_order=options.color_order, threshold=threshold)
