"""Writes the pages in docs/playbooks.

They are the four playbooks, and the page of every code that hilrig prints.

`python -m hilrig.app.triage.playbook_pages docs/playbooks`
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from hilrig.app.triage.explain import topics
from hilrig.core.log_keys import EVERY_LINE, MEASURED_KEYS, STANDARD_KEYS
from hilrig.gate.playbooks.catalog import CATALOG
from hilrig.gate.playbooks.page import MADE, playbook_page


def pages() -> Mapping[str, str]:
    """Return every page by its file name."""
    books = {f"{name}.md": playbook_page(book) for name, (book, _) in CATALOG.items()}
    return {**books, "error-codes.md": "\n".join(_code_lines()) + "\n"}


def _code_lines() -> Iterator[str]:
    yield from (
        "# Codes, exit codes, self-checks, causes",
        "",
        MADE,
        "",
        "`hilrig explain WORD` says the same.",
        "",
    )
    yield from ("## Error codes", "Of the node's log lines and status.", "")
    yield from _table("error code")
    yield from (
        "",
        "## PLC",
        "HR-401, HR-402. The heartbeat (register 0) stands still while the PLC does not answer:",
    )
    yield "let a part pass on decision 1 only. Check cable, address, unit, base register (docs/node.md)."
    yield from ("", "## Exit codes", "")
    yield from _table("exit code")
    yield from ("", "## Self-checks", "One that is not ok makes a run INCONCLUSIVE: never the model's fault.", "")
    yield from _table("self-check")
    yield from ("", "## Causes of slow frames", "")
    yield from _table("cause of slow frames")
    yield from (
        "",
        "## Log keys",
        f"Every line has `{'`, `'.join(EVERY_LINE)}`, empty or null where that is not known.",
    )
    yield f"`service.serving` and, each minute, `service.window` know `{'`, `'.join(MEASURED_KEYS)}`."
    yield f"The {len(STANDARD_KEYS)} standard keys: `{'`, `'.join(STANDARD_KEYS)}`."


def _table(kind: str) -> Iterator[str]:
    yield from ("| name | owner | meaning | section | next step |", "|---|---|---|---|---|")
    for topic in topics().values():
        if topic.kind == kind:
            where = topic.section.removeprefix("playbooks/")
            yield f"| {topic.name} | {topic.owner} | {topic.meaning} | [{where}]({where}) | {topic.next_step} |"


if __name__ == "__main__":
    for file_name, text in pages().items():
        (Path(sys.argv[1]) / file_name).write_text(text, encoding="utf-8")
