"""The update agent's loop: look at the desired state, bring the node there, watch the trial, keep or take back.

It waits for one of two moments, the next look and the next reading of a trial, and for being told to stop. How far
it came is in the store: killed at any moment, the next start goes on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hilrig.attest.desired_state import DesiredState
from hilrig.core.clock import Clock
from hilrig.core.errors import HilrigError
from hilrig.core.units import NS_PER_S, s_to_ns
from hilrig.node.agent.admission import Admitted
from hilrig.node.agent.error_code import Step, code_of
from hilrig.node.agent.errors import RolledBackError
from hilrig.node.agent.guardrails import Standing
from hilrig.node.agent.reporting import Reports
from hilrig.node.agent.trial_watch import TrialWatch, watch_trial
from hilrig.node.agent.updates import Begun, Ended, Updates
from hilrig.node.agent.watching import Watch, jittered

MAX_BACKOFF: Final = 32
"""Periods between two tries of what keeps failing: a broken release must not be fetched every minute."""

_STOPPED: Final = "stopped: the next start of the agent goes on with the trial"

Admit = Callable[[bytes], Admitted]
"""Holds a desired state against this node; raises when it is none for it."""
Keep = Callable[[Admitted], None]
"""Writes down what was seen with a desired state."""
Wait = Callable[[float], bool]
"""Waits for some seconds; True: the agent is to stop."""
Tell = Callable[[str, str, Mapping[str, Any]], None]
"""Told of an event: its name, an error code or nothing, what belongs to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the loop needs from outside.

    Args:
        period_s: about this long between two looks.
        found_at: where the desired state is, for a relative `release_url`.
    """

    watch: Watch
    admit: Admit
    keep: Keep
    clock: Clock
    wait: Wait
    tell: Tell
    reports: Reports
    period_s: float
    found_at: str


class Agent:
    """Follows one desired state on one node."""

    def __init__(self, updates: Updates, around: Surroundings) -> None:
        self._updates = updates
        self._around = around
        self._data = b""
        self._wanted: DesiredState | None = None
        self._trial: TrialWatch | None = None
        self._n_failed = 0
        self._due_ns = 0
        self._step = Step.DESIRED

    def once(self) -> str:
        """Follow the desired state to its end, trial included; return in words what became of it.

        Raises:
            HilrigError: of the kind that refused or ended it; its exit code says which.
        """
        try:
            told = self._looked()
            while self._trial is not None:
                if self._around.wait(self._until(self._trial.due_ns)):
                    return _STOPPED
                told = self._observed(self._trial) or told
        except HilrigError as error:
            self._failed(error)
            raise
        return told

    def run(self) -> str:
        """Follow the desired state until told to stop; a trial in progress is left to the next start."""
        while not self._around.wait(self._until(self._next_ns())):
            self._tick()
        return _STOPPED if self._trial is not None else "stopped"

    def _tick(self) -> None:
        try:
            self._do_what_is_due()
        except HilrigError as error:
            self._failed(error)

    def _do_what_is_due(self) -> None:
        now_ns = self._around.clock.monotonic_ns()
        if now_ns >= self._due_ns:
            self._due_ns = now_ns + s_to_ns(self._pause_s())
            self._looked()
            self._n_failed = 0
        if self._trial is not None and now_ns >= self._trial.due_ns:
            self._observed(self._trial)

    def _looked(self) -> str:
        """Look at the desired state; begin what it asks for, unless its trial is in progress."""
        self._step = Step.DESIRED
        data = self._around.watch.look()
        if data is not None:
            self._data, self._wanted = data, None  # what it said before is no longer said, even if this is refused
        admitted = self._around.admit(self._data)  # at each look: it may be over by now
        if admitted.desired != self._wanted:
            self._around.keep(admitted)
            self._wanted = admitted.desired
        self._around.reports.flush()
        if self._trial is not None and self._trial.desired == self._wanted:
            return "on trial"
        return self._begun(self._wanted)

    def _begun(self, desired: DesiredState) -> str:
        self._trial = None
        self._step = Step.UPDATE
        self._updates.restore()
        begun = self._updates.begin(desired, found_at=self._around.found_at)
        what = f"{desired.release_sha256[:12]} {begun.value} under the desired state {desired.sequence}"
        if begun is Begun.ON_TRIAL:
            self._trial = watch_trial(desired, self._updates.service, self._around.clock)
            self._say("agent.trial", desired, reason=what)
        return what

    def _observed(self, trial: TrialWatch) -> str:
        """Look at the release on trial; return how the trial ended, empty while it goes on."""
        self._step = Step.TRIAL
        ended = self._updates.gone(trial.desired)
        if ended is None:
            judgement = trial.observe()
            self._around.tell(
                "agent.reading", "", {"standing": judgement.standing.value, "reason": judgement.reason}
            )
            if judgement.standing is Standing.HOLD:
                return ""
            act = self._updates.confirm if judgement.standing is Standing.PROVEN else self._updates.roll_back
            ended = act(trial.desired, judgement.reason)
        self._trial = None
        return self._told_end(trial.desired, ended)

    def _told_end(self, desired: DesiredState, ended: Ended) -> str:
        sha256 = desired.release_sha256[:12]
        if not ended.is_confirmed:
            raise RolledBackError(f"rolled back {sha256}: {ended.reason}", hint="hilrig node status")
        self._say("agent.confirmed", desired, reason=ended.reason)
        return f"confirmed {sha256}: {ended.reason}"

    def _failed(self, error: HilrigError) -> None:
        """Keep what went wrong, and come back later each time that it goes wrong again."""
        self._n_failed += 1
        self._due_ns = self._around.clock.monotonic_ns() + s_to_ns(self._pause_s())
        code = code_of(error, self._step)
        if isinstance(error, RolledBackError):
            self._trial = None
        fields = {"reason": error.message, "desired_sequence": self._wanted.sequence if self._wanted else 0}
        self._around.tell("agent.failed", code, fields)
        self._around.reports.add({"event": "agent.failed", "error_code": code, **fields})

    def _say(self, event: str, desired: DesiredState, *, reason: str) -> None:
        fields = {
            "release": desired.release_sha256,
            "desired_sequence": desired.sequence,
            "reason": reason,
        }
        self._around.tell(event, "", fields)
        self._around.reports.add({"event": event, "error_code": "", **fields})

    def _pause_s(self) -> float:
        return jittered(self._around.period_s * min(2 ** max(self._n_failed - 1, 0), MAX_BACKOFF))

    def _next_ns(self) -> int:
        return min(self._due_ns, self._trial.due_ns) if self._trial is not None else self._due_ns

    def _until(self, moment_ns: int) -> float:
        return max(moment_ns - self._around.clock.monotonic_ns(), 0) / NS_PER_S
