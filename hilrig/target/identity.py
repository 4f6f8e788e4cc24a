"""The identity of a pipeline: what is declared of preprocess and decide, with the version of their code."""

from dataclasses import asdict

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
        "preprocess": asdict(pipeline.preprocess),
        "preprocess_version": PREPROCESS_VERSION,
        "labels": list(model.labels),
        "thresholds": dict(pipeline.decide.thresholds),
        "decide_version": DECIDE_VERSION,
    }
    return sha256_hex(canonical_json(declared))
