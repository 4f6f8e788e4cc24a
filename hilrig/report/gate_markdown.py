"""A gate's decisions as a forge shows them.

In Markdown for a merge request, a mail, `$GITHUB_STEP_SUMMARY`; and as annotations.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from hilrig.core.gate import GateOutcome, ItemOutcome, ItemStatus
from hilrig.core.verdict import CheckStatus
from hilrig.report.markdown import escape, table_row
from hilrig.report.values import one_line

_MARKS: Final = {
    ItemStatus.PASS: "✅",
    ItemStatus.FAIL: "❌",
    ItemStatus.NOT_MEASURED: "❔",
    ItemStatus.WAIVED: "⚠️",
}
_COMMAND_ESCAPES: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})
"""Of a workflow command's properties; its message needs the first three (GitHub: workflow commands)."""


def render_gate_summary(release: str, outcomes: Sequence[GateOutcome]) -> bytes:
    """Return the summary as UTF-8: a table of every item for each device class."""
    return ("\n\n".join(part for outcome in outcomes for part in _parts(release, outcome)) + "\n").encode()


def gate_annotations(outcomes: Sequence[GateOutcome]) -> Iterator[str]:
    """Yield a workflow command for each item that is not shown, and for approvals that are missing."""
    for outcome in outcomes:
        for item in outcome.items:
            if item.status in (ItemStatus.FAIL, ItemStatus.NOT_MEASURED):
                yield _command(f"{item.item_id} ({item.owner}), {outcome.device_class}", open_words(item))
        for need in outcome.approvals:
            if not need.is_met:
                words = f"{len(set(need.given_by))} of {need.n} people of the role {need.role} approved"
                yield _command(f"approval {need.when.value}, {outcome.device_class}", words)


def open_words(item: ItemOutcome) -> str:
    """Return what keeps an item from being shown, in the words of its checks; empty where nothing does."""
    answers = [answer for _, answer in item.answers if answer.status is not CheckStatus.PASS]
    return "; ".join(answer.sentence for answer in answers)


def _parts(release: str, outcome: GateOutcome) -> Iterator[str]:
    word = "PASSED" if outcome.passed else "FAILED"
    yield f"## {escape(release)} for {escape(outcome.device_class)}: {word}"
    yield escape(outcome.sentence)
    header = "| Item | Owner | Status | What is open |\n|---|---|---|---|"
    yield "\n".join([header, *(table_row(_cells(item)) for item in outcome.items)])
    for need in outcome.approvals:
        given = ", ".join(f"`{escape(key)}`" for key in sorted(set(need.given_by))) or "nobody"
        yield f"Approval by {need.n} of the role {escape(need.role)} ({need.when.value}): {given}"


def _cells(item: ItemOutcome) -> list[str]:
    status = f"{_MARKS[item.status]} {item.status.value}"
    waived = f" (waived by {item.waived_by})" if item.waived_by else ""
    return [escape(item.item_id), escape(item.owner), status, escape(open_words(item) + waived)]


def _command(title: str, message: str) -> str:
    text = one_line(message).replace("%", "%25")
    return f"::error title={one_line(title).translate(_COMMAND_ESCAPES)}::{text}"
