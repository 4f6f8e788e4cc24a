"""A finished run as a live view shows it: the verdict takes the place of what was known so far."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from hilrig.app.foreign_text import one_line
from hilrig.core.errors import RecordError
from hilrig.core.files import RESULT
from hilrig.core.live import LiveLimit, LiveRun, LiveState, Standing
from hilrig.core.verdict import CheckStatus, RunStatus

STANDING_OF: Final = {CheckStatus.PASS.value: Standing.WITHIN, CheckStatus.FAIL.value: Standing.BROKEN}


def finished(run: LiveRun, result: Mapping[str, Any]) -> LiveRun:
    """Return the run with its verdict.

    Args:
        run: how it was seen last.
        result: result.json.

    Raises:
        RecordError: result.json is none of hilrig's.
    """
    try:
        judgement = result["judgement"]
        values = {one["metric"]: one["value"] for one in judgement["measurements"]}
        return replace(
            run,
            state=LiveState.FINISHED,
            phase="done",
            heartbeat_age_s=None,
            eta_s=None,
            whole_p50_ms=values.get("latency_p50_ms"),
            whole_p95_ms=values.get("latency_p95_ms"),
            whole_p99_ms=values.get("latency_p99_ms"),
            limits=tuple(_judged(check, run) for check in judgement["checks"]),
            disk_needed_mib=None,
            if_stopped_now="",
            status=RunStatus(judgement["status"]),
            sentence=one_line(judgement["sentence"]),
            exit_code=int(result["exit_code"]),
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"{run.run_dir / RESULT} is none that hilrig writes: {error}") from error


def _judged(check: Mapping[str, Any], run: LiveRun) -> LiveLimit:
    before = {limit.check_id: limit for limit in run.limits}.get(check["check_id"])
    return LiveLimit(
        check_id=check["check_id"],
        title=before.title if before else check["metric"],
        comparator=check["comparator"],
        limit=check["limit"],
        unit=check["unit"],
        now=None,
        whole=check["observed"],
        standing=STANDING_OF.get(check["status"], Standing.UNKNOWN),
        budget_left_pct=before.budget_left_pct if before else None,
        text=one_line(check["sentence"]),
    )
