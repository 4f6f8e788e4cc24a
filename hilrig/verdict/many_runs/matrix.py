"""Several rigs together: one exit code, one sentence, each limit beside the device classes."""

from collections.abc import Iterator, Sequence
from typing import Final

from hilrig.core.exits import ExitCode
from hilrig.core.matrix import ClassCell, ClassLimit, MatrixCheck, MatrixRow
from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.verdict.wording import counted

MOST_TELLING_FIRST: Final = (
    ExitCode.FAIL,
    ExitCode.INCONCLUSIVE,
    ExitCode.ABORTED,
    ExitCode.USAGE,
    ExitCode.TRUST,
    ExitCode.PRECONDITION,
    ExitCode.RIG_UNREACHABLE,
    ExitCode.RIG_BUSY,
)
"""Which of several rigs' codes is that of all: what the model did comes before what the lab did, and what a person
has to put right before what time alone may."""

_WORST_FIRST: Final = (CheckStatus.FAIL, CheckStatus.NOT_MEASURED, CheckStatus.INCONCLUSIVE, CheckStatus.PASS)


def exit_code_of(codes: Sequence[int]) -> int:
    """Return one exit code for several rigs: 0 only if there are any and each has 0."""
    if not codes:
        return ExitCode.USAGE
    for code in MOST_TELLING_FIRST:
        if code in codes:
            return code
    return max(codes)


def sentence_of(rows: Sequence[MatrixRow]) -> str:
    """Return in words what came of the rigs, as in `2 of 4 rigs PASS, 1 FAIL, 1 without a verdict`."""
    n_passed = sum(row.status is RunStatus.PASS for row in rows)
    parts = [f"{n_passed} of {counted(len(rows), 'rig')} PASS"]
    for status in (RunStatus.FAIL, RunStatus.INCONCLUSIVE):
        n_rows = sum(row.status is status for row in rows)
        parts += [f"{n_rows} {status.value}"] if n_rows else []
    n_open = sum(row.status is None for row in rows)
    parts += [f"{n_open} without a verdict"] if n_open else []
    return ", ".join(parts) + "."


def warnings_of(rows: Sequence[MatrixRow]) -> Iterator[str]:
    """Yield why rows answer different questions: all were given the same profile, so nothing of it may differ."""
    for what, values in (
        ("profile", {row.profile_sha256 for row in rows if row.profile_sha256}),
        ("model", {row.model_bundle_sha256 for row in rows if row.model_bundle_sha256}),
        ("version of hilrig", {row.hilrig_version for row in rows if row.hilrig_version}),
    ):
        if len(values) > 1:
            yield f"The {what} is not the same on all rigs: it was changed while they ran. Run them again."


def device_classes_of(rows: Sequence[MatrixRow]) -> tuple[str, ...]:
    """Return the device classes of the rows, each once, in the order of the rows."""
    return tuple(dict.fromkeys(row.device_class for row in rows))


def limits_by_class(rows: Sequence[MatrixRow]) -> tuple[ClassLimit, ...]:
    """Return each limit that any rig was held against, beside the device classes."""
    first: dict[str, MatrixCheck] = {}
    for row in rows:
        for check in row.checks:
            first.setdefault(check.check_id, check)
    classes = device_classes_of(rows)
    return tuple(
        ClassLimit(
            check_id=check_id,
            title=check.title,
            limit_texts=tuple(
                dict.fromkeys(one.limit_text for row in rows for one in row.checks if one.check_id == check_id)
            ),
            cells=tuple(_cell(check_id, [row for row in rows if row.device_class == name]) for name in classes),
        )
        for check_id, check in first.items()
    )


def _cell(check_id: str, rows: Sequence[MatrixRow]) -> ClassCell:
    judged = [(row.rig, check) for row in rows for check in row.checks if check.check_id == check_id]
    if not judged:
        return ClassCell(n_rigs=len(rows), n_judged=0, n_passed=0, status=None, worst_rig="", worst=None)
    rig, worst = min(judged, key=lambda one: _badness(one[1]))
    return ClassCell(
        n_rigs=len(rows),
        n_judged=len(judged),
        n_passed=sum(check.status is CheckStatus.PASS for _, check in judged),
        status=worst.status,
        worst_rig=rig,
        worst=worst,
    )


def _badness(check: MatrixCheck) -> tuple[int, bool, float]:
    """Return a key that is smallest for the worst check; no margin at all (infinite, not measured) is worst."""
    margin_pct = check.margin_pct
    return _WORST_FIRST.index(check.status), margin_pct is not None, margin_pct or 0.0
