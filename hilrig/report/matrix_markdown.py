"""The summary of one profile on many rigs in Markdown: for a merge request, a mail, `$GITHUB_STEP_SUMMARY`."""

from typing import Final

from hilrig.core.matrix import Matrix, MatrixRow
from hilrig.core.verdict import RunStatus
from hilrig.report.markdown import escape, table_row
from hilrig.report.matrix_html import closest, margin, row_word
from hilrig.report.values import quantity

ROWS_MAX: Final = 200
"""With cells of 300 characters at most the summary stays under GitHub's limit of 1 MiB."""

_MARKS: Final = {RunStatus.PASS: "✅", RunStatus.FAIL: "❌"}


def render_matrix_summary(matrix: Matrix) -> bytes:
    """Return the summary as UTF-8, under 1 MiB."""
    heading = f"## {escape(matrix.profile_name)} on {len(matrix.rows)} rigs: exit code {matrix.exit_code}"
    header = "| Rig | Class | Verdict | p99 | Closest limit | Run |\n|---|---|---|--:|--:|---|"
    rows = [table_row(_cells(row)) for row in matrix.rows[:ROWS_MAX]]
    hidden = len(matrix.rows) - ROWS_MAX
    parts = [
        heading,
        escape(matrix.sentence),
        *(f"**Warning**: {escape(warning)}" for warning in matrix.warnings),
        "\n".join([header, *rows]),
        f"{hidden} more rigs are in index.html" if hidden > 0 else "",
        "This table is not signed. Each rig's own result is: `hilrig verify RUN`",
    ]
    return ("\n\n".join(part for part in parts if part) + "\n").encode()


def _cells(row: MatrixRow) -> list[str]:
    near = closest(row)
    why = row.sentence or row.why_not_run
    mark = _MARKS.get(row.status, "⚠️") if row.status else "⚠️"
    return [
        row.rig,
        row.device_class,
        f"{mark} {row_word(row)}. {why}",
        quantity(row.p99_ms, "ms", "no verdict" if row.status is None else ""),
        f"{margin(near)} ({near.title})" if near else "— no margin",
        row.run_dir,
    ]
