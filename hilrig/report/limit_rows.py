"""The limits as rows of the page, with the lines of the error budgets under them."""

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from hilrig.core.analysis import Budget
from hilrig.core.baseline import Baseline
from hilrig.core.verdict import Check, Judgement
from hilrig.report.anchors import profile_line, section_of
from hilrig.report.baseline_words import Beside, beside
from hilrig.report.margin_svg import budget_bar, margin_bar
from hilrig.report.values import number, one_line
from hilrig.report.wording import (
    check_title,
    interval_text,
    limit_text,
    limit_value,
    margin_text,
    needed_text,
    observed_text,
    ordered_checks,
    status_word,
)

_USES: Final = {"drop_pct": "be dropped", "failed_pct": "fail"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRow:
    """One limit in words.

    Args:
        check: as it was judged.
        section: id of the section that shows what it is about.
        line: of the profile on this page, where the limit is written; None where the page has no such line.
        baseline: None without one.
    """

    check: Check
    title: str
    word: str
    section: str
    line: int | None
    observed: str
    bounds: str
    limit: str
    margin: str
    bar: Markup
    needed: str
    baseline: Beside | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """How much of an error budget is used, in words and as a bar."""

    title: str
    text: str
    is_over: bool
    bar: Markup


def limit_rows(judgement: Judgement, *, baseline: Baseline | None, n_profile_lines: int) -> list[LimitRow]:
    """Return the limits in the order of reading: failed first, then by margin."""
    return [
        LimitRow(
            check=check,
            title=check_title(check),
            word=status_word(check.status),
            section=section_of(check),
            line=profile_line(check.source, n_profile_lines),
            observed=observed_text(check, judgement),
            bounds=_bounds(check),
            limit=limit_text(check),
            margin=margin_text(check),
            bar=margin_bar(check),
            needed=needed_text(check),
            baseline=beside(check, baseline) if baseline else None,
        )
        for check in ordered_checks(judgement.checks)
    ]


def _bounds(check: Check) -> str:
    """Return the 99 % bounds; empty for a number that was counted, which has none."""
    return "" if check.lower is None and check.upper is None else interval_text(check)


def budget_rows(judgement: Judgement) -> list[BudgetRow]:
    """Return the budgets in the order of the limits' rows; one whose limit is not there comes last."""
    checks = ordered_checks(judgement.checks)
    order = [check.check_id for check in checks]
    by_id = {check.check_id: check for check in checks}
    placed = sorted(judgement.budgets, key=lambda one: order.index(one.check_id) if one.check_id in order else 1e9)
    return [_budget_row(budget, by_id.get(budget.check_id)) for budget in placed]


def _budget_row(budget: Budget, check: Check | None) -> BudgetRow:
    n_used = budget.n_used[-1] if budget.n_used else 0
    use = "break it" if check is None else _USES.get(check.metric, f"be over {limit_value(check)}")
    share = f" ({n_used * 100 // budget.n_allowed} %)" if budget.n_allowed else ""
    return BudgetRow(
        title=one_line(budget.check_id) if check is None else check_title(check),
        text=one_line(
            f"{number(budget.n_allowed)} of {number(budget.n_measured)} frames may {use}; "
            f"used {number(n_used)}{share}"
        ),
        is_over=n_used > budget.n_allowed,
        bar=budget_bar(budget),
    )
