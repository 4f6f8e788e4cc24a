"""A summary in Markdown: for a merge request, a mail, `$GITHUB_STEP_SUMMARY`."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from hilrig.core.document import Document
from hilrig.core.units import format_duration
from hilrig.core.verdict import Check, CheckStatus, Judgement, RunStatus, SelfCheck
from hilrig.report.fault_rows import fault_rows
from hilrig.report.power_loss import power_loss_cells
from hilrig.report.values import one_line
from hilrig.report.wording import (
    CANNOT_VOUCH,
    MEANING,
    NO_CHECKS,
    UNSIGNED,
    VERIFY_COMMAND,
    cause_word,
    check_title,
    judged_again,
    limit_text,
    margin_text,
    measured_s,
    observed_text,
    ordered_checks,
    ordered_self_checks,
    status_word,
    tally,
    title,
)

CELL_CHARS_MAX: Final = 300
ROWS_MAX: Final = 60
"""With these two the summary stays under GitHub's limit of 1 MiB, whatever a result holds."""

_MARKS: Final = {
    RunStatus.PASS: "✅",
    RunStatus.FAIL: "❌",
    RunStatus.INCONCLUSIVE: "⚠️",
    CheckStatus.PASS: "✅",
    CheckStatus.FAIL: "❌",
    CheckStatus.INCONCLUSIVE: "⚠️",
    CheckStatus.NOT_MEASURED: "⚠️",
}
_MARKUP: Final = re.compile(r"([\\`*\[\]<>#|~&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//)|(?<=www)\.)")
"""What Markdown reads as markup. An underscore inside a word is none, so check ids stay readable."""


class MarkdownSink:
    """The verdict, the limits, what to do about failed self-checks, how to verify."""

    file_name = "summary.md"

    def render(self, document: Document) -> bytes:
        """Return the summary as UTF-8, under 1 MiB."""
        judgement = document.result.judgement
        parts = [
            _verdict(document),
            _judged_again(document),
            _limits(judgement),
            _causes(judgement),
            _power_loss(judgement),
            _faults(judgement),
            _failed_self_checks(judgement.self_checks),
            _trust(document),
        ]
        return ("\n\n".join(part for part in parts if part) + "\n").encode()


def _verdict(document: Document) -> str:
    result = document.result
    status = result.judgement.status
    seconds = measured_s(result)
    duration = "— no measured part" if seconds is None else f"for {format_duration(seconds)}"
    heading = f"## {_MARKS[status]} {escape(title(result))}: {MEANING[status]}"
    identity = (
        f"Run {escape(result.run_id)} · device class {escape(result.device_class)} · "
        f"model {escape(result.model_bundle_sha256[:8] or 'sha256 not recorded')} · "
        f"measured {escape(duration)} · exit code {result.exit_code} · {tally(result.judgement)}"
    )
    return f"{heading}\n\n**Verdict**: {escape(result.judgement.sentence)}\n\n{identity}"


def _limits(judgement: Judgement) -> str:
    if not judgement.checks:
        return f"**Limits**: {NO_CHECKS}"
    checks = ordered_checks(judgement.checks)
    header = ["| Check | Verdict | Observed | Limit | Margin | n |", "|---|---|--:|--:|--:|--:|"]
    rows = [table_row(_check_cells(check, judgement)) for check in checks[:ROWS_MAX]]
    open_ones = [
        f"- {escape(check_title(check))}: {escape(check.sentence)}"
        for check in checks[:ROWS_MAX]
        if check.status is not CheckStatus.PASS
    ]
    table = "\n".join([*header, *rows]) + _rest(len(checks))
    return f"{table}\n\n" + "\n".join(open_ones) if open_ones else table


def _check_cells(check: Check, judgement: Judgement) -> list[str]:
    return [
        f"{check_title(check)} ({check.check_id})",
        f"{_MARKS[check.status]} {status_word(check.status)}",
        _known(observed_text(check, judgement), check.evidence),
        limit_text(check),
        margin_text(check),
        f"{check.n:,}",
    ]


def _known(observed: str, evidence: str) -> str:
    return f"{observed} ({evidence})" if evidence else observed


def _failed_self_checks(self_checks: Sequence[SelfCheck]) -> str:
    failed = [check for check in ordered_self_checks(self_checks) if not check.ok]
    if not failed:
        return ""
    header = ["| Self-check that does not hold | Observed | Limit | What to do |", "|---|---|---|---|"]
    rows = [
        table_row([f"{check.check_id}: {check.sentence}", check.observed_text, check.limit_text, check.advice])
        for check in failed[:ROWS_MAX]
    ]
    return "\n".join([*header, *rows]) + _rest(len(failed))


def _judged_again(document: Document) -> str:
    source = document.result.judged_from
    return escape(judged_again(source)) if source else ""


def _causes(judgement: Judgement) -> str:
    if not judgement.causes:
        return ""
    header = ["| Why frames were over the limit | Frames | The worst of them |", "|---|--:|---|"]
    rows = [table_row([cause_word(one.cause), f"{one.n_frames:,}", one.evidence]) for one in judgement.causes]
    return "\n".join([*header, *rows])


def _faults(judgement: Judgement) -> str:
    if not judgement.faults:
        return ""
    header = ["| Fault on purpose | Verdict | What was done | Expected | Seen |", "|---|---|---|---|---|"]
    rows = [
        table_row(
            [row.name, f"{_MARKS[row.status] if row.status else ''} {row.word}", row.done, row.expected, row.seen]
        )
        for row in fault_rows(judgement)[:ROWS_MAX]
    ]
    return "\n".join([*header, *rows])


def _power_loss(judgement: Judgement) -> str:
    if judgement.power_loss is None:
        return ""
    header = ["| Power loss | Cuts judged | Survived | Not survived | Calibration |", "|---|--:|--:|--:|---|"]
    return "\n".join([*header, *map(table_row, power_loss_cells(judgement.power_loss))])


def _trust(document: Document) -> str:
    fingerprint = document.signature.key_fingerprint
    if not fingerprint:
        return f"**Signature**: {UNSIGNED}"
    return f"**Signature**: signed with the key {escape(fingerprint)}. {CANNOT_VOUCH} `{VERIFY_COMMAND}`"


def table_row(cells: Iterable[str]) -> str:
    """Return a row of a table from foreign texts."""
    return "| " + " | ".join(escape(cell) or "—" for cell in cells) + " |"


def _rest(n_rows: int) -> str:
    return f"\n\n{n_rows - ROWS_MAX} more rows are in report.html" if n_rows > ROWS_MAX else ""


def escape(text: str) -> str:
    """Return foreign text as Markdown that shows it literally, on one line, cut when it is too long for a cell."""
    line = one_line(text)
    cut = line if len(line) <= CELL_CHARS_MAX else line[: CELL_CHARS_MAX - 1] + "…"
    return _MARKUP.sub(r"\\\1", cut)
