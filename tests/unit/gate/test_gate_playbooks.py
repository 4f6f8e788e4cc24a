"""The playbooks as data: complete, consistent, and the same on paper as in the program."""

from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hilrig
from hilrig.core.error_codes import OWNERS
from hilrig.core.errors import UsageError
from hilrig.core.playbook import Cause, StepStatus
from hilrig.gate.playbooks.answer import MAX_EVIDENCE, Answer
from hilrig.gate.playbooks.catalog import CATALOG, go_through, rank
from hilrig.gate.playbooks.choice import choose
from hilrig.gate.playbooks.page import playbook_page
from hilrig.gate.playbooks.subject import ServiceSeen, Subject

PAGES = Path(__file__).parents[3] / "docs" / "playbooks"
STEPS = Path(hilrig.__file__).parent / "gate" / "playbooks"
NO_CAUSE = {"reproduced"}
"""Signals that confirm the symptom, no cause."""

ASKED_FOR = {
    "model-fails-to-load": (5, 5, "last known good"),
    "accuracy-drop": (5, 5, "raise the threshold"),
    "latency-spikes": (5, 5, "frame rate"),
    "update-without-effect": (5, 4, "Pause the rollout"),
}
"""By playbook: how many steps and root causes the requirement lists, and a word of its mitigation."""

BOOKS = [pytest.param(book, steps, id=name) for name, (book, steps) in CATALOG.items()]


def service(ready=True, code="", window=None, **roles):
    status = {"ready": ready, "error_code": code, **{role: {"release_sha256": sha} for role, sha in roles.items()}}
    return Subject(name="http://node", service=ServiceSeen(url="http://node", status=status, window=window))


def test_there_are_the_four_playbooks_that_are_asked_for():
    """Each with as many steps and causes as the requirement has, and with its safe mitigation."""
    found = {
        name: (len(book.diagnostics), len(book.causes), ASKED_FOR[name][2])
        for name, (book, _) in CATALOG.items()
        if ASKED_FOR[name][2] in " ".join(book.mitigations)
    }
    assert found == ASKED_FOR


@pytest.mark.parametrize(("book", "steps"), BOOKS)
def test_a_playbook_is_complete(book, steps):
    """No part is empty, each step has its function, each cause an owner that exists and signals with a meaning."""
    assert book.step_ids == tuple(steps)
    assert all((book.symptom, book.impact, book.mitigations, book.resolution, book.afterwards))
    for cause in book.causes:
        assert cause.owner in OWNERS
        assert cause.signals <= book.signals.keys()
        assert cause.resolution
    speaking = set(chain.from_iterable(cause.signals for cause in book.causes))
    assert book.signals.keys() - speaking <= NO_CAUSE


@pytest.mark.parametrize(("book", "steps"), BOOKS)
def test_every_signal_is_looked_for_somewhere(book, steps):
    """A signal that no step can find would hold a cause below all others for ever."""
    sources = {"model-fails-to-load": "load", "accuracy-drop": "accuracy", "latency-spikes": "latency"}
    name = sources.get(book.playbook_id, "update")
    text = (STEPS / f"{name}_steps.py").read_text()
    assert [signal for signal in book.signals if f'"{signal}"' not in text] == []
    assert len(steps) == 5


@pytest.mark.parametrize(("book", "steps"), BOOKS)
def test_the_page_is_what_the_program_does(book, steps):
    """docs/playbooks is made from the data: `python -m hilrig.app.triage.playbook_pages docs/playbooks`."""
    page = (PAGES / f"{book.playbook_id}.md").read_text()
    assert page == playbook_page(book)
    assert all(f"### {step}\n" in page for step in steps)


@pytest.mark.parametrize(("book", "steps"), BOOKS)
def test_with_nothing_to_look_at_every_step_is_unknown(book, steps):
    """Missing is never good: no step is OK, none is SUSPECT, and each says what to collect."""
    found = go_through(book.playbook_id, Subject(name="nothing"), chosen_because="asked for by name")
    assert {step.status for step in found.steps} == {StepStatus.UNKNOWN}
    assert all(step.collect for step in found.steps)
    assert (found.candidates, found.owner) == ((), "")
    assert len(found.steps) == len(steps)


def test_an_unknown_playbook_is_refused():
    """The hint names those that there are."""
    with pytest.raises(UsageError, match="no playbook 'latency'"):
        go_through("latency", Subject(name="x"), chosen_because="")


def a_cause(name, *signals):
    return Cause(cause_id=name, title=name, signals=frozenset(signals), owner="ML", resolution="")


def test_causes_are_ranked_by_the_share_of_their_signals():
    """One of one beats two of three, two of two beats one of one, a cause without a signal is none."""
    causes = (a_cause("a", "1", "2", "3"), a_cause("b", "1"), a_cause("c", "4"), a_cause("d", "1", "2"))
    ranked = rank(causes, frozenset({"1", "2"}))
    assert [one.cause.cause_id for one in ranked] == ["d", "b", "a"]
    assert [one.share for one in ranked] == [1.0, 1.0, 2 / 3]


@given(st.frozensets(st.sampled_from("abcdef")), st.lists(st.frozensets(st.sampled_from("abcdef"), min_size=1)))
def test_ranking_loses_no_cause_and_invents_none(found, signals):
    """Every cause with a found signal is a candidate, once, and shares never rise down the list."""
    causes = tuple(a_cause(str(number), *one) for number, one in enumerate(signals))
    ranked = rank(causes, found)
    assert {one.cause.cause_id for one in ranked} == {one.cause_id for one in causes if one.signals & found}
    assert all(0 < one.share <= 1 for one in ranked)
    assert [one.share for one in ranked] == sorted((one.share for one in ranked), reverse=True)


def test_what_is_only_noted_is_no_answer():
    """A line that says nothing about the question leaves the step UNKNOWN, and is shown all the same."""
    answer = Answer()
    answer.note("not measured")
    result = answer.as_result("x", title="X", collect="bring it", fine="fine", words={})
    assert (result.status, result.evidence, result.collect) == (StepStatus.UNKNOWN, ("not measured",), "bring it")


def test_evidence_is_short():
    """A store with a thousand broken files fills no screen; what is suspect stands first."""
    answer = Answer()
    answer.saw(*map(str, range(1000)))
    answer.found("s", "broken")
    result = answer.as_result("x", title="X", collect="", fine="", words={"s": "S"})
    assert len(result.evidence) == MAX_EVIDENCE
    assert result.evidence[0] == "broken"


@pytest.mark.parametrize(
    ("subject", "playbook_id", "because"),
    [
        (service(ready=False, code="HR-202"), "model-fails-to-load", "HR-202"),
        (service(ready=False, code="HR-203"), "latency-spikes", "overdue"),
        (service(window={"n_timeout": 3}), "latency-spikes", "3 decisions"),
        (service(window={"n_timeout": True}), "update-without-effect", "is ready"),
        (service(), "update-without-effect", "is ready"),
        (service(window={"n_timeout": "many"}), "update-without-effect", "is ready"),
    ],
)
def test_a_service_chooses_its_playbook(subject, playbook_id, because):
    """By what it says of itself; the reason is told."""
    choice = choose(subject)
    assert choice.playbook_id == playbook_id
    assert because in choice.because


def test_a_service_that_counts_for_another_release_holds_an_old_model():
    """What it says is active and what its window counts must be one release."""
    subject = service(window={"release_sha256": "b" * 64}, active="a" * 64)
    found = go_through("update-without-effect", subject, chosen_because="")
    assert found.candidates[0].cause.cause_id == "stale-in-memory"
