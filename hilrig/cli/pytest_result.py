"""What a test gets of a run.

A test may hold it against limits besides the profile's own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from hilrig.config.limit_model import HilValidationKeys, Holds, held_by
from hilrig.core.profile import Comparator
from hilrig.core.verdict import Check, CheckStatus, Measurement, RunStatus

if TYPE_CHECKING:
    from hilrig.app.finished.signed_result import SignedResult

UNDECIDED: Final = ("frames_dropped", "frames_failed")
"""Frames that never got a decision: a percentile of the others says nothing about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A finished run.

    Args:
        status: PASS, FAIL or INCONCLUSIVE.
        sentence: the verdict, for a person.
        exit_code: what `hilrig run` would have ended with.
        rig: the rig's name. `device_class` is what it was judged as.
        checks: every limit of the profile by its id, `latency.p99_max_ms`, with observed and limit in its unit.
        measurements: every number of the run by its metric's name; its value is None where it was not measured.
        key_fingerprint: of the key that signed the result.
    """

    status: str
    sentence: str
    exit_code: int
    run_dir: Path
    rig: str
    device_class: str
    checks: Mapping[str, Check]
    measurements: Mapping[str, Measurement]
    key_fingerprint: str

    @property
    def p99_ms(self) -> float | None:
        """Return the p99 of the latency of decided frames, in ms; None when it was not measured."""
        found = self.measurements.get("latency_p99_ms")
        return found.value if found else None

    def assert_passed(self) -> None:
        """Raise AssertionError with the verdict's sentence and the checks that do not pass, unless it is PASS.

        Raises:
            AssertionError: the verdict is another, or the run was ended early.
        """
        __tracebackhide__ = True
        if self.status == RunStatus.PASS.value and self.exit_code == 0:
            return
        raise AssertionError(self.in_words())

    def in_words(self) -> str:
        """Return the verdict with its sentence, the checks that do not pass, and where the report is."""
        open_ones = [check for check in self.checks.values() if check.status is not CheckStatus.PASS]
        return "\n".join(
            [
                f"{self.status} on {self.rig} ({self.device_class}), exit code {self.exit_code}: {self.sentence}",
                *(f"  {check.status.value}  {check.check_id}: {check.sentence}" for check in open_ones),
                f"  report: {self.run_dir / 'report.html'}",
            ]
        )


def result_of(signed: "SignedResult", *, exit_code: int) -> RunResult:
    """Return what a test gets of a finished run."""
    judgement = signed.result.judgement
    return RunResult(
        status=judgement.status.value,
        sentence=judgement.sentence,
        exit_code=exit_code,
        run_dir=signed.run_dir,
        rig=signed.result.rig,
        device_class=signed.result.device_class,
        checks={check.check_id: check for check in judgement.checks},
        measurements={one.metric: one for one in judgement.measurements},
        key_fingerprint=signed.key_fingerprint,
    )


def known_limits() -> Mapping[str, Holds]:
    """Return every limit by the names that a test may call it.

    These are the id of its check (`latency.p99_max_ms`), the same with an underscore so that it can name an
    argument, and the name of its metric (`latency_p99_ms`).
    """
    names: dict[str, Holds] = {}
    for block, path, holds in _holds():
        for name in (f"{block}.{path}", f"{block}_{path}", holds.metric):
            names.setdefault(name, holds)
    return names


def _holds() -> Iterator[tuple[str, str, Holds]]:
    for block, field in HilValidationKeys.model_fields.items():
        kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if hasattr(kind, "model_fields")]
        for name, key in kinds[0].model_fields.items():
            holds = held_by(key)
            if holds is not None:
                yield block, name, holds


def beyond(result: RunResult, limits: Mapping[str, Any]) -> list[str]:
    """Return in words which of the limits the run does not hold; what was not measured is not held.

    The observed number counts, without the 99 % bound that the profile's own limits are judged with: such a limit
    may only add to a verdict.

    Args:
        result: the run.
        limits: by a name of `known_limits`, in the unit of that name.
    """
    known = known_limits()
    return [text for name, value in limits.items() if (text := _excess(result, name, known[name], value))]


def _excess(result: RunResult, name: str, holds: Holds, value: Any) -> str:
    limit = holds.limit(value)
    if limit is None:
        return ""
    observed, reason = _observed(result, holds.metric)
    if observed is None:
        return f"{name}: limit {value}, {reason}"
    is_held = observed <= limit if holds.comparator is Comparator.LE else observed >= limit
    return "" if is_held else f"{name}: observed {observed:.6g}, limit {holds.comparator.value} {limit:.6g}"


def _observed(result: RunResult, metric: str) -> tuple[float | None, str]:
    """Return what was observed, or None and why: by the profile's own limit where it has one."""
    check = next((one for one in result.checks.values() if one.metric == metric), None)
    if check is not None:
        return check.observed, check.observed_text or "not measured"
    found = result.measurements.get(metric)
    if found is None or found.value is None:
        return None, f"not measured: {found.reason if found and found.reason else 'this run has no such number'}"
    if metric.startswith("latency_p") and not _is_all_decided(result):
        return (
            None,
            "infinite or unknown: frames were never decided, and the profile has no limit on this percentile",
        )
    return found.value, ""


def _is_all_decided(result: RunResult) -> bool:
    return all(name in result.measurements and result.measurements[name].value == 0 for name in UNDECIDED)
