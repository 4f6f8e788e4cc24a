"""The answer of one step: what the signals that were found come to."""

from collections.abc import Mapping

from hilrig.core.playbook import StepResult, StepStatus
from hilrig.gate.playbooks.subject import printable

MAX_EVIDENCE = 12
"""Lines of evidence that a step prints at most: more is not read at six in the morning."""


class Answer:
    """Gathers what a step sees.

    Attributes:
        seen: lines of what was looked at; empty: there was nothing to look at, the step is UNKNOWN.
        noted: lines that are worth reading, but tell nothing about what the step asks.
        signals: what was found, each with its sentence.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.noted: list[str] = []
        self.signals: dict[str, str] = {}

    def saw(self, *lines: str) -> None:
        """Note what was looked at."""
        self.seen += lines

    def note(self, *lines: str) -> None:
        """Note what belongs to it and answers nothing: missing is never good."""
        self.noted += lines

    def found(self, signal: str, sentence: str) -> None:
        """Note a signal; the first sentence about it stays."""
        self.signals.setdefault(signal, sentence)

    def as_result(
        self, step_id: str, *, title: str, collect: str, fine: str, words: Mapping[str, str]
    ) -> StepResult:
        """Return the step's result; `fine` is its sentence without a signal, `words` what signals mean."""
        if self.signals:
            status, sentence = StepStatus.SUSPECT, "; ".join(words[signal] for signal in self.signals)
        elif self.seen:
            status, sentence = StepStatus.OK, fine
        else:
            status, sentence = StepStatus.UNKNOWN, "there was nothing to look at"
        return StepResult(
            step_id=step_id,
            title=title,
            status=status,
            sentence=sentence,
            evidence=tuple(map(printable, dict.fromkeys([*self.signals.values(), *self.seen, *self.noted])))[
                :MAX_EVIDENCE
            ],
            signals=frozenset(self.signals),
            collect=collect if status is StepStatus.UNKNOWN else "",
        )
