"""A limit's number beside the one of the baseline.

The change is told, and whether it can be chance.
"""

from dataclasses import dataclass

from hilrig.core.baseline import Baseline
from hilrig.core.verdict import Check, CheckStatus
from hilrig.report.values import missing, moment, number, one_line, unit_word
from hilrig.report.wording import limit_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What the baseline measured for a limit, the change since, what the bounds of both say; all in words."""

    observed: str
    change: str
    bounds: str
    limit: str


def beside(check: Check, baseline: Baseline) -> Beside:
    """Return the baseline's number for a check. Texts are empty where there is nothing to say."""
    found = [one for one in baseline.checks if (one.check_id, one.unit) == (check.check_id, check.unit)]
    if not found:
        return Beside(observed="— no such limit in that run", change="", bounds="", limit="")
    other = found[0]
    has_same_limit = (other.limit, other.comparator) == (check.limit, check.comparator)
    return Beside(
        observed=_observed(other),
        change=_change(check, other),
        bounds=_bounds(check, other),
        limit="" if has_same_limit else f"its limit was {limit_text(other)}",
    )


def baseline_line(baseline: Baseline) -> str:
    """Return which run the baseline is: `run 7f3a of 2026-11-20 21:00:04 UTC on local: PASS, hilrig 0.1.0`."""
    when = moment(baseline.started_at_utc) or "an unknown time"
    return one_line(
        f"run {baseline.run_id} of {when}, {baseline.profile_name} on {baseline.rig} ({baseline.device_class}): "
        f"{baseline.status.value}, model {baseline.model_bundle_sha256[:8] or 'not recorded'}, "
        f"hilrig {baseline.hilrig_version}"
    )


def _observed(other: Check) -> str:
    if other.status is CheckStatus.NOT_MEASURED:
        return "— not measured in that run"
    return one_line(other.observed_text) or missing("")


def _change(check: Check, other: Check) -> str:
    """Return the difference of two observations with its sign: `+0.8 ms (+3.2 %)`."""
    if check.observed is None or other.observed is None or check.unit == "bool":
        return ""
    delta = check.observed - other.observed
    if delta == 0:
        return "no change"
    sign = "+" if delta > 0 else "-"
    share = abs(round(100 * delta / other.observed, 1)) if other.observed else 0.0
    per_cent = f" ({sign}{number(share)} %)" if share else ""
    return f"{sign}{number(abs(delta))} {unit_word(check.unit)}".rstrip() + per_cent


def _bounds(check: Check, other: Check) -> str:
    """Return whether the 99 % bounds of the two runs are apart; empty where one of them has none."""
    if not (_has_bounds(check) and _has_bounds(other)):
        return ""
    is_higher = check.lower is not None and other.upper is not None and check.lower > other.upper
    is_lower = check.upper is not None and other.lower is not None and check.upper < other.lower
    if not (is_higher or is_lower):
        return "within the bounds of both runs: may be chance"
    is_worse = is_higher == (check.comparator == "<=")
    return f"{'worse' if is_worse else 'better'}, beyond both runs' bounds"


def _has_bounds(check: Check) -> bool:
    return check.lower is not None or check.upper is not None
