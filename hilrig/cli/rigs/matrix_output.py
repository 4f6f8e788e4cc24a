"""What came of several rigs, on the terminal or as JSON."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilrig.cli.output import next_steps, say, word
from hilrig.cli.verdict_output import shown_path

if TYPE_CHECKING:
    from hilrig.core.matrix import Matrix, MatrixRow


def show_matrix(folder: Path, matrix: "Matrix") -> None:
    """Print a line for each rig, where the report is and what to type next."""
    say(f"{matrix.profile_name} on {len(matrix.rows)} {'rig' if len(matrix.rows) == 1 else 'rigs'}")
    say(f"  {matrix.sentence}")
    for warning in matrix.warnings:
        say(f"  warning: {warning}")
    say()
    width = max(len(row.rig) for row in matrix.rows)
    for row in matrix.rows:
        say(f"  {_status(row)}  {row.rig:<{width}}  {row.device_class}  {_p99(row)}")
        say(f"  {'':13}  {row.sentence or row.why_not_run}")
    say()
    say(f"report      {shown_path(folder / 'index.html')}")
    next_steps(*_next(folder, matrix))


def matrix_json(folder: Path, matrix: "Matrix") -> dict[str, Any]:
    """Return the matrix as the one JSON object of the command, with its folder."""
    from json import loads

    from hilrig.config.noun_json import to_json

    return {"folder": str(folder), **loads(to_json(matrix))}


def _status(row: "MatrixRow") -> str:
    return word(row.status.value, width=13) if row.status else f"{f'exit {row.exit_code}':<13}"


def _p99(row: "MatrixRow") -> str:
    return "" if row.p99_ms is None else f"p99 {row.p99_ms:.1f} ms"


def _next(folder: Path, matrix: "Matrix") -> list[str]:
    """Return the first hint of a rig without a verdict, and how to verify the first that has one."""
    hints = [row.hint for row in matrix.rows if row.status is None and row.hint][:1]
    judged = [folder / row.run_dir for row in matrix.rows if row.result_sha256][:1]
    return [*hints, *(f"hilrig verify {shown_path(path.resolve())}" for path in judged)] or ["hilrig rigs list"]
