"""A profile with a block `arrivals`, and what is said of its mistakes."""

from hilrig.core.errors import Problem

BLOCK = "queue: {depth: 4, on_full: drop_oldest}\n"


def stated(block: str) -> tuple[str, str]:
    """Return the change that puts an `arrivals` block at line 23 of the good profile."""
    return BLOCK, f"arrivals: {block}\n{BLOCK}"


def messages(problems: list[Problem]) -> list[str]:
    return [f"{problem.line}:{problem.column} {problem.message} | {problem.hint}" for problem in problems]
