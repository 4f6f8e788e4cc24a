"""How long a broken line to a rig is taken up again.

Whoever waits may end that.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from hilrig.app.rigs.link import RigLink
from hilrig.core.clock import Clock
from hilrig.core.errors import RigLostError
from hilrig.core.units import NS_PER_S
from hilrig.rig.agent_call import LinkBrokenError

RECONNECT_S: Final = 300.0
"""A rig that reboots is back in one to three minutes, a switch in one; who waits longer wants to know."""

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 10.0
STEP_S: Final = 0.1
"""How often the waiting looks whether somebody wants it to end."""

_T = TypeVar("_T")


class Patience:
    """Takes a broken line up again, with growing pauses.

    Args:
        link: the line.
        clock: of the pauses.
        reconnect_s: for how long without a word from the rig.
        on_wait: called while it waits; what it raises ends the waiting.
        on_break: told in words that the line broke; with empty words that it is there again.
    """

    def __init__(
        self,
        link: RigLink,
        *,
        clock: Clock,
        reconnect_s: float = RECONNECT_S,
        on_wait: Callable[[], None],
        on_break: Callable[[str], None],
    ) -> None:
        self._link, self._clock, self._reconnect_s = link, clock, reconnect_s
        self._on_wait, self._on_break = on_wait, on_break

    def through(self, action: Callable[[], _T]) -> _T:
        """Return what `action` returns; when the line breaks in it, it is called again on the next line.

        Raises:
            RigLostError: the rig did not come back in time.
            HilrigError: what `action` raised, or the rig when it came back.
        """
        while True:
            try:
                return action()
            except LinkBrokenError as error:  # noqa: PERF203 - it is the loop
                self._take_up(error)

    def _take_up(self, broken: LinkBrokenError) -> None:
        self._on_break(broken.message)
        give_up_ns = self._clock.monotonic_ns() + round(self._reconnect_s * NS_PER_S)
        pause_s = FIRST_PAUSE_S
        while True:
            self._pause(pause_s)
            try:
                self._link.reopen()
            except RigLostError as error:
                if self._clock.monotonic_ns() >= give_up_ns:
                    raise RigLostError(
                        f"rig {self._link.spec.name} is away for {self._reconnect_s:.0f} s: {error.message}",
                        hint=error.hint,
                    ) from error
            else:
                self._on_break("")
                return
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _pause(self, pause_s: float) -> None:
        until_ns = self._clock.monotonic_ns() + round(pause_s * NS_PER_S)
        while (now_ns := self._clock.monotonic_ns()) < until_ns:
            self._on_wait()
            self._clock.sleep_until(min(until_ns, now_ns + round(STEP_S * NS_PER_S)))
