"""A profile's whole pipeline asked frame by frame, untimed: what it finds, with its scores where they are seen."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.decision import found_labels, labels_of_bits
from hilrig.core.errors import PreconditionError
from hilrig.core.frame import Outcome, Pixels
from hilrig.core.golden_bundle import Answer
from hilrig.core.ports import Target
from hilrig.core.profile import ModelSpec, PipelineSpec, Profile
from hilrig.target.decide import Decider
from hilrig.target.in_process import InProcessTarget
from hilrig.target.model_files import hash_model_files, refuse_changed
from hilrig.target.opening import open_target

IN_PROCESS: Final = "in_process"
_ONLY_IN_A_RUN: Final = {"ring": "its frames go through shared memory, which only a run sets up"}


class _KeepingDecider(Decider):
    """Decides as ever, and keeps the scores that it decided by."""

    def __init__(self, labels: Sequence[str], thresholds: Mapping[str, float]) -> None:
        super().__init__(labels, thresholds)
        self.scores: NDArray[np.floating] = np.empty(0, np.float32)

    def __call__(self, scores: NDArray[np.floating]) -> tuple[int, float] | None:
        self.scores = np.array(scores).reshape(-1)  # the backend writes over its own at the next frame
        return super().__call__(scores)


class _SeenTarget(InProcessTarget):
    """The pipeline as a run has it, whose scores can be read after each frame."""

    def __init__(self, pipeline: PipelineSpec, model: ModelSpec, folder: Path) -> None:
        super().__init__(pipeline, model, folder)
        self._decide = self._kept = _KeepingDecider(model.labels, pipeline.decide.thresholds)

    def scores(self) -> NDArray[np.floating]:
        """Return the scores of the last frame, one per label."""
        return self._kept.scores


class GoldenPipeline:
    """A prepared target.

    Attributes:
        facts: what the target says of itself (runtime, version, providers, ...).
        model_files_sha256: of the profile's model files, as they were loaded.
    """

    def __init__(self, profile: Profile, target: Target, *, model_files_sha256: Mapping[str, str]) -> None:
        self.labels = profile.model.labels
        self._bits = labels_of_bits(self.labels, profile.pipeline.decide.thresholds)
        self.model_files_sha256 = model_files_sha256
        self.facts: Mapping[str, Any] = target.prepare()
        refuse_changed(model_files_sha256, self.facts.get("files_sha256") or {})
        self._target = target

    def ask(self, pixels: Pixels) -> Answer:
        """Return what the pipeline makes of a frame: height x width x 3, BGR, uint8."""
        processed = self._target.process(pixels)
        if processed.outcome is not Outcome.DECIDED:
            return Answer(found=None, reason=processed.reason.name)
        found = found_labels(processed.defects, self._bits)
        return Answer(found=found, scores=self._scores(), score=processed.score)

    def _scores(self) -> dict[str, float]:
        if not isinstance(self._target, _SeenTarget):
            return {}
        return dict(zip(self.labels, map(float, self._target.scores()), strict=True))


@contextmanager
def golden_pipeline(profile: Profile) -> Iterator[GoldenPipeline]:
    """Give the profile's pipeline, prepared; what a pipeline of the user's own prints goes to stderr.

    Raises:
        PreconditionError: it does not run here, or its files are not those that the profile pins.
        UsageError: a library that it needs is missing.
    """
    name = profile.pipeline.target
    if name in _ONLY_IN_A_RUN:
        raise PreconditionError(
            f"the target {name} of {profile.name} cannot be asked outside of a run: {_ONLY_IN_A_RUN[name]}",
            hint="limit its accuracy in a run instead: hil_validation.detection",
        )
    folder = Path(profile.folder)
    digests = hash_model_files(profile.model, folder)
    factory = _SeenTarget if name == IN_PROCESS else open_target
    target = factory(profile.pipeline, profile.model, folder)
    with redirect_stdout(sys.stderr):
        pipeline = GoldenPipeline(profile, target, model_files_sha256=digests)
        try:
            yield pipeline
        finally:
            target.close()
