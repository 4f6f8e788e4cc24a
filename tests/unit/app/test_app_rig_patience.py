from dataclasses import dataclass, field

import pytest

from hilrig.app.rigs.patience import Patience
from hilrig.core.clock import ManualClock
from hilrig.core.errors import RigLostError, RunAbortedError, TrustError
from hilrig.core.rig import RigSpec
from hilrig.core.units import NS_PER_S
from hilrig.rig.agent_call import LinkBrokenError


@dataclass
class AwayLink:
    """A link to a rig that is away until some time, then refuses with an error if there is one."""

    clock: ManualClock
    back_s: float
    refusal: Exception | None = None
    spec: RigSpec = field(default_factory=lambda: RigSpec(name="orin", transport="ssh", device_class="x"))
    tried_s: list[float] = field(default_factory=list)

    def reopen(self) -> None:
        now_s = self.clock.monotonic_ns() / NS_PER_S
        self.tried_s.append(round(now_s, 1))
        if now_s < self.back_s:
            raise RigLostError("no route", hint="is it on?")
        if self.refusal:
            raise self.refusal


def through(link: AwayLink, *, on_wait=lambda: None, on_break=lambda why: None) -> str:
    """Do something whose line breaks once."""
    breaks = [LinkBrokenError("cut")]

    def action() -> str:
        if breaks:
            raise breaks.pop()
        return "done"

    patience = Patience(link, clock=link.clock, reconnect_s=300, on_wait=on_wait, on_break=on_break)
    return patience.through(action)


def test_a_rig_that_comes_back_is_gone_on_with():
    """The pauses double from 0.5 s to 10 s, so that neither the rig nor the user waits long."""
    link, told = AwayLink(ManualClock(), back_s=60), []
    assert through(link, on_break=told.append) == "done"
    assert link.tried_s[:6] == [0.5, 1.5, 3.5, 7.5, 15.5, 25.5]
    assert told == ["cut", ""]


def test_a_rig_that_stays_away_is_lost_after_the_time_that_was_given():
    """Five minutes, not for ever; the last reason is told."""
    link = AwayLink(ManualClock(), back_s=1e9)
    with pytest.raises(RigLostError, match="rig orin is away for 300 s: no route"):
        through(link)
    assert 300 <= link.tried_s[-1] <= 310


def test_a_rig_that_comes_back_with_another_host_key_is_not_asked_again():
    """Trust is no matter of patience."""
    link = AwayLink(ManualClock(), back_s=0, refusal=TrustError("another host key"))
    with pytest.raises(TrustError):
        through(link)
    assert len(link.tried_s) == 1


def test_a_stop_ends_the_waiting_at_once():
    """Ctrl-C in the pause is heeded within a tenth of a second."""
    link = AwayLink(ManualClock(), back_s=1e9)

    def stop():
        if link.clock.monotonic_ns() > 2 * NS_PER_S:
            raise RunAbortedError("stopped")

    with pytest.raises(RunAbortedError):
        through(link, on_wait=stop)
    assert link.clock.monotonic_ns() < 2.2 * NS_PER_S
