"""Finished runs beside each other, once their signatures have been looked at."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hilrig.app.finished.signed_result import SignedResult, read_result_by_any_key
from hilrig.app.page_file import link_to_report
from hilrig.config.profile import PROFILE_FILE
from hilrig.core import files
from hilrig.core.errors import UsageError
from hilrig.core.side_by_side import ComparedRun, SideBySide
from hilrig.verdict.many_runs.conditions import conditions_of_result, writable
from hilrig.verdict.many_runs.side_by_side import side_by_side

RUNS_MIN: Final = 2
RUNS_MAX: Final = 8
"""As many colours as a chart has; a table with more columns is read by nobody."""

LABELS: Final = "ABCDEFGH"


def compare_runs(run_dirs: Sequence[Path], *, keys: Sequence[Path], page: Path | None = None) -> SideBySide:
    """Return two to eight finished runs beside each other; the first one is what the others are held against.

    Args:
        run_dirs: finished runs, each another one.
        keys: files of the public keys whose signatures are checked.
        page: where the page of this comparison will lie, for its links; None for no page.

    Raises:
        UsageError: one or more than eight are given, one is given twice, or one is a profile.
        RecordError: one is no run directory. PreconditionError: one is unfinished.
        TrustError: a run's signature does not hold. One by a key that is not among `keys` is no error: the run
            says so.
    """
    _refuse_other_number(run_dirs)
    for path in run_dirs:
        _refuse_profile(path, run_dirs)
    found = [read_result_by_any_key(path, keys) for path in run_dirs]
    _refuse_twins(found)
    runs = [_compared(label, signed, page) for label, signed in zip(LABELS, found, strict=False)]
    return side_by_side(runs, [signed.result.judgement for signed in found])


def _refuse_other_number(run_dirs: Sequence[Path]) -> None:
    if not RUNS_MIN <= len(run_dirs) <= RUNS_MAX:
        raise UsageError(
            f"{len(run_dirs)} given; expected {RUNS_MIN} to {RUNS_MAX} finished runs",
            hint="hilrig list, then: hilrig compare RUN RUN",
        )


def _refuse_profile(path: Path, run_dirs: Sequence[Path]) -> None:
    """Refuse a profile with the command that compares profiles."""
    is_folder_of_profile = (path / PROFILE_FILE).is_file() and not (path / files.PLAN).exists()
    if is_folder_of_profile or (path.is_file() and path.suffix in {".yaml", ".yml"}):
        shown = " ".join(str(one) for one in run_dirs[:RUNS_MIN])
        raise UsageError(
            f"{path} is a profile, not a finished run; two profiles are compared by running them in turns",
            hint=f"hilrig compare --interleaved {shown}",
        )


def _refuse_twins(found: Sequence[SignedResult]) -> None:
    by_id: dict[str, Path] = {}
    for signed in found:
        twin = by_id.setdefault(signed.result.run_id, signed.run_dir)
        if twin is not signed.run_dir:
            raise UsageError(
                f"{twin} and {signed.run_dir} are the same run, {signed.result.run_id}", hint="hilrig list"
            )


def _compared(label: str, signed: SignedResult, page: Path | None) -> ComparedRun:
    result = signed.result
    return ComparedRun(
        label=label,
        path=writable(signed.run_dir),
        run_id=result.run_id,
        started_at_utc=result.started_at_utc,
        status=result.judgement.status,
        sentence=result.judgement.sentence,
        ended=result.ended,
        result_sha256=signed.result_sha256,
        key_fingerprint=signed.key_fingerprint,
        is_key_known=signed.is_key_known,
        conditions=conditions_of_result(result),
        report="" if page is None else link_to_report(signed.run_dir, page),
    )
