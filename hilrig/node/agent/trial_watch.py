"""Watching a release on trial until its guardrails have said enough.

Now and then it looks at the service.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from hilrig.attest.desired_state import DesiredState, RolloutMode
from hilrig.core.clock import Clock
from hilrig.core.units import s_to_ns
from hilrig.node.agent.errors import ServiceError
from hilrig.node.agent.guardrails import Judgement, Standing, Trial, begin
from hilrig.node.agent.window import (
    Reading,
    ServiceWindow,
    nothing_learned,
    reading_in_service,
    reading_in_shadow,
)

READINGS_PER_WINDOW: Final = 20
"""What `max_missing` and `consecutive_errors` of a guardrail are counted in."""
MIN_PERIOD_S: Final = 0.2
MAX_PERIOD_S: Final = 30.0
"""A release that is broken is found in half a minute, however long its window."""


class Windows(Protocol):
    """Who tells how the models fare: the service."""

    def window(self) -> ServiceWindow:
        """Return what was counted.

        Raises:
            ServiceError: nobody answers.
        """


@dataclass(slots=True)
class TrialWatch:
    """A trial of one release. Build it with `watch_trial`."""

    desired: DesiredState
    service: Windows
    clock: Clock
    period_ns: int
    due_ns: int
    trial: Trial
    ended: Judgement | None = None

    def observe(self) -> Judgement:
        """Look at the service once; return where the trial stands. Once ended it stays so: bad is never unsaid."""
        if self.ended is not None:
            return self.ended
        self.trial = self.trial.after(self._reading())
        now_ns = self.clock.monotonic_ns()
        self.due_ns = max(self.due_ns + self.period_ns, now_ns)  # a slow look does not make two at once
        judgement = self.trial.judge(now_ns)
        self.ended = None if judgement.standing is Standing.HOLD else judgement
        return judgement

    def _reading(self) -> Reading:
        try:
            window = self.service.window()
        except ServiceError as error:
            return nothing_learned(error.message)
        in_shadow = self.desired.rollout.mode is RolloutMode.SHADOW
        read = reading_in_shadow if in_shadow else reading_in_service
        return read(window, self.desired.release_sha256)


def watch_trial(desired: DesiredState, service: Windows, clock: Clock) -> TrialWatch:
    """Return the watch over a trial that begins now; its first look is due a period later."""
    window_s = desired.rollout.window_s
    period_ns = s_to_ns(min(max(window_s / READINGS_PER_WINDOW, MIN_PERIOD_S), MAX_PERIOD_S))
    now_ns = clock.monotonic_ns()
    trial = begin(desired.rollout.guardrails, now_ns=now_ns, window_ns=s_to_ns(window_s))
    return TrialWatch(
        desired=desired,
        service=service,
        clock=clock,
        period_ns=period_ns,
        due_ns=now_ns + period_ns,
        trial=trial,
    )
