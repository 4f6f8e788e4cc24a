"""A run's plan on disk: plan.json."""

from typing import Final

from hilrig.config.noun_json import from_json, to_json
from hilrig.core.errors import RecordError
from hilrig.core.files import PLAN
from hilrig.core.run import RunPlan

PLAN_FORMAT_VERSION: Final = 1


def dump_plan(plan: RunPlan) -> bytes:
    """Return the plan as canonical JSON."""
    return to_json(plan)


def load_plan(data: bytes) -> RunPlan:
    """Return the plan that `dump_plan` wrote.

    Raises:
        RecordError: the bytes are no plan, or one of a format that this hilrig does not read.
    """
    version = from_json(dict, data, what=PLAN).get("format_version")
    if version != PLAN_FORMAT_VERSION:
        raise RecordError(
            f"{PLAN}: format_version {version!r}, this hilrig reads {PLAN_FORMAT_VERSION}",
            hint="read this run with the version of hilrig that made it",
        )
    return from_json(RunPlan, data, what=PLAN)
