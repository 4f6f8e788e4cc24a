"""Did the hardware slow itself down? Three questions, each with its number, or why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hilrig.core.metrics import METRICS as KNOWN
from hilrig.core.verdict import Measurement
from hilrig.report.values import one_line, quantity

QUESTIONS: Final = {
    "Was it too hot?": ("thermal_throttle_events", "thermal_throttle_ms"),
    "Did it draw too much power or current?": ("power_throttle_events", "overcurrent_peaks_per_min"),
    "Was its supply voltage too low?": ("undervoltage_events",),
}
"""The metrics that answer each question; the first one decides."""

METRICS: Final = frozenset(metric for metrics in QUESTIONS.values() for metric in metrics)
WINDOWS_MAX: Final = 20
"""Rows of the table of stretches; all of them are in result.json."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number of an answer; `evidence` says how it is known."""

    title: str
    text: str
    is_measured: bool
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A question with `yes`, `no` or `not known`, and the numbers behind that."""

    question: str
    word: str
    numbers: tuple[Number, ...]


def answers(measurements: Sequence[Measurement]) -> list[Answer]:
    """Return the three answers; a number that a record of before did not have is left out of them."""
    found = {measurement.metric: measurement for measurement in measurements}
    return [
        Answer(
            question=question,
            word=_word(found.get(metrics[0])),
            numbers=tuple(_number(found[metric]) for metric in metrics if metric in found),
        )
        for question, metrics in QUESTIONS.items()
    ]


def _word(measurement: Measurement | None) -> str:
    if measurement is None or measurement.value is None:
        return "not known"
    return "yes" if measurement.value > 0 else "no"


def _number(measurement: Measurement) -> Number:
    return Number(
        title=KNOWN[measurement.metric].title,
        text=quantity(measurement.value, measurement.unit, measurement.reason),
        is_measured=measurement.value is not None,
        evidence=one_line(measurement.evidence),
    )
