"""The faults of a drill as rows of a table.

The page has that table and so has the summary.
"""

from dataclasses import dataclass
from typing import Final

from hilrig.core.verdict import CheckStatus, Judgement
from hilrig.report.values import one_line
from hilrig.report.wording import status_word

_WORST_FIRST: Final = (CheckStatus.FAIL, CheckStatus.NOT_MEASURED, CheckStatus.INCONCLUSIVE, CheckStatus.PASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRow:
    """One fault in words; `status` is the worst of its checks, None where no limit is held against it."""

    name: str
    when: str
    done: str
    expected: str
    seen: str
    status: CheckStatus | None
    word: str


def fault_rows(judgement: Judgement) -> list[FaultRow]:
    """Return the faults in the order in which they happened."""
    rows = []
    for fault in judgement.faults:
        prefix = f"faults.{fault.name}."
        found = {check.status for check in judgement.checks if check.check_id.startswith(prefix)}
        status = next((one for one in _WORST_FIRST if one in found), None)
        rows.append(
            FaultRow(
                name=one_line(f"{fault.name} ({fault.kind.value})"),
                when="—" if fault.begin_s is None else f"{fault.begin_s:.1f} s",
                done=one_line(fault.done),
                expected=one_line(fault.expected),
                seen=one_line(fault.seen),
                status=status,
                word="not judged" if status is None else status_word(status),
            )
        )
    return rows
