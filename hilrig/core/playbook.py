"""Troubleshooting playbooks: a symptom, ordered steps, what each found, which causes that speaks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

TRIAGE_SCHEMA = "hilrig.triage/1"


class StepStatus(str, Enum):
    """What a diagnostic step found: nothing wrong, a signal of a fault, or that it could not look."""

    OK = "OK"
    SUSPECT = "SUSPECT"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """One step done: what was looked at and found, in words and lines of evidence.

    Args:
        signals: names of the signals that are there; causes are ranked by them.
        collect: of an UNKNOWN step, what to collect and how, so that it can look.
    """

    step_id: str
    title: str
    status: StepStatus
    sentence: str
    evidence: tuple[str, ...] = ()
    signals: frozenset[str] = frozenset()
    collect: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One step of a playbook as it is written down, in the order in which it comes.

    Args:
        look_at: commands, log keys and files, with the ranges that are expected there.
        collect: what to bring when there is nothing to look at.
    """

    step_id: str
    title: str
    look_at: str
    collect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A root cause that a playbook knows: the signals that confirm it, who owns it, how it is mended."""

    cause_id: str
    title: str
    signals: frozenset[str]
    owner: str
    resolution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A cause with the share of its signals that were found; only those with one at least are candidates."""

    cause: Cause
    found: frozenset[str]
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Playbook:
    """A playbook as data; each diagnostic has a function of the same id.

    Args:
        signals: what each signal means, in words, by name.
    """

    playbook_id: str
    title: str
    symptom: str
    impact: str
    mitigations: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
    signals: Mapping[str, str]
    causes: tuple[Cause, ...]
    resolution: str
    afterwards: tuple[str, ...]

    @property
    def step_ids(self) -> tuple[str, ...]:
        """Return the steps in their order."""
        return tuple(one.step_id for one in self.diagnostics)


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """What a playbook came to on one subject.

    Args:
        chosen_because: why this playbook; who asked for it by name needs no reason.
        candidates: the likeliest first.
        owner: of the likeliest cause; empty without one.
    """

    schema: str = TRIAGE_SCHEMA
    playbook_id: str
    chosen_because: str
    subject: str
    steps: tuple[StepResult, ...]
    candidates: tuple[Candidate, ...]
    mitigation: str
    owner: str
