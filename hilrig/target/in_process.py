"""The pipeline in the worker's own process: preprocess -> infer -> decide, each stage stamped."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hilrig.core import registry
from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.frame import OutcomeReason, Pixels
from hilrig.core.ports import Backend, Processed
from hilrig.core.profile import ModelSpec, PipelineSpec
from hilrig.target.decide import Decider
from hilrig.target.outcome import decided, failed
from hilrig.target.preprocess import Preprocessor


@dataclass(frozen=True, kw_only=True)
class InProcessOptions:
    """There is nothing to set: preprocess and backend have blocks of their own."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


class InProcessTarget:
    """Runs the declared pipeline on one frame at a time."""

    Options = InProcessOptions

    def __init__(self, pipeline: PipelineSpec, model: ModelSpec, folder: Path) -> None:
        if pipeline.preprocess is None or pipeline.backend is None:
            raise UsageError("the target in_process needs pipeline.preprocess and pipeline.backend")
        factory = registry.load("backends", pipeline.backend.name)
        options = factory.Options(**pipeline.backend.options)  # type: ignore[attr-defined] # by the port's contract
        self._backend: Backend = factory(options, model, folder)
        self._declared = pipeline.preprocess
        self._decide = Decider(model.labels, pipeline.decide.thresholds)
        self._preprocess: Preprocessor

    def prepare(self) -> Mapping[str, Any]:
        """Load the model, run it once on whatever the tensor holds, return the backend's facts.

        Raises:
            PreconditionError: the model cannot be loaded, or is not the declared one.
        """
        facts = self._backend.load()
        tensor = self._backend.input()
        if tensor.dtype.name != self._declared.dtype:
            raise PreconditionError(
                f"the model takes {tensor.dtype.name}, preprocess makes {self._declared.dtype}",
                hint=f"pipeline.preprocess.dtype: {tensor.dtype.name}",
            )
        self._preprocess = Preprocessor(self._declared, tensor)
        self._backend.infer()  # lazy allocations belong to loading, not to the first frame
        return facts

    def process(self, pixels: Pixels) -> Processed:
        """Decide one frame; whatever goes wrong in a stage is a failed frame with the stage as its reason."""
        try:
            self._preprocess(pixels)
        except Exception:  # noqa: BLE001 - any fault of a foreign library is this frame's failure
            return failed(OutcomeReason.PREPROCESS_ERROR)
        t_preprocessed_ns = time.monotonic_ns()
        try:
            scores = self._backend.infer()
        except Exception:  # noqa: BLE001 - as above
            return failed(OutcomeReason.INFERENCE_ERROR, t_preprocessed_ns)
        t_inferred_ns = time.monotonic_ns()
        return decided(self._decide(scores), t_preprocessed_ns, t_inferred_ns)

    def close(self) -> None:
        """Release the backend."""
        self._backend.close()
