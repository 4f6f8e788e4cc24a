"""What the readings of a channel can say of the measured part."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.metrics import Need
from hilrig.core.run import RunRecord
from hilrig.core.telemetry import Capability, Channel, Reason
from hilrig.core.units import NS_PER_S
from hilrig.verdict.window import Window

EDGE_SLACK_NS: Final = NS_PER_S
"""How far from the edge of the measured part a reading may lie and still be the one of that edge."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """All readings of one channel as they were taken; `value` is NaN where `reason` is not 0.

    `t_ns` is the middle of the round that a reading was taken in, `width_ns` how long that round took.
    """

    capability: Capability
    t_ns: NDArray[np.int64]
    value: NDArray[np.float64]
    reason: NDArray[np.uint8]
    width_ns: NDArray[np.uint32]

    @property
    def channel(self) -> Channel:
        """Return the channel."""
        return self.capability.channel

    def valued(self) -> "Series":
        """Return only the readings with a finite value."""
        return self._where((self.reason == 0) & np.isfinite(self.value))

    def within(self, window: Window) -> "Series":
        """Return only the readings of the measured part."""
        return self._where((self.t_ns >= window.start_ns) & (self.t_ns <= window.end_ns))

    def why_empty(self) -> str:
        """Return why there is no value: the probe's reason, else those of the readings, else that none came."""
        said = ", ".join(sorted(reason.name for reason in self.reasons())) or "no reading"
        detail = f" ({self.capability.detail})" if self.capability.reason and self.capability.detail else ""
        return f"{self.channel.key}: {said}{detail}"

    def reasons(self) -> set[Reason]:
        """Return the probe's reason, else those of the readings."""
        if self.capability.reason is not None:
            return {self.capability.reason}
        return {Reason(code) for code in np.unique(self.reason).tolist() if code in set(Reason)}

    def _where(self, mask: NDArray[np.bool_]) -> "Series":
        return Series(
            capability=self.capability,
            t_ns=self.t_ns[mask],
            value=self.value[mask],
            reason=self.reason[mask],
            width_ns=self.width_ns[mask],
        )


class Telemetry:
    """A record's readings, grouped by channel once."""

    def __init__(self, record: RunRecord) -> None:
        readings = record.readings
        order = np.argsort(readings["channel"], kind="stable")
        edges = np.searchsorted(readings["channel"][order], np.arange(len(record.capabilities) + 1))
        names = ("t_ns", "value", "reason", "width_ns")
        columns = [
            np.split(readings[name][order], edges[1:]) for name in names
        ]  # one after the other: they are large
        self.series: Final = tuple(
            Series(capability=capability, **dict(zip(names, parts, strict=True)))
            for capability, *parts in zip(record.capabilities, *columns, strict=False)
        )

    def named(self, name: str, *attributes: tuple[str, str]) -> tuple[Series, ...]:
        """Return the channels of this name that have all of `attributes`."""
        return tuple(
            series
            for series in self.series
            if series.channel.name == name and set(attributes) <= set(series.channel.attributes)
        )

    def meeting(self, need: Need) -> tuple[Series, ...]:
        """Return the channels that a metric can be had from."""
        return self.named(need.name, *need.attributes)


def last_at_end(series: Series, window: Window) -> float | None:
    """Return the value of the reading at the end of the measured part; None without one.

    It must not be the channel's only one: that was taken at the start.
    """
    valued = series.valued()
    if valued.t_ns.size < 2 or valued.t_ns[-1] < window.end_ns - EDGE_SLACK_NS:  # noqa: PLR2004 - two edges
        return None
    return float(valued.value[-1])


def over_measured_part(series: Series, window: Window) -> NDArray[np.float64] | None:
    """Return the values from the reading at the start of the measured part to the one at its end.

    None when either edge has no reading: what a counter did there is then unknown.
    """
    valued = series.valued()
    if last_at_end(valued, window) is None or valued.t_ns[0] > window.start_ns + EDGE_SLACK_NS:
        return None
    first = max(0, int(np.searchsorted(valued.t_ns, window.start_ns, side="right")) - 1)
    end = int(np.searchsorted(valued.t_ns, window.end_ns)) + 1
    return valued.value[first:end]


def growth(series: Sequence[Series], window: Window) -> float | None:
    """Return by how much counters grew over the measured part, summed; None when one of them cannot say."""
    parts = [over_measured_part(one, window) for one in series]
    if not parts or any(part is None for part in parts):
        return None
    return math.fsum(float(part[-1] - part[0]) for part in parts if part is not None)
