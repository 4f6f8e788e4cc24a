"""A target from its declaration."""

from pathlib import Path

from hilrig.core import registry
from hilrig.core.ports import Target
from hilrig.core.profile import ModelSpec, PipelineSpec


def open_target(pipeline: PipelineSpec, model: ModelSpec, folder: Path) -> Target:
    """Return the declared target, not yet prepared; `folder` is where the model's paths start.

    Raises:
        UsageError: no such target or backend, or a library that it needs is missing.
    """
    target: Target = registry.load("targets", pipeline.target)(pipeline, model, folder)
    return target
