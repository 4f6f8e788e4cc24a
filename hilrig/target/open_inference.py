"""An inference server that speaks the Open Inference Protocol v2 over HTTP, such as Triton, OVMS or KServe.

Preprocess and decide are ours, the model is theirs. The tensor travels as bytes (the protocol's binary tensor data
extension); an answer in plain JSON is read as well. Preprocess writes straight into the request.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import monotonic_ns
from typing import Any, ClassVar, Final
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.frame import OutcomeReason, Pixels
from hilrig.core.ports import Processed
from hilrig.core.profile import ModelSpec, PipelineSpec
from hilrig.target.decide import Decider
from hilrig.target.http_connection import HttpConnection, ask_until_warm, read_url, refuse_timeout
from hilrig.target.json_answer import read_json_object
from hilrig.target.open_inference_answer import read_answer
from hilrig.target.open_inference_metadata import refuse_other_model
from hilrig.target.outcome import FailureLog, FrameError, bad_answer, decided, failed
from hilrig.target.preprocess import Preprocessor

DATATYPES: Final = {"float32": "FP32", "float16": "FP16", "uint8": "UINT8"}
"""What the protocol calls a numpy type."""
ID_DIGITS: Final = 12
ALIGNMENT: Final = 64  # of the tensor in the request, so that its planes are written at full speed


@dataclass(frozen=True, kw_only=True)
class OpenInferenceOptions:
    """Where the server is, and which of its models is meant.

    Args:
        url: `http://host:port`; `/v2/...` is put behind it.
        model_name: as the server calls it.
        model_version: empty: the one that the server chooses; it must not change during a run.
        timeout_ms: a frame without its complete answer by then has failed.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    url: str
    model_name: str
    model_version: str = ""
    timeout_ms: float = 1000.0

    def __post_init__(self) -> None:
        read_url(self.url)
        refuse_timeout(self.timeout_ms)
        if not self.model_name:
            raise ValueError("model_name must not be empty")

    @property
    def model_path(self) -> str:
        """Return the path of the model on the server."""
        version = f"/versions/{quote(self.model_version, safe='')}" if self.model_version else ""
        return f"/v2/models/{quote(self.model_name, safe='')}{version}"


class OpenInferenceTarget:
    """Asks the server about one frame at a time."""

    Options = OpenInferenceOptions
    runs_elsewhere = True

    def __init__(self, pipeline: PipelineSpec, model: ModelSpec, folder: Path) -> None:  # noqa: ARG002 - the port
        if pipeline.preprocess is None or not model.input_shape or not model.output_name:
            raise UsageError("the target open_inference needs pipeline.preprocess, model.input and model.output")
        if pipeline.backend is not None:
            raise UsageError(
                "the target open_inference has no backend: the server runs the model", hint="leave it out"
            )
        self._options = OpenInferenceOptions(**pipeline.target_options)
        self._model = model
        self._datatype = DATATYPES[pipeline.preprocess.dtype]
        self._url = read_url(self._options.url)
        self._connection = HttpConnection(self._url, timeout_ms=self._options.timeout_ms)
        self._request = _Request(model, dtype=pipeline.preprocess.dtype)
        self._preprocess = Preprocessor(pipeline.preprocess, self._request.tensor)
        self._decide = Decider(model.labels, pipeline.decide.thresholds)
        self._log = FailureLog()
        self._model_version: Any = None

    def prepare(self) -> Mapping[str, Any]:
        """Hold the server's model against the profile, have it run once; return what the server says of itself.

        Raises:
            PreconditionError: it cannot be reached, is not ready, has no such model, or another one.
        """
        try:
            self._connection.exchange("GET", "/v2/health/ready")
            metadata = read_json_object(self._connection.exchange("GET", self._options.model_path).body)
            refuse_other_model(metadata, self._model, datatype=self._datatype, at=self._where)
            _, self._model_version = ask_until_warm(self._infer)
        except FrameError as error:
            raise PreconditionError(
                f"the inference server is of no use: {error.message}",
                hint=f"start the server at {self._url} with model {self._options.model_name}, "
                "or correct pipeline.target_options",
            ) from error
        return {
            "runtime": "open_inference",
            "url": str(self._url),
            "model_name": self._options.model_name,
            "model_version": self._model_version,
            "platform": str(metadata.get("platform", "")),
        }

    def process(self, pixels: Pixels) -> Processed:
        """Have one frame scored; whatever the server does wrong is this frame's failure."""
        try:
            self._preprocess(pixels)
        except Exception:  # noqa: BLE001 - any fault of a foreign library is this frame's failure
            return failed(OutcomeReason.PREPROCESS_ERROR)
        t_preprocessed_ns = monotonic_ns()
        try:
            scores, version = self._infer()
            if version != self._model_version:
                raise bad_answer(f"answered by version {version}, the run began with {self._model_version}")
        except FrameError as error:
            self._log.note(error.reason, error.message)
            return failed(error.reason, t_preprocessed_ns)
        return decided(self._decide(scores), t_preprocessed_ns, monotonic_ns())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @property
    def _where(self) -> str:
        return f"{self._url}{self._options.model_path}"

    def _infer(self) -> tuple[NDArray[np.floating], Any]:
        """Return the scores of the tensor in the request, and the version of the model that gave them."""
        path = f"{self._options.model_path}/infer"
        request_id = self._request.renewed_id()
        answer = self._connection.exchange("POST", path, body=self._request.body, headers=self._request.headers)
        try:
            return read_answer(answer, self._model, request_id=request_id)
        except FrameError:
            self._connection.close()  # who answers nonsense may have more of it on the way
            raise


class _Request:
    """The body of a request, kept: JSON, then the tensor in little-endian order, which preprocess writes in place.

    Attributes:
        body: all of it.
        tensor: the part of it that preprocess fills, in the shape of the model's input.
        headers: of the request.
    """

    def __init__(self, model: ModelSpec, *, dtype: str) -> None:
        number = np.dtype(dtype).newbyteorder("<")
        n_bytes = int(np.prod(model.input_shape)) * number.itemsize
        head = _head(model, datatype=DATATYPES[dtype], n_bytes=n_bytes)
        head += b" " * (-len(head) % ALIGNMENT)  # blanks after the object are JSON too
        self._id_at = head.index(_NO_ID)
        self._ids = count(1)
        self.body = bytearray(head + bytes(n_bytes))
        self.tensor: NDArray[Any] = np.frombuffer(self.body, number, offset=len(head)).reshape(model.input_shape)
        self.headers = {
            "Content-Type": "application/octet-stream",
            "Inference-Header-Content-Length": str(len(head)),
        }

    def renewed_id(self) -> str:
        """Give the request its next id; return it."""
        request_id = f"{next(self._ids):0{ID_DIGITS}d}"
        self.body[self._id_at : self._id_at + ID_DIGITS] = request_id.encode()
        return request_id


_NO_ID: Final = b"0" * ID_DIGITS


def _head(model: ModelSpec, *, datatype: str, n_bytes: int) -> bytes:
    tensor = {
        "name": model.input_name,
        "shape": list(model.input_shape),
        "datatype": datatype,
        "parameters": {"binary_data_size": n_bytes},
    }
    wanted = {"name": model.output_name, "parameters": {"binary_data": True}}
    return json.dumps({"id": _NO_ID.decode(), "inputs": [tensor], "outputs": [wanted]}).encode()
