"""Telemetry channels that watch a device while a probe gives it work: independent of what the runtime claims."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hilrig.core.accelerator import Witness
from hilrig.core.channels import GPU_UTILIZATION
from hilrig.core.ports import Sampler
from hilrig.core.telemetry import Capability, Reading, Reason
from hilrig.verdict.self_checks.accelerator_proof import RISE_MIN, rose

_NOBODY: Final = "ABSENT (no source here reads it: neither libnvidia-ml.so.1 nor a Jetson's GPU was found)"


@dataclass(slots=True)
class _Highest:
    """The highest value seen in one part of the watch, the last reason while there was none."""

    value: float | None = None
    reason: Reason | None = None

    def take(self, reading: Reading) -> None:
        if reading.value is None:
            self.reason = reading.reason
        elif self.value is None or reading.value > self.value:
            self.value = reading.value


class WitnessWatch:
    """Reads every channel that can see an accelerator work: first while it is idle, then while it has work.

    Args:
        sampler: of the process that will use the device; it is probed and closed here.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._capabilities: Mapping[int, Capability] = {
            number: capability
            for number, capability in enumerate(sampler.probe())
            if capability.channel.name in RISE_MIN
        }
        self._tiers = sorted({capability.channel.tier for capability in self._capabilities.values()})
        self._before = {number: _Highest() for number in self._capabilities}
        self._during = {number: _Highest() for number in self._capabilities}
        self._now = self._before

    def look(self) -> None:
        """Read the channels once."""
        for tier in self._tiers:
            for reading in self._sampler.read(tier):
                if reading.channel in self._now:
                    self._now[reading.channel].take(reading)

    def begin(self) -> None:
        """Count what is read from now on as seen at work."""
        self._now = self._during

    def witnesses(self) -> tuple[Witness, ...]:
        """Return what was seen by each channel; one that nothing here offers is among them, with its reason."""
        seen = [self._witness(number, capability) for number, capability in self._capabilities.items()]
        offered = {capability.channel.name for capability in self._capabilities.values()}
        return (*seen, *(_absent(name) for name in RISE_MIN if name not in offered))

    def close(self) -> None:
        """Close the samplers."""
        self._sampler.close()

    def _witness(self, number: int, capability: Capability) -> Witness:
        channel, before, during = capability.channel, self._before[number], self._during[number]
        return Witness(
            channel=channel.key,
            unit=channel.unit,
            before=before.value,
            during=during.value,
            rose=rose(
                channel.name,
                before=before.value,
                during=during.value,
                was_off=before.reason is Reason.OFFLINE,
            ),
            reason="" if during.value is not None else _why_nothing(capability, during.reason),
        )


def _why_nothing(capability: Capability, reason: Reason | None) -> str:
    known = reason or capability.reason
    detail = f" ({capability.detail})" if capability.detail else ""
    return f"{known.name}{detail}" if known is not None else "no reading"


def _absent(name: str) -> Witness:
    unit = "1" if name == GPU_UTILIZATION else "By"
    return Witness(channel=name, unit=unit, before=None, during=None, rose=False, reason=_NOBODY)
