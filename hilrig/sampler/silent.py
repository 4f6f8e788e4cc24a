"""Channels that this board is known not to answer, with why: named so that nobody takes them for forgotten."""

from collections.abc import Sequence

from hilrig.core.telemetry import Channel, Reason
from hilrig.sampler.source import Value


class SilentSource:
    """Channels without a file. `why` is for a person, with the way out where there is one."""

    def __init__(self, channels: Sequence[Channel], reason: Reason, why: str) -> None:
        self.channels = tuple(channels)
        self._reason = reason
        self._why = why

    def read(self) -> Sequence[Value]:
        """Return the reason, once per channel."""
        return [self._reason] * len(self.channels)

    def detail(self) -> str:
        """Return why."""
        return self._why

    def close(self) -> None:
        """Do nothing: there is no file."""
