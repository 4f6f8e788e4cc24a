"""A target that does nothing, so that only the instrument is left to measure.

The self-test needs that, and so do benchmarks.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hilrig.core.frame import Outcome, OutcomeReason, Pixels
from hilrig.core.ports import Processed
from hilrig.core.profile import ModelSpec, PipelineSpec

DECIDED, NONE = Outcome.DECIDED, OutcomeReason.NONE
now, new = time.monotonic_ns, tuple.__new__


@dataclass(frozen=True, kw_only=True)
class NoOpOptions:
    """There is nothing to set."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


class NoOpTarget:
    """Decides every frame at once: no defect, all stages stamped."""

    Options = NoOpOptions

    def __init__(self, pipeline: PipelineSpec, model: ModelSpec, folder: Path) -> None:
        """Take what every target takes; none of it matters here."""

    def prepare(self) -> Mapping[str, Any]:
        """Return facts: there is nothing to load."""
        return {"runtime": "none", "providers": [], "files_sha256": {}}

    def process(self, pixels: Pixels) -> Processed:  # noqa: ARG002 - the port
        """Stamp the three stages and return, without NamedTuple's constructor: it takes as long again."""
        return new(Processed, (now(), now(), now(), DECIDED, NONE, 0, 0.0))

    def close(self) -> None:
        """Release nothing."""
