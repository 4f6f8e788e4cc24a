"""A pipeline of the user's own, written in Python: frames go in as arrays, scores come out.

Only `process` is timed; what it does inside is its own business, so no stage between dequeue and decision is seen.
"""

import json
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

import numpy as np

from hilrig.core.errors import PreconditionError
from hilrig.core.frame import OutcomeReason, Pixels
from hilrig.core.ports import Processed
from hilrig.core.profile import ModelSpec, PipelineSpec
from hilrig.target.decide import Decider
from hilrig.target.model_files import hash_model_files
from hilrig.target.outcome import FailureLog, FrameError, decided, failed, scores_of
from hilrig.target.python_module import PythonModule, load_module, own_fault

METHODS: Final = ("prepare", "process", "close")
FOREIGN_FAULTS: Final = (Exception, SystemExit)
"""What foreign code may raise; `sys.exit()` in it must not end the run either."""


@dataclass(frozen=True, kw_only=True)
class PythonOptions:
    """Which pipeline it is.

    Args:
        callable: `module:attribute`; the module is a file in the profile's folder, or one that is installed.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    callable: str

    def __post_init__(self) -> None:
        module, _, attribute = self.callable.partition(":")
        if not (all(part.isidentifier() for part in module.split(".")) and attribute.isidentifier()):
            raise ValueError(
                f"callable must be module:attribute, for example pipeline:Pipeline, not {self.callable}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineContext:
    """What a pipeline is told before the first frame.

    Args:
        folder: the profile's folder.
        model_files: the model's files, complete paths, in the order of the profile.
        labels: names of the scores, in the order in which `process` returns them.
    """

    folder: Path
    model_files: tuple[Path, ...]
    labels: tuple[str, ...]


class Pipeline(Protocol):
    """What the user writes. Built without arguments when the attribute is a class."""

    def prepare(self, context: PipelineContext) -> Mapping[str, Any] | None:
        """Load everything; return facts as JSON, or nothing."""

    def process(self, frame: Pixels) -> Any:
        """Return one score per label: a sequence or array in the order of the labels, or a mapping by label.

        `frame` is read-only, height x width x 3, BGR, uint8; it is overwritten after the call.
        """

    def close(self) -> None:
        """Release everything."""


class PythonTarget:
    """Hands each frame to the user's pipeline and decides by the thresholds of the profile."""

    Options = PythonOptions

    def __init__(self, pipeline: PipelineSpec, model: ModelSpec, folder: Path) -> None:
        self._model = model
        self._callable = PythonOptions(**pipeline.target_options).callable
        self._context = PipelineContext(
            folder=folder, model_files=tuple(folder / name for name in model.files), labels=model.labels
        )
        self._decide = Decider(model.labels, pipeline.decide.thresholds)
        self._log = FailureLog()
        self._pipeline: Pipeline

    def prepare(self) -> Mapping[str, Any]:
        """Load the pipeline, return its facts, the sha256 of its source file and those of the model's files.

        Raises:
            PreconditionError: there is no such module or attribute, its own code fails, or a file cannot be read.
        """
        return {**self.load(), "files_sha256": hash_model_files(self._model, self._context.folder)}

    def load(self) -> Mapping[str, Any]:
        """Load the module, build and prepare the pipeline: whatever it does with the model's files is its own.

        Raises:
            PreconditionError: there is no such module or attribute, or its own code fails.
        """
        name, _, attribute = self._callable.partition(":")
        module = load_module(name, self._context.folder)
        with module.siblings_importable():
            self._pipeline = self._built(module, attribute)
            facts = self._prepared(module)
        return {
            "runtime": f"python {sys.version.split()[0]}",
            "callable": self._callable,
            "callable_sha256": module.sha256,
            "pipeline": facts,
        }

    def process(self, pixels: Pixels) -> Processed:
        """Have one frame scored; a fault of the pipeline is this frame's failure."""
        frame: Pixels = np.asarray(pixels.data.toreadonly())  # nobody may spoil the pool of frames
        try:
            answer = self._pipeline.process(frame)
        except FOREIGN_FAULTS:
            self._log.note(OutcomeReason.INFERENCE_ERROR, traceback.format_exc())
            return failed(OutcomeReason.INFERENCE_ERROR)
        try:
            scores = scores_of(answer, self._context.labels)
        except FrameError as error:
            self._log.note(error.reason, error.message)
            return failed(error.reason)
        return decided(self._decide(scores))

    def close(self) -> None:
        """Let the pipeline release what it holds; a fault there changes no frame and is only written down."""
        try:
            self._pipeline.close()
        except FOREIGN_FAULTS:
            sys.stderr.write(f"close() of {self._callable} failed: {traceback.format_exc()}\n")

    def _built(self, module: PythonModule, attribute: str) -> Pipeline:
        found = getattr(module.module, attribute, None)
        if found is None:
            raise PreconditionError(
                f"{module.file} has no '{attribute}'", hint="pipeline.target_options.callable is module:attribute"
            )
        missing = [method for method in METHODS if not callable(getattr(found, method, None))]
        if missing:
            raise PreconditionError(
                f"{module.file}: '{attribute}' has no method {', '.join(missing)}",
                hint="a pipeline has prepare(context), process(frame) and close()",
            )
        if not isinstance(found, type):
            built: Pipeline = found
            return built
        try:
            made: Pipeline = found()
        except FOREIGN_FAULTS as error:
            raise own_fault(module.file, f"{attribute}() failed", error) from error
        return made

    def _prepared(self, module: PythonModule) -> Any:
        try:
            facts = self._pipeline.prepare(self._context)
        except FOREIGN_FAULTS as error:
            raise own_fault(module.file, "prepare() failed", error) from error
        try:
            return json.loads(json.dumps({} if facts is None else dict(facts), allow_nan=False))
        except (TypeError, ValueError) as error:
            raise PreconditionError(
                f"{module.file}: prepare() returned facts that are not JSON: {error}",
                hint="return a mapping of texts and numbers, or nothing",
            ) from error
