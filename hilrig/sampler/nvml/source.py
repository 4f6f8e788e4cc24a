"""Channels that come from calls to NVML, each with its device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from hilrig.core.channels import HW_ID
from hilrig.core.telemetry import Channel, ChannelKind, Exactness, Reason, Tier
from hilrig.sampler.nvml.calls import Driver, RefusedError, number
from hilrig.sampler.source import Value

Answer: TypeAlias = float | RefusedError
"""What one channel got: a number, or why there is none."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One GPU as NVML counts them."""

    driver: Driver
    index: int
    handle: object

    @property
    def hw_id(self) -> tuple[str, str]:
        """Return the attribute that says which GPU a channel is of."""
        return (HW_ID, f"gpu{self.index}")

    def ask(self, call: str, *arguments: object) -> Any:
        """Return what NVML answers for this device.

        Raises:
            RefusedError: nothing.
        """
        return self.driver.ask(call, self.handle, *arguments)

    def number(self, call: str, *arguments: object) -> int:
        """Return the number that NVML answers for this device.

        Raises:
            RefusedError: none.
        """
        return number(call, self.ask(call, *arguments))

    def channel(
        self,
        name: str,
        unit: str,
        tier: Tier,
        source: str,
        *,
        attributes: tuple[tuple[str, str], ...] = (),
        kind: ChannelKind = ChannelKind.GAUGE,
        exactness: Exactness = Exactness.SAMPLED,
    ) -> Channel:
        """Return a channel of this device; without `attributes` it has only the device's."""
        return Channel(
            name=name,
            unit=unit,
            kind=kind,
            tier=tier,
            source=f"nvml {source}",
            attributes=attributes or (self.hw_id,),
            exactness=exactness,
        )


class CallSource:
    """Channels that one question answers.

    Args:
        channels: all of one tier.
        ask: one answer per channel; when it raises RefusedError, that is the answer of all.
    """

    def __init__(self, channels: Sequence[Channel], ask: Callable[[], Sequence[Answer]]) -> None:
        self.channels = tuple(channels)
        self._ask = ask
        self._detail = ""
        self._is_closed = False

    def read(self) -> Sequence[Value]:
        """Return one value per channel."""
        answers = self._answers()
        refused = [answer.detail for answer in answers if isinstance(answer, RefusedError)]
        self._detail = "; ".join(dict.fromkeys(refused))
        return [answer.reason if isinstance(answer, RefusedError) else answer for answer in answers]

    def detail(self) -> str:
        """Return in words what the last reasons mean."""
        return self._detail

    def close(self) -> None:
        """Answer LOST from now on, even while somebody else keeps NVML open."""
        self._is_closed = True

    def _answers(self) -> Sequence[Answer]:
        if self._is_closed:
            return [RefusedError(Reason.LOST, "closed")] * len(self.channels)
        try:
            return self._ask()
        except RefusedError as refused:
            return [refused] * len(self.channels)


def one_number(
    device: Device, channel: Channel, call: str, *arguments: object, times: int = 1, per: int = 1
) -> CallSource:
    """Return the source of a channel that is the number of one call, `times` and `per` in the channel's unit."""
    return CallSource((channel,), lambda: (device.number(call, *arguments) * times / per,))


def first_answering(candidates: Sequence[T], ask: Callable[[T], object]) -> T:
    """Return the first candidate that `ask` gets an answer for; the first of all where none has one."""
    for candidate in candidates:
        try:
            ask(candidate)
        except RefusedError:
            continue
        return candidate
    return candidates[0]


def is_refused_as(reason: Reason, ask: Callable[[], object]) -> bool:
    """Return whether `ask` has no answer, for just this reason."""
    try:
        ask()
    except RefusedError as refused:
        return refused.reason is reason
    return False
