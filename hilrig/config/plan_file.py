"""A run's plan on disk: plan.json."""

from typing import Final

from hilrig.config.noun_json import from_json, to_json
from hilrig.core.errors import RecordError
from hilrig.core.files import PLAN
from hilrig.core.profile import Limit, Profile
from hilrig.core.run import RunPlan

PLAN_FORMAT_VERSION: Final = 2
"""1: of before the longest decision gap was always a limit."""

READ_VERSIONS: Final = (1, PLAN_FORMAT_VERSION)


def dump_plan(plan: RunPlan) -> bytes:
    """Return the plan as canonical JSON."""
    return to_json(plan)


def load_plan(data: bytes) -> RunPlan:
    """Return the plan that `dump_plan` wrote.

    Raises:
        RecordError: the bytes are no plan, or one of a format that this hilrig does not read.
    """
    version = from_json(dict, data, what=PLAN).get("format_version")
    if version not in READ_VERSIONS or isinstance(version, bool):
        raise RecordError(
            f"{PLAN}: format_version {version!r}, this hilrig reads {' and '.join(map(str, READ_VERSIONS))}",
            hint="read this run with the version of hilrig that made it",
        )
    return from_json(RunPlan, data, what=PLAN)


def limits_for(plan: RunPlan, profile: Profile) -> tuple[Limit, ...]:
    """Return the limits that a plan of this format has when it was made from this profile."""
    if plan.format_version > 1:
        return profile.limits
    stated_then = {limit.metric for limit in plan.limits}
    return tuple(
        limit for limit in profile.limits if limit.metric != "decision_gap_ms" or limit.metric in stated_then
    )
