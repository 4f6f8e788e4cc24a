"""The page of one profile on many rigs: a row for each rig, each limit beside the device classes."""

from collections.abc import Mapping
from typing import Final

from hilrig.core.exits import ExitCode
from hilrig.core.matrix import ClassCell, Matrix, MatrixCheck, MatrixRow
from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.report.page import render_page
from hilrig.report.values import number

_LEVELS: Final[Mapping[int, str]] = {ExitCode.OK: "pass", ExitCode.FAIL: "fail"}
_WORDS: Final[Mapping[int, str]] = {
    ExitCode.OK: "PASS",
    ExitCode.FAIL: "FAIL",
    ExitCode.INCONCLUSIVE: "INCONCLUSIVE",
    ExitCode.ABORTED: "ABORTED",
}
_NO_VERDICT: Final = "NO VERDICT"
_ROW_LEVELS: Final[Mapping[RunStatus | None, str]] = {RunStatus.PASS: "pass", RunStatus.FAIL: "fail"}
_CHECK_LEVELS: Final = {CheckStatus.PASS: "pass", CheckStatus.FAIL: "fail"}

NOT_RUN: Final[Mapping[int, str]] = {
    ExitCode.USAGE: "not run: a mistake in what was asked",
    ExitCode.ABORTED: "ended by the operator",
    ExitCode.RIG_BUSY: "not run: busy",
    ExitCode.RIG_UNREACHABLE: "no result: unreachable or lost",
    ExitCode.PRECONDITION: "not run: cannot do what the profile asks",
    ExitCode.TRUST: "no result to rely on",
}
"""Why a rig has no verdict, in words, by the exit code of its run."""


def render_matrix(matrix: Matrix) -> bytes:
    """Return the page as UTF-8."""
    return render_page(
        "matrix.html.j2",
        styles=("report.css", "search.css", "runs.css"),
        level=_LEVELS.get(matrix.exit_code, "open"),
        matrix=matrix,
        word=_WORDS.get(matrix.exit_code, _NO_VERDICT),
        row_word=row_word,
        row_level=lambda row: _ROW_LEVELS.get(row.status, "open"),
        check_level=lambda status: _CHECK_LEVELS.get(status, "open"),
        closest=closest,
        margin=margin,
        tally=_tally,
    )


def row_word(row: MatrixRow) -> str:
    """Return the verdict on a rig, or why there is none, in a few words."""
    if row.status is None:
        return NOT_RUN.get(row.exit_code, "no verdict")
    return row.status.value if row.exit_code != ExitCode.ABORTED else f"{row.status.value}, ended by the operator"


def closest(row: MatrixRow) -> MatrixCheck | None:
    """Return the limit with the smallest margin, the measured time left out; None where no margin is known."""
    known = [check for check in row.checks if check.margin_pct is not None and check.unit != "min"]
    return min(known, key=lambda check: check.margin_pct or 0.0, default=None)


def margin(check: MatrixCheck) -> str:
    """Return how far inside or beyond its limit an observation is, in per cent of the limit."""
    if check.margin_pct is None:
        return "— no margin"
    return f"{number(abs(check.margin_pct))} % {'inside' if check.margin_pct >= 0 else 'beyond'}"


def _tally(cell: ClassCell) -> str:
    """Return how many rigs of a class pass a limit and how many nobody knows of; empty where one says it all."""
    passed = f"{cell.n_passed} of {cell.n_judged} pass, the worst is {cell.worst_rig}" if cell.n_judged > 1 else ""
    n_open = cell.n_rigs - cell.n_judged
    unknown = f"{n_open} of {cell.n_rigs} rigs without a verdict" if n_open else ""
    return "; ".join(part for part in (passed, unknown) if part)
