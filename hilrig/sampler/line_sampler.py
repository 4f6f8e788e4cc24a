"""A sampler whose readings stand in the newest line of a child process."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from hilrig.core.clock import Clock
from hilrig.core.telemetry import Capability, Channel, Reading, Reason, Tier
from hilrig.core.units import s_to_ns
from hilrig.sampler.line_process import Fault, LineProcess, Program
from hilrig.sampler.source import CONTENT_ERRORS, Value

ParseLine: TypeAlias = Callable[[bytes], Mapping[Channel, Value]]
"""From a line to what it says. May raise RefusedError, or ValueError and LookupError: the line is wrong."""

_LOOK_S: Final = 0.1
_SHOWN_BYTES: Final = 60


class RefusedError(Exception):
    """The process says by itself why it has no readings; `fault` is what it said."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


class LineSampler:
    """Reads SLOW channels out of lines. The first probe starts the process; what its first line names is offered.

    Every read looks for a new line, whatever the tier: the more looks, the better the age of a line is known.

    Args:
        program: what to start.
        parse: what a line says, in the order that numbers the channels.
        always: the channels to offer, with a reason, when no line comes; `parse` names them in any line.
        details: what a reason means for a channel's name, in words.
        first_line_s: how long the probe waits for the first line.
        clock: CLOCK_MONOTONIC, or one that a test moves.
    """

    def __init__(
        self,
        program: Program,
        parse: ParseLine,
        *,
        always: Sequence[Channel],
        details: Mapping[tuple[str, Reason], str],
        first_line_s: float,
        clock: Clock,
    ) -> None:
        self._process = LineProcess(program, clock=clock)
        self._parse = parse
        self._always = tuple(always)
        self._details = details
        self._first_line_ns = s_to_ns(first_line_s)
        self._clock = clock
        self._channels: tuple[Channel, ...] = ()
        self._values: Mapping[Channel, Value] = {}
        self._refusal: Fault | None = None
        self._unreadable: Fault | None = None

    def probe(self) -> Sequence[Capability]:
        """Return what the channels of the first line answer now; the first call starts the process and waits."""
        if not self._channels:
            self._start()
        fault = self._look()
        return [self._capability(channel, fault) for channel in self._channels]

    def read(self, tier: Tier) -> Sequence[Reading]:
        """Return what the newest line says, for SLOW and for EDGE; never waits."""
        fault = self._look()
        if tier is Tier.FAST:
            return []
        return [_reading(number, self._value(channel, fault)) for number, channel in enumerate(self._channels)]

    def close(self) -> None:
        """End the process."""
        self._process.close()

    def _start(self) -> None:
        self._process.start()
        deadline_ns = self._clock.monotonic_ns() + self._first_line_ns
        is_over = False
        while not (self._values or self._refusal or is_over):
            self._process.wait(_LOOK_S)
            is_over = self._has_ended() or self._clock.monotonic_ns() >= deadline_ns
            self._look()  # last of all: what a process said before its end counts
        self._channels = tuple(self._values) or self._always

    def _has_ended(self) -> bool:
        fault = self._process.fault()
        return fault is not None and fault.reason is not Reason.STALE

    def _look(self) -> Fault | None:
        """Take in a new line if there is one; return what is wrong with all channels, None when nothing is."""
        line = self._process.take()
        if line is not None:
            self._take_in(line)
        fault = self._process.fault()  # asked in any case: asking reaps a process that ended
        return self._refusal or fault or self._unreadable

    def _take_in(self, line: bytes) -> None:
        self._unreadable = None
        try:
            self._values = self._parse(line)
        except RefusedError as refused:
            self._refusal = refused.fault
        except CONTENT_ERRORS:
            shown = line[:_SHOWN_BYTES].decode(errors="replace")
            self._unreadable = Fault(Reason.ERROR, f"unexpected line: {shown!r}")

    def _value(self, channel: Channel, fault: Fault | None) -> Value:
        return fault.reason if fault else self._values.get(channel, Reason.LOST)

    def _capability(self, channel: Channel, fault: Fault | None) -> Capability:
        value = self._value(channel, fault)
        if not isinstance(value, Reason):
            return Capability(channel=channel, reason=None)
        detail = fault.detail if fault else self._details.get((channel.name, value), "")
        return Capability(channel=channel, reason=value, detail=detail)


def _reading(number: int, value: Value) -> Reading:
    return Reading(number, None, value) if isinstance(value, Reason) else Reading(number, float(value), None)
