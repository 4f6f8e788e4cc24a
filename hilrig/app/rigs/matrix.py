"""What came of a profile on many rigs, as one folder: the table, its page, JUnit, a summary."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.app.finished.signed_result import SignedResult, read_result_by_any_key
from hilrig.app.folders import keys_folder, make_reports_folder
from hilrig.app.page_file import link_to_report
from hilrig.app.rigs.many_rigs import RigJob, RigOutcome, RigState, RunProcess, run_on_many
from hilrig.app.run.process import SoakProcess
from hilrig.app.run.request import RunRequest, new_run_id
from hilrig.config.noun_json import to_json
from hilrig.config.profile import load_profile
from hilrig.core import files
from hilrig.core.clock import Clock
from hilrig.core.errors import HilrigError, RecordError, UsageError
from hilrig.core.exits import ExitCode
from hilrig.core.matrix import MATRIX, MATRIX_HTML, MATRIX_SCHEMA, Matrix, MatrixCheck, MatrixRow
from hilrig.core.verdict import Judgement
from hilrig.record.run_directory import create, release_reserve, write_atomic
from hilrig.record.utc import utc_text
from hilrig.report.matrix_html import render_matrix
from hilrig.report.matrix_junit import render_matrix_junit
from hilrig.report.matrix_markdown import render_matrix_summary
from hilrig.report.wording import check_title, limit_text, observed_text
from hilrig.verdict.many_runs.matrix import (
    device_classes_of,
    exit_code_of,
    limits_by_class,
    sentence_of,
    warnings_of,
)

NAME_END: Final = "-rigs"
"""Stands behind the profile's name in the folder's: `20261121T053312Z-weld-station-rigs-7f3a0001`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneMatrix:
    """A matrix and the folder that it was written to."""

    folder: Path
    matrix: Matrix


def run_matrix(
    jobs: Sequence[RigJob],
    *,
    max_parallel: int,
    wait_s: float,
    clock: Clock,
    on_states: Callable[[Sequence[RigState]], None],
    start: Callable[[RunRequest], RunProcess] = SoakProcess,
) -> DoneMatrix:
    """Run a profile on some rigs; write what came of them into a folder beside their runs.

    See `run_on_many` for the arguments. All jobs have the same profile, reports folder, operator and note.

    Raises:
        UsageError: two of the rigs are this machine itself, or no rig is given.
        ConfigError: the profile has mistakes.
        RecordError: the folder cannot be written.
    """
    _refuse_one_machine_twice(jobs)
    request = jobs[0].request
    profile = load_profile(request.profile)
    begun_at_utc = utc_text(clock.triple().realtime_ns)
    outcomes = run_on_many(
        jobs, max_parallel=max_parallel, wait_s=wait_s, clock=clock, on_states=on_states, start=start
    )
    matrix_id = new_run_id()
    make_reports_folder(request.reports)
    folder = create(
        request.reports, profile_name=f"{profile.name}{NAME_END}", run_id=matrix_id, started_at_utc=begun_at_utc
    )
    keys = sorted(keys_folder().glob("*.pub"))
    rows = tuple(row_of(outcome, folder=folder, keys=keys) for outcome in outcomes)
    matrix = Matrix(
        schema=MATRIX_SCHEMA,
        matrix_id=matrix_id,
        profile_name=profile.name,
        started_at_utc=begun_at_utc,
        ended_at_utc=utc_text(clock.triple().realtime_ns),
        operator=request.operator,
        note=request.note,
        exit_code=exit_code_of([row.exit_code for row in rows]),
        sentence=sentence_of(rows),
        warnings=tuple(warnings_of(rows)),
        rows=rows,
        device_classes=device_classes_of(rows),
        limits=limits_by_class(rows),
    )
    write_matrix(folder, matrix)
    return DoneMatrix(folder=folder, matrix=matrix)


def row_of(outcome: RigOutcome, *, folder: Path, keys: Sequence[Path]) -> MatrixRow:
    """Return the row of a rig. A result whose signature does not hold is none."""
    if outcome.finished is None:
        return _row_without_verdict(outcome, outcome.error, folder)
    try:
        signed = read_result_by_any_key(outcome.finished.run_dir, keys)
    except HilrigError as error:
        return _row_without_verdict(outcome, error, folder)
    return _row_of_result(outcome.rig.name, signed, exit_code=outcome.finished.exit_code, folder=folder)


def write_matrix(folder: Path, matrix: Matrix) -> None:
    """Write the matrix and its views; the document comes last: a folder without it is unfinished.

    Raises:
        RecordError: the disk is full, or the folder is gone.
    """
    views = {
        MATRIX_HTML: render_matrix(matrix),
        files.JUNIT: render_matrix_junit(matrix),
        files.SUMMARY: render_matrix_summary(matrix),
        MATRIX: to_json(matrix),
    }
    try:
        release_reserve(folder)
        for name, data in views.items():
            write_atomic(folder / name, data)
    except OSError as error:
        raise RecordError(
            f"{folder} cannot be written: {error.strerror}",
            hint=f"the runs are whole: hilrig list --reports {folder.parent}",
        ) from error


def _refuse_one_machine_twice(jobs: Sequence[RigJob]) -> None:
    """Refuse two rigs that are this machine in place: their runs would only wait for each other."""
    here = [job.rig.name for job in jobs if job.rig.work_folder is None]
    if not jobs or len(here) > 1:
        found = f"{' and '.join(here)} are all this machine itself" if jobs else "no rig is given"
        raise UsageError(found, hint="hilrig rigs list, then name each machine once")


def _row_without_verdict(outcome: RigOutcome, error: HilrigError | None, folder: Path) -> MatrixRow:
    run_dir = _run_dir_of(outcome)
    return MatrixRow(
        rig=outcome.rig.name,
        device_class=outcome.rig.device_class,
        status=None,
        exit_code=int(error.exit_code if error else ExitCode.RIG_UNREACHABLE),
        why_not_run=error.message if error else "",
        hint=error.hint if error else "",
        run_dir="" if run_dir is None else os.path.relpath(run_dir, folder),
    )


def _run_dir_of(outcome: RigOutcome) -> Path | None:
    """Return the run directory, also of a run that was begun and lost."""
    if outcome.finished is not None:
        return outcome.finished.run_dir
    found = outcome.status.get("run_dir")
    return Path(found) if found and Path(found).is_dir() else None


def _row_of_result(rig: str, signed: SignedResult, *, exit_code: int, folder: Path) -> MatrixRow:
    result = signed.result
    measured = {one.metric: one.value for one in result.judgement.measurements}
    return MatrixRow(
        rig=rig,
        device_class=result.device_class,
        status=result.judgement.status,
        exit_code=exit_code,
        sentence=result.judgement.sentence,
        run_id=result.run_id,
        run_dir=os.path.relpath(signed.run_dir, folder),
        report=link_to_report(signed.run_dir, folder / MATRIX_HTML),
        started_at_utc=result.started_at_utc,
        p50_ms=measured.get("latency_p50_ms"),
        p95_ms=measured.get("latency_p95_ms"),
        p99_ms=measured.get("latency_p99_ms"),
        checks=_checks(result.judgement),
        self_checks_failed=tuple(check.check_id for check in result.judgement.self_checks if not check.ok),
        profile_sha256=result.profile_sha256,
        model_bundle_sha256=result.model_bundle_sha256,
        hilrig_version=result.hilrig_version,
        result_sha256=signed.result_sha256,
        key_fingerprint=signed.key_fingerprint,
        is_key_known=signed.is_key_known,
    )


def _checks(judgement: Judgement) -> tuple[MatrixCheck, ...]:
    return tuple(
        MatrixCheck(
            check_id=check.check_id,
            title=check_title(check),
            status=check.status,
            comparator=check.comparator,
            limit=check.limit,
            limit_text=limit_text(check),
            unit=check.unit,
            observed=check.observed,
            observed_text=observed_text(check, judgement),
            margin_pct=check.margin_pct,
        )
        for check in judgement.checks
    )
