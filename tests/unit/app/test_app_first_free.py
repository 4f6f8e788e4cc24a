"""hilrig.app.rigs.first_free: one run, on the first rig that takes it."""

import os
import signal
from pathlib import Path

import pytest

from hilrig.app.rigs.first_free import on_first_free
from hilrig.app.rigs.many_rigs import RigJob
from hilrig.app.run.request import RunRequest
from hilrig.core.clock import ManualClock
from hilrig.core.errors import (
    ConfigError,
    PreconditionError,
    Problem,
    RigBusyError,
    RigLostError,
    RunAbortedError,
)
from matrices import make_rig

pytestmark = pytest.mark.waiting


def jobs(*names: str) -> list[RigJob]:
    return [
        RigJob(
            rig=make_rig(name),
            request=RunRequest(
                profile=Path("/p"), rig_file=Path(name), reports=Path("/r"), duration_s=None, key=Path("/k")
            ),
        )
        for name in names
    ]


class Asked:
    """Attempts that raise what a script says, rig by rig; notes the order."""

    def __init__(self, **ends) -> None:
        self.ends = ends
        self.order: list[str] = []
        self.told: list[str] = []
        self.clock = ManualClock()

    def __call__(self, request, on_status):
        name = str(request.rig_file)
        self.order.append(name)
        end = self.ends[name].pop(0)
        if isinstance(end, tuple):
            on_status({"phase": "measure", "run_dir": "/reports/x"})
            (end,) = end
        if isinstance(end, BaseException):
            raise end
        return end

    def on(self, *names, wait_s=0.0):
        return on_first_free(
            jobs(*names),
            self,
            wait_s=wait_s,
            clock=self.clock,
            on_status=lambda status: None,
            tell=self.told.append,
        )


def busy(who: str = "eva@lab") -> RigBusyError:
    return RigBusyError(f"the rig is held by {who}")


def test_the_first_free_rig_takes_the_run():
    """Busy, unreachable and not fit for it: the next one is asked, and a person hears why."""
    asked = Asked(a=[busy()], b=[RigLostError("no answer")], c=[PreconditionError("too hot")], d=["done"], e=[])
    assert asked.on("a", "b", "c", "d", "e") == "done"
    assert asked.order == ["a", "b", "c", "d"]
    assert asked.told == ["rig a: the rig is held by eva@lab", "rig b: no answer", "rig c: too hot"]


def test_a_run_that_was_begun_is_not_begun_elsewhere():
    """A rig that is lost in mid-run is the outcome: another rig's PASS would hide it."""
    asked = Asked(a=[(RigLostError("gone"),)], b=["done"])
    with pytest.raises(RigLostError, match="gone"):
        asked.on("a", "b")
    assert asked.order == ["a"]


def test_a_mistake_in_the_profile_is_nobodys_rig():
    """What would be refused everywhere is told at once."""
    problem = Problem(file="p.yaml", line=1, column=1, code="x", message="no")
    asked = Asked(a=[ConfigError([problem])], b=["done"])
    with pytest.raises(ConfigError):
        asked.on("a", "b")
    assert asked.order == ["a"]


def test_busy_is_told_before_broken():
    """When no rig takes it, the one that will be free again is the answer a person can use."""
    asked = Asked(a=[busy()], b=[RigLostError("no answer")])
    with pytest.raises(RigBusyError):
        asked.on("a", "b")


def test_no_rig_busy_is_not_waited_for():
    """Waiting does not repair a rig."""
    asked = Asked(a=[RigLostError("no answer")], b=[PreconditionError("too hot")])
    with pytest.raises(PreconditionError):
        asked.on("a", "b", wait_s=600)
    assert asked.order == ["a", "b"]


def test_all_busy_are_asked_again():
    """The second round finds one of them free."""
    asked = Asked(a=[busy(), busy()], b=[busy(), "done"])
    assert asked.on("a", "b", wait_s=60) == "done"
    assert asked.order == ["a", "b", "a", "b"]
    assert any("waiting, 1 min left" in text for text in asked.told)


def test_the_wait_has_an_end():
    """The rig is asked for the last time when the time is over."""
    asked = Asked(a=[busy() for _ in range(9)])
    with pytest.raises(RigBusyError):
        asked.on("a", wait_s=25)
    assert len(asked.order) == 4
    assert asked.clock.now_ns == 25_000_000_000


def test_a_signal_ends_the_wait():
    """Ctrl-C between two questions: the operator ended it, and the message says who held the rig."""

    class Interrupted(ManualClock):
        def sleep_until(self, deadline_ns):
            os.kill(os.getpid(), signal.SIGINT)
            super().sleep_until(deadline_ns)

    asked = Asked(a=[busy() for _ in range(9)])
    asked.clock = Interrupted()
    with pytest.raises(RunAbortedError, match="eva@lab"):
        asked.on("a", wait_s=600)
    assert asked.order == ["a"]
