"""The few fields of a result.json that a trend needs, picked out: a whole folder is read in a moment."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Final, TypeVar

from hilrig.core.conditions import Conditions
from hilrig.core.errors import RecordError
from hilrig.core.files import RESULT
from hilrig.core.trend import TrendRun
from hilrig.core.units import S_PER_MIN
from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.verdict.many_runs.conditions import flat_facts, rate_fps, writable
from hilrig.verdict.throttling.throttled_time import throttled_s

_T = TypeVar("_T")
_Tree = Mapping[str, Any]

P99: Final = "latency_p99_ms"
P99_INCL_DROPS: Final = "latency_p99_incl_drops_ms"
THERMAL: Final = "thermal_throttle_events"
DURATION: Final = "duration_min"


def trend_run(result: _Tree, *, name: str, report: str) -> TrendRun:
    """Return the numbers of a run from its result as JSON, of which nothing is believed.

    Raises:
        RecordError: a field is missing, or not what it should be; the message names it.
    """
    judgement = _field(result, "judgement", dict)
    measured = _by_name(judgement, "measurements", "metric")
    checks = _by_name(judgement, "checks", "check_id")
    p99 = next((check for check in checks.values() if check.get("metric") == P99), None)
    closest, margin_pct = _closest(checks)
    started = _text(result, "started_at_utc")
    throttled, why_not = _throttled(judgement, measured)
    n_dropped = _value(measured, "frames_dropped")
    p99_ms, p99_text = _p99(p99, measured)
    return TrendRun(
        name=writable(name),
        report=report,
        run_id=_text(result, "run_id"),
        started_at_utc=started,
        started_s=_utc_s(started),
        status=_status(judgement),
        sentence=_text(judgement, "sentence"),
        ended=_text(result, "ended"),
        duration_min=_value(measured, DURATION),
        p99_ms=p99_ms,
        p99_text=p99_text,
        p99_lower_ms=None if p99 is None else _number(p99, "lower"),
        p99_upper_ms=None if p99 is None else _number(p99, "upper"),
        p99_limit_ms=None if p99 is None else _number(p99, "limit"),
        closest_check=closest,
        closest_margin_pct=margin_pct,
        throttled_min=None if throttled is None else throttled / S_PER_MIN,
        throttled_text=why_not,
        n_dropped=None if n_dropped is None else round(n_dropped),
        drop_pct=_value(measured, "drop_pct"),
    )


def trend_conditions(result: _Tree) -> Conditions:
    """Return what a run was made with, from its result as JSON.

    Raises:
        RecordError: as `trend_run`.
    """
    rig = _field(result, "rig_info", dict)
    measured = _by_name(_field(result, "judgement", dict), "measurements", "metric")
    duration_min = _value(measured, DURATION)
    return Conditions(
        profile_name=_text(result, "profile_name"),
        profile_sha256=_text(result, "profile_sha256"),
        model_bundle_sha256=_text(result, "model_bundle_sha256"),
        pipeline_sha256=_text(result, "pipeline_sha256"),
        feed=_text(result, "feed"),
        rig=_text(result, "rig"),
        device_class=_text(result, "device_class"),
        stack_sha256=writable(rig.get("stack_sha256") or ""),
        facts=flat_facts(rig.get("facts")),
        hilrig_version=_text(result, "hilrig_version"),
        frame_rate_fps=rate_fps(_value(measured, "frames_offered"), duration_min),
        duration_min=duration_min,
    )


def _p99(check: _Tree | None, measured: Mapping[str, _Tree]) -> tuple[float | None, str]:
    """Return the p99 that a limit refers to, else that of all frames; with why there is none."""
    if check is not None:
        value = _number(check, "observed")
        return value, "" if value is not None else writable(check.get("observed_text") or "not measured")
    value = _value(measured, P99_INCL_DROPS)
    reason = writable(measured.get(P99_INCL_DROPS, {}).get("reason") or "not measured")
    return value, "" if value is not None else reason


def _closest(checks: Mapping[str, _Tree]) -> tuple[str, float | None]:
    """Return the limit with the smallest margin; one that was not measured has none and cannot be it."""
    margins = [
        (margin, check_id)
        for check_id, check in checks.items()
        if (margin := _number(check, "margin_pct")) is not None
        and check.get("status") != CheckStatus.NOT_MEASURED.value
        and check.get("metric") != DURATION
    ]
    margin_pct, check_id = min(margins, default=(None, ""))
    return check_id, margin_pct


def _throttled(judgement: _Tree, measured: Mapping[str, _Tree]) -> tuple[float | None, str]:
    windows = _trees(judgement, "throttle_windows") if "throttle_windows" in judgement else []
    stretches = [(_seconds(window, "begin_s"), _seconds(window, "end_s")) for window in windows]
    known = measured.get(THERMAL, {})
    return throttled_s(stretches, n_events=_value(measured, THERMAL), reason=writable(known.get("reason") or ""))


def _status(judgement: _Tree) -> RunStatus:
    found = judgement.get("status")
    try:
        return RunStatus(found)
    except ValueError as error:
        raise RecordError(f"{RESULT}: 'judgement.status' is {found!r:.40}, no verdict") from error


def _utc_s(text: str) -> float:
    message = f"{RESULT}: 'started_at_utc' is {text!r:.40}, no time with its offset from UTC"
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))  # Python 3.10 does not read the Z
        if moment.tzinfo is None:
            raise RecordError(message)
        return moment.astimezone(timezone.utc).timestamp()
    except (ValueError, OverflowError) as error:
        raise RecordError(message) from error


def _field(tree: _Tree, name: str, kind: type[_T]) -> _T:
    value = tree.get(name)
    if not isinstance(value, kind):
        raise RecordError(f"{RESULT}: '{name}' is missing, or not what it should be")
    return value


def _text(tree: _Tree, name: str) -> str:
    return writable(_field(tree, name, str))


def _trees(tree: _Tree, name: str) -> Sequence[_Tree]:
    found = _field(tree, name, list)
    if not all(isinstance(one, dict) for one in found):
        raise RecordError(f"{RESULT}: '{name}' holds something else than objects")
    return found


def _by_name(tree: _Tree, name: str, key: str) -> dict[str, _Tree]:
    return {_text(one, key): one for one in _trees(tree, name)}


def _value(measured: Mapping[str, _Tree], metric: str) -> float | None:
    return _number(measured[metric], "value") if metric in measured else None


def _seconds(tree: _Tree, name: str) -> float:
    value = _number(tree, name)
    if value is None:
        raise RecordError(f"{RESULT}: a throttle window lacks its '{name}'")
    return value


def _number(tree: _Tree, name: str) -> float | None:
    """Return a finite number; None for null. A NaN is no number, and neither is true."""
    value = tree.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RecordError(f"{RESULT}: '{name}' is {value!r:.40}, not a finite number")
    return float(value)
