"""What can be measured on this machine, by the questions that a person has, with the step that mends each gap."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from hilrig.app.machine.gap_fixes import fix_of
from hilrig.core import channels
from hilrig.core.telemetry import Capability, Channel


class Question(str, Enum):
    """What a person wants to know of a machine."""

    GPU_LOAD = "GPU load"
    GPU_MEMORY = "GPU memory"
    CLOCKS = "clocks and power mode"
    TEMPERATURES = "temperatures and fans"
    POWER = "power"
    THROTTLING_THERMAL = "throttling: thermal"
    THROTTLING_POWER = "throttling: power or current"
    UNDERVOLTAGE = "under-voltage"
    THROTTLING_OTHER = "throttling: cause not told"
    DEVICE_ERRORS = "device errors"
    CPU = "CPU"
    MEMORY = "memory"
    HOST = "host"


_THROTTLE: Final = r"hilrig\.hw\.throttle\..*"
_PRESSURE: Final = r"hilrig\.system\.pressure"
_ANSWERS: Final = (
    (Question.GPU_LOAD, channels.GPU_UTILIZATION, ()),
    (Question.GPU_MEMORY, r"hw\.gpu\.memory\..*|hilrig\.process\.gpu\.memory\..*", ()),
    (Question.CLOCKS, rf"hilrig\.hw\..*clock\..*|{channels.CPU_FREQUENCY}|{channels.POWER_MODE}", ()),
    (Question.TEMPERATURES, r"hw\.temperature.*|hw\.fan\..*", ()),
    (Question.POWER, rf"{channels.POWER}|{channels.ENERGY}|hilrig\.hw\.rail\..*", ()),
    (Question.THROTTLING_THERMAL, _THROTTLE, ((channels.CAUSE, channels.CAUSE_THERMAL),)),
    (Question.THROTTLING_POWER, _THROTTLE, ((channels.CAUSE, channels.CAUSE_POWER),)),
    (Question.THROTTLING_POWER, _THROTTLE, ((channels.CAUSE, channels.CAUSE_CURRENT_PEAK),)),
    (Question.UNDERVOLTAGE, _THROTTLE, ((channels.CAUSE, channels.CAUSE_UNDERVOLTAGE),)),
    (Question.THROTTLING_OTHER, _THROTTLE, ()),
    (Question.DEVICE_ERRORS, rf"{channels.ERRORS}|{channels.LAST_XID}", ()),
    (Question.CPU, _PRESSURE, (("resource", "cpu"),)),
    (
        Question.CPU,
        r"(system|process)\.cpu\..*|process\.context_switches|hilrig\.process\.(run_delay|stopped)",
        (),
    ),
    (Question.MEMORY, _PRESSURE, (("resource", "memory"),)),
    (Question.MEMORY, r"(hilrig\.|system\.|process\.|linux\.)*(memory|paging)\..*|hilrig\.system\.oom_kills", ()),
)
"""Names and attributes of the channels that answer each question: the first match counts, the rest is the host."""

_NO_GPU: Final = (
    "nothing here tells: an NVIDIA card tells through its driver (libnvidia-ml.so.1; a container needs --gpus "
    "all), a Jetson by itself"
)
_NO_SOURCE: Final = dict.fromkeys(
    (
        Question.GPU_LOAD,
        Question.GPU_MEMORY,
        Question.THROTTLING_POWER,
        Question.UNDERVOLTAGE,
    ),
    _NO_GPU,
) | {Question.DEVICE_ERRORS: "nothing here tells: only the driver of an NVIDIA card does (XID, ECC)"}
"""What to say where not even a channel is about a question: the host sampler has none for these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A channel: what it answered, and the step that mends its gap (empty when it has a value)."""

    channel: Channel
    reason: str
    detail: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A question with the channels that answer it; `missing` says what to do where there are none."""

    question: Question
    rows: tuple[Row, ...]
    missing: str = ""

    @property
    def n_answered(self) -> int:
        """Return how many of the channels have a value."""
        return sum(not row.reason for row in self.rows)


def capability_table(capabilities: Sequence[Capability], *, container: bool) -> tuple[Section, ...]:
    """Return every question that something answers here, or that a person would miss.

    Args:
        capabilities: what the channels answered.
        container: whether this is a container, which needs to be given more than rights.
    """
    rows: dict[Question, list[Row]] = {question: [] for question in Question}
    for capability in capabilities:
        rows[question_of(capability.channel)].append(_row(capability, container=container))
    return tuple(
        Section(question=question, rows=tuple(found), missing="" if found else _NO_SOURCE[question])
        for question, found in rows.items()
        if found or question in _NO_SOURCE
    )


def question_of(channel: Channel) -> Question:
    """Return which question a channel answers."""
    for question, name, attributes in _ANSWERS:
        if re.fullmatch(name, channel.name) and set(attributes) <= set(channel.attributes):
            return question
    return Question.HOST


def _row(capability: Capability, *, container: bool) -> Row:
    return Row(
        channel=capability.channel,
        reason="" if capability.reason is None else capability.reason.name,
        detail=capability.detail,
        fix=fix_of(capability, container=container),
    )
