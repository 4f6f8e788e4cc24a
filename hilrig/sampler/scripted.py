"""A sampler that reads from a script: the fake beside the real ones, for tests of everything above it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hilrig.core.clock import Clock, SystemClock
from hilrig.core.telemetry import Capability, Channel, Reading, Reason, Tier
from hilrig.core.units import s_to_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What one channel says over time: each `(t_s, value or reason)` holds until the next one.

    `t_s` counts from the probe and rises; before the first point the channel is ABSENT.
    """

    channel: Channel
    points: tuple[tuple[float, float | Reason], ...]


class ScriptedSampler:
    """Reads its curves; the same script and clock always give the same readings. Without a script: no channels.

    Args:
        root: not read; here because every sampler is built like this.
        pid: not read.
        script: one curve per channel.
        clock: what "now" is; a `ManualClock` in tests.
    """

    def __init__(self, root: Path, pid: int, script: Sequence[Curve] = (), *, clock: Clock | None = None) -> None:
        del root, pid
        self._script = tuple(script)
        self._clock = clock or SystemClock()
        self._start_ns = self._clock.monotonic_ns()
        self._closed = False

    def probe(self) -> Sequence[Capability]:
        """Start the script's time; say what each curve holds at its beginning."""
        self._start_ns = self._clock.monotonic_ns()
        return [
            Capability(channel=curve.channel, reason=reading.reason, detail="scripted")
            for curve, reading in zip(self._script, self.read(Tier.EDGE), strict=True)
        ]

    def read(self, tier: Tier) -> Sequence[Reading]:
        """Read the channels of a tier; EDGE reads those of all tiers."""
        elapsed_ns = self._clock.monotonic_ns() - self._start_ns
        return [
            self._reading(number, curve, elapsed_ns)
            for number, curve in enumerate(self._script)
            if tier is Tier.EDGE or curve.channel.tier is tier
        ]

    def close(self) -> None:
        """End the script: every channel is LOST from here on."""
        self._closed = True

    def _reading(self, number: int, curve: Curve, elapsed_ns: int) -> Reading:
        if self._closed:
            return Reading(number, None, Reason.LOST)
        held: float | Reason = Reason.ABSENT
        for t_s, value in curve.points:
            if s_to_ns(t_s) <= elapsed_ns:
                held = value
        if isinstance(held, Reason):
            return Reading(number, None, held)
        return Reading(number, float(held), None)
