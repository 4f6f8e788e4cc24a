"""The identity of a pipeline: one digest over what is declared, with the version of the code.

It covers preprocess and decide.
"""

from dataclasses import asdict
from typing import Any

from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.profile import ModelSpec, PipelineSpec

PREPROCESS_VERSION = 1
"""Counts the versions of the arithmetic in `hilrig.target.preprocess`."""
DECIDE_VERSION = 1
"""Counts the versions of the rule in `hilrig.target.decide`."""


def pipeline_sha256(pipeline: PipelineSpec, model: ModelSpec) -> str:
    """Return one digest over everything that turns pixels into a tensor, scores into a decision.

    Labels are part of it: a swapped label order is a changed decision.
    """
    declared = {
        **_before_the_scores(pipeline),
        "labels": list(model.labels),
        "thresholds": dict(pipeline.decide.thresholds),
        "decide_version": DECIDE_VERSION,
    }
    return sha256_hex(canonical_json(declared))


def _before_the_scores(pipeline: PipelineSpec) -> dict[str, Any]:
    """Return what turns pixels into scores: our preprocess as declared, a foreign pipeline with its options."""
    foreign: dict[str, Any] = {"target": pipeline.target, "target_options": dict(pipeline.target_options)}
    versioned: dict[str, Any] = {"preprocess_version": PREPROCESS_VERSION}
    if pipeline.preprocess is None:
        return foreign | versioned
    ours = {"preprocess": asdict(pipeline.preprocess)} | versioned
    return ours if pipeline.target == "in_process" else ours | foreign
