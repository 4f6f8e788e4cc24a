"""What the long run shows.

It was long enough, and it held what it had to hold.
"""

from typing import Annotated

from pydantic import Field

from hilrig.config.keys import Keys, Positive, Text
from hilrig.core.gate import Answer
from hilrig.core.gate_facts import Facts, RunFacts
from hilrig.core.verdict import CheckStatus
from hilrig.gate.checks.answers import failed, listed, missing, passed
from hilrig.gate.checks.runs_here import Runs, counting, has_passed, measured_h, over_runs, planned_h


class Soak(Keys):
    """How long a soak is at least."""

    hours_min: Positive = Field(description="Measured hours of one run, warm-up not counted.")


class ChecksPassed(Soak):
    """What the soak must have held, whatever its profile asks for besides."""

    checks: Annotated[tuple[Text, ...], Field(min_length=1, max_length=64)] = Field(
        description="Ids of checks as in result.json: `resources.watchdog_reset_allowed`."
    )


@over_runs
def soak(facts: Facts, params: Soak, runs: Runs) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether a run of so many hours passed, and none of them failed."""
    long = [run for run in counting(runs) if max(planned_h(run), measured_h(run)) >= params.hours_min]
    bad = [run for run in long if not has_passed(run)]
    if bad:
        return failed(f"the soak {bad[0].path} failed: {bad[0].result.judgement.sentence}", bad[0].path)
    good = _soaks(runs, params.hours_min)
    if good:
        return passed(f"{good[0].path} passed {measured_h(good[0]):.4g} h", *(run.path for run in good))
    longest = max(runs, key=measured_h)
    words = f"the longest run measured {measured_h(longest):.2g} h of {params.hours_min:g} h"
    if measured_h(longest) >= params.hours_min:
        words = f"the soak {longest.path} is INCONCLUSIVE: {longest.result.judgement.sentence}"
    return missing(words, longest.path)


@over_runs
def checks_passed(facts: Facts, params: ChecksPassed, runs: Runs) -> Answer:
    """Answer whether one soak that passed held all of these checks."""
    good = _soaks(runs, params.hours_min)
    if not good:
        return missing(f"no run of {params.hours_min:g} h passed on {facts.device_class}")
    held = {check.check_id for check in good[0].result.judgement.checks if check.status is CheckStatus.PASS}
    lacking = [name for name in params.checks if name not in held]
    if lacking:
        return missing(f"the soak {good[0].path} did not check {listed(lacking)}", good[0].path)
    return passed(f"{good[0].path} held {listed(params.checks)}", good[0].path)


def _soaks(runs: Runs, hours_min: float) -> list[RunFacts]:
    """Return the runs that passed so many hours, the longest first."""
    good = [run for run in counting(runs) if has_passed(run) and measured_h(run) >= hours_min]
    return sorted(good, key=measured_h, reverse=True)
