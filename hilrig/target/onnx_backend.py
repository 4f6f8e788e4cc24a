"""ONNX Runtime, with the providers that the profile asks for and no others."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from hilrig.core.errors import PreconditionError
from hilrig.core.profile import ModelSpec
from hilrig.target.model_files import hash_model_files

NUMPY_NAMES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}


@dataclass(frozen=True, kw_only=True)
class OnnxOptions:
    """How ONNX Runtime is set up.

    Args:
        providers: execution providers in order of preference; each must be there, or the run is refused.
        intra_op_threads: threads inside one operator; more than the free cores makes the tail worse.
        inter_op_threads: threads across operators.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    providers: tuple[str, ...] = ("CPUExecutionProvider",)
    intra_op_threads: int = 1
    inter_op_threads: int = 1

    def __post_init__(self) -> None:
        if not self.providers:
            raise ValueError("providers must name at least one execution provider")
        if self.intra_op_threads < 1 or self.inter_op_threads < 1:
            raise ValueError("threads must be at least 1")


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
        self._session = self._open_session()
        self._check_provider()
        dtype = self._check_input()
        self._check_output()
        self._input = np.zeros(self._model.input_shape, dtype)
        self._feed = {self._model.input_name: self._input}
        self._outputs = [self._model.output_name]
        return {
            "runtime": "onnxruntime",
            "version": ort.__version__,
            "providers": list(self._session.get_providers()),
            "files_sha256": digests,
        }

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

    def _open_session(self) -> ort.InferenceSession:
        missing = [name for name in self._options.providers if name not in ort.get_available_providers()]
        if missing:
            raise PreconditionError(
                f"the profile asks for {', '.join(missing)}; this ONNX Runtime {ort.__version__} has only "
                f"{', '.join(ort.get_available_providers())}",
                hint="run on a rig of the profile's class, or install the matching onnxruntime: hilrig doctor",
            )
        path = self._folder / self._model.files[0]
        try:
            return ort.InferenceSession(
                str(path), sess_options=self._session_options(), providers=list(self._options.providers)
            )
        except Exception as error:  # onnxruntime's own exceptions share no public base class
            raise PreconditionError(
                f"model file {path} does not load in ONNX Runtime {ort.__version__}: {_first_line(error)}",
                hint="check the export: opset and IR version must be within what this runtime supports",
            ) from error

    def _session_options(self) -> ort.SessionOptions:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._options.intra_op_threads
        options.inter_op_num_threads = self._options.inter_op_threads
        options.log_severity_level = 3  # errors only: warnings would go to the run's log for every session
        return options

    def _check_provider(self) -> None:
        active = self._session.get_providers()[0]
        if active != self._options.providers[0]:
            raise PreconditionError(
                f"the profile asks for {self._options.providers[0]} first, ONNX Runtime came up on {active}",
                hint="hilrig doctor",
            )

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
        if not shape or not _shapes_agree(shape[-1:], (n_labels,)):
            raise self._mismatch("output with one score per label", f"[1, {n_labels}]", shape)

    def _mismatch(self, what: str, declared: object, found: object) -> PreconditionError:
        return PreconditionError(
            f"{self._folder / self._model.files[0]}: the profile says {what} {declared}, the model has {found}",
            hint="correct the model section of profile.yaml, or export the model again",
        )


def _shapes_agree(found: list[Any], declared: tuple[int, ...]) -> bool:
    """Return whether shapes match; a symbolic dimension of the model fits any number."""
    return len(found) == len(declared) and all(
        not isinstance(size, int) or size == wanted for size, wanted in zip(found, declared, strict=True)
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
