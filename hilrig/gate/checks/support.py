"""What support has at hand: playbooks, the diagnostic bundle, documents that somebody keeps."""

from collections.abc import Iterator
from math import isfinite
from typing import Annotated, Final

from pydantic import Field

from hilrig.config.keys import Keys, Name, Positive
from hilrig.core.gate import Answer
from hilrig.core.gate_facts import DocumentFacts, Facts
from hilrig.gate.checks.answers import NoParameters, failed, listed, missing, passed, unless

AGE_SLACK_DAYS: Final = 1.0
"""A document from tomorrow has a wrong date; up to a day is a time zone."""


class Bundle(Keys):
    """What a diagnostic bundle is at least."""

    inputs_min: Annotated[int, Field(ge=1, le=24)] = Field(default=1, description="Known inputs in it.")


class Topic(Keys):
    """A document that must be there."""

    topic: Name = Field(description="What it is about: `on-call`.")
    max_age_days: Positive | None = Field(default=None, description="How old it may be; left out: any age.")


def playbooks_complete(facts: Facts, params: NoParameters) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether every error code has an owner and a section."""
    codes = facts.undocumented_codes
    objections = [failed(f"{listed(codes)} has no owner or no section in the playbooks")] if codes else []
    return unless(objections, passed("every error code has an owner and a section in the playbooks"))


def diagnostic_bundle(facts: Facts, params: Bundle) -> Answer:
    """Answer whether there is a golden diagnostic bundle of this model and pipeline."""
    found, manifest = facts.bundle, facts.manifest
    if found is None:
        return missing("there is no golden diagnostic bundle among the evidence (hilrig golden bundle)")
    if (found.bundle_sha256, found.pipeline_sha256) != (manifest.bundle_sha256, manifest.pipeline_sha256):
        return missing(f"{found.path} is of another model or pipeline", found.path)
    words = f"{found.path} has {found.n_inputs} inputs"
    if found.n_inputs < params.inputs_min:
        return failed(f"{words} of {params.inputs_min}", found.path)
    return passed(words, found.path)


def document(facts: Facts, params: Topic) -> Answer:
    """Answer whether there is a document on a topic, not empty and not too old."""
    found = [one for one in facts.documents if one.topic == params.topic]
    if not found:
        return missing(f"there is no document on '{params.topic}' among the evidence")
    newest = min(found, key=lambda one: one.age_days)
    return unless(_unfit(newest, params), passed(f"{newest.path}, {_age(newest)}", newest.path))


def _age(found: DocumentFacts) -> str:
    return f"{max(found.age_days, 0):.0f} days old" if isfinite(found.age_days) else "without a line `Reviewed:`"


def _unfit(found: DocumentFacts, params: Topic) -> Iterator[Answer]:
    if not found.age_days >= -AGE_SLACK_DAYS:  # also NaN
        yield failed(f"{found.path} cannot be: it is {found.age_days:.3g} days old", found.path)
    if found.n_bytes < 1:
        yield failed(f"{found.path} is empty", found.path)
    if params.max_age_days is not None and found.age_days > params.max_age_days:
        words = f"{found.path}, {_age(found)}, at most {params.max_age_days:g} are allowed"
        yield failed(words, found.path)
