"""The four playbooks with their steps; choosing one, going through it, ranking its causes."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from hilrig.core.errors import UsageError
from hilrig.core.playbook import Candidate, Cause, Playbook, StepResult, Triage
from hilrig.gate.playbooks import accuracy_steps, latency_steps, load_steps, update_steps
from hilrig.gate.playbooks.accuracy_drop import ACCURACY_DROP
from hilrig.gate.playbooks.answer import Answer
from hilrig.gate.playbooks.latency_spikes import LATENCY_SPIKES
from hilrig.gate.playbooks.model_fails_to_load import MODEL_FAILS_TO_LOAD
from hilrig.gate.playbooks.subject import Subject, printable
from hilrig.gate.playbooks.update_without_effect import UPDATE_WITHOUT_EFFECT


class Executable(NamedTuple):
    """A playbook with what looks in each of its steps, and the sentence of each when all is well."""

    playbook: Playbook
    steps: Mapping[str, tuple[Callable[[Subject], Answer], str]]


CATALOG: Final = {
    one.playbook.playbook_id: one
    for one in (
        Executable(MODEL_FAILS_TO_LOAD, load_steps.STEPS),
        Executable(ACCURACY_DROP, accuracy_steps.STEPS),
        Executable(LATENCY_SPIKES, latency_steps.STEPS),
        Executable(UPDATE_WITHOUT_EFFECT, update_steps.STEPS),
    )
}
"""By id, in the order in which an undecided triage would try them."""


def go_through(playbook_id: str, subject: Subject, *, chosen_because: str) -> Triage:
    """Return what a playbook comes to: each step in its order, the causes ranked.

    Raises:
        UsageError: there is no such playbook.
    """
    if playbook_id not in CATALOG:
        raise UsageError(f"there is no playbook {playbook_id!a}", hint=f"one of {', '.join(CATALOG)}")
    book, steps = CATALOG[playbook_id]
    results = tuple(_step(book, step_id, steps[step_id], subject) for step_id in book.step_ids)
    candidates = rank(book.causes, frozenset().union(*(result.signals for result in results)))
    return Triage(
        playbook_id=playbook_id,
        chosen_because=printable(chosen_because),
        subject=printable(subject.name),
        steps=results,
        candidates=candidates,
        mitigation=book.mitigations[0],
        owner=candidates[0].cause.owner if candidates else "",
    )


def _step(
    book: Playbook, step_id: str, step: tuple[Callable[[Subject], Answer], str], subject: Subject
) -> StepResult:
    look, fine = step
    told = next(one for one in book.diagnostics if one.step_id == step_id)
    return look(subject).as_result(step_id, title=told.title, collect=told.collect, fine=fine, words=book.signals)


def rank(causes: tuple[Cause, ...], found: frozenset[str]) -> tuple[Candidate, ...]:
    """Return the causes that a signal speaks for: by the share of their signals, by how many, as written."""
    candidates = [
        Candidate(cause=cause, found=cause.signals & found, share=len(cause.signals & found) / len(cause.signals))
        for cause in causes
        if cause.signals & found
    ]
    return tuple(sorted(candidates, key=lambda one: (-one.share, -len(one.found))))
