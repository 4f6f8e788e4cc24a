"""A playbook as a page, for whoever has no hilrig at hand: the same data, so that the two cannot differ."""

from collections.abc import Iterator

from hilrig.core.playbook import Playbook

MADE: str = (
    "<!-- made from hilrig/gate/playbooks by `python -m hilrig.app.triage.playbook_pages`; change it there -->"
)


def playbook_page(book: Playbook) -> str:
    """Return the Markdown page of a playbook."""
    return "\n".join(_lines(book)) + "\n"


def _lines(book: Playbook) -> Iterator[str]:
    yield from (f"# {book.title}", "", MADE, "")
    yield from (
        f"`hilrig triage SUBJECT --playbook {book.playbook_id}` does the steps below and ranks the causes.",
        "",
    )
    yield from ("## Symptom", book.symptom, "", "## Impact", book.impact, "", "## Immediate mitigations")
    yield from (f"- {one}" for one in book.mitigations)
    yield from (
        "",
        "## Diagnostics",
        "In this order. SUSPECT: a signal was found. UNKNOWN: collect what is named.",
    )
    for number, step in enumerate(book.diagnostics, 1):
        yield from ("", f"### {step.step_id}", f"Step {number}: {step.title}.", f"Look at {step.look_at}")
        yield f"Nothing to look at: {step.collect}."
    yield from (
        "",
        "## Root cause candidates",
        "| cause | owner | confirming signals | resolution |",
        "|---|---|---|---|",
    )
    for cause in book.causes:
        signals = "; ".join(f"`{one}`: {book.signals[one]}" for one in sorted(cause.signals))
        yield f"| {cause.title} (`{cause.cause_id}`) | {cause.owner} | {signals} | {cause.resolution} |"
    yield from ("", "## Resolution", book.resolution, "", "## Post-incident actions")
    yield from (f"- {one}" for one in book.afterwards)
