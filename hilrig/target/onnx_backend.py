"""ONNX Runtime, with no other providers than the profile asks for."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from hilrig.core.errors import PreconditionError
from hilrig.core.profile import ModelSpec
from hilrig.target.engine_cache import cached_engines, engine_origin
from hilrig.target.model_files import hash_model_files
from hilrig.target.onnx_options import TENSORRT_PROVIDER, OnnxOptions
from hilrig.target.onnx_session import NUMPY_NAMES, open_as_asked


class OnnxBackend:
    """One session, one input tensor, one output."""

    Options = OnnxOptions

    def __init__(self, options: OnnxOptions, model: ModelSpec, folder: Path) -> None:
        self._options = options
        self._model = model
        self._folder = folder

    def load(self) -> Mapping[str, Any]:
        """Load the model and hold its inputs and outputs against the profile.

        Raises:
            PreconditionError: a provider is missing, the model does not load, or it is not the declared one.
        """
        digests = hash_model_files(self._model, self._folder)
        engines = cached_engines(self._options)
        self._session = open_as_asked(self._folder / self._model.files[0], self._options)
        dtype = self._check_input()
        self._check_output()
        self._input = np.zeros(self._model.input_shape, dtype)
        self._feed = {self._model.input_name: self._input}
        self._outputs = [self._model.output_name]
        facts = {
            "runtime": "onnxruntime",
            "version": ort.__version__,
            "providers": list(self._session.get_providers()),
            "provider_options": self._session.get_provider_options(),
            "files_sha256": digests,
        }
        if TENSORRT_PROVIDER in self._options.providers:
            facts["tensorrt_engine"] = engine_origin(engines, cached_engines(self._options))
        return facts

    def input(self) -> NDArray[Any]:
        """Return the input tensor."""
        return self._input

    def infer(self) -> NDArray[Any]:
        """Return the scores as a flat array; the call returns after the device is done."""
        scores: NDArray[Any] = self._session.run(self._outputs, self._feed)[0]
        return scores.reshape(-1)

    def close(self) -> None:
        """Release the session."""
        del self._session

    def _check_input(self) -> str:
        inputs = {item.name: item for item in self._session.get_inputs()}
        if set(inputs) != {self._model.input_name}:
            raise self._mismatch("input", self._model.input_name, ", ".join(inputs))
        found = inputs[self._model.input_name]
        if not _shapes_agree(found.shape, self._model.input_shape):
            raise self._mismatch("input shape", list(self._model.input_shape), found.shape)
        if found.type not in NUMPY_NAMES:
            raise self._mismatch("input type", ", ".join(NUMPY_NAMES), found.type)
        return NUMPY_NAMES[found.type]

    def _check_output(self) -> None:
        outputs = {item.name: item for item in self._session.get_outputs()}
        if self._model.output_name not in outputs:
            raise self._mismatch("output", self._model.output_name, ", ".join(outputs))
        shape = outputs[self._model.output_name].shape
        n_labels = len(self._model.labels)
        if n_scores(shape) not in (None, n_labels):
            raise self._mismatch("output with one score per label", f"[1, {n_labels}]", shape)

    def _mismatch(self, what: str, declared: object, found: object) -> PreconditionError:
        return PreconditionError(
            f"{self._folder / self._model.files[0]}: the profile says {what} {declared}, the model has {found}",
            hint="correct the model section of profile.yaml, or export the model again",
        )


def n_scores(shape: list[Any]) -> int | None:
    """Return how many numbers an output of this shape has for one picture; None where the model leaves it open.

    The first of several dimensions is the batch. Those of size 1 count for nothing: classifiers of fully
    convolutional make have [1, n, 1, 1]. 0 is the answer for a scalar.
    """
    sizes = shape[1:] if len(shape) > 1 else shape
    if any(not isinstance(size, int) for size in sizes):
        return None
    return math.prod(sizes) if sizes else 0


def _shapes_agree(found: list[Any], declared: tuple[int, ...]) -> bool:
    """Return whether shapes match; a symbolic dimension of the model fits any number."""
    return len(found) == len(declared) and all(
        not isinstance(size, int) or size == wanted for size, wanted in zip(found, declared, strict=True)
    )
