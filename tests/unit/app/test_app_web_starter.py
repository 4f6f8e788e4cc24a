"""Queued runs are started when the rig is free."""

import os
import threading
from pathlib import Path

from hilrig.app.web.queue import Queue, QueueState
from hilrig.app.web.starter import Starter, wait_until_free
from hilrig.core.clock import ManualClock
from hilrig.core.errors import PreconditionError, RigBusyError
from hilrig.rig.lease import LOCK_FILE, RigLease

WAIT_S = 60  # for another thread; never waited for in full when the code is right


class Starts:
    """Starts runs for the test: each takes its turn of `outcomes`, an error to raise or None."""

    def __init__(self, folder: Path, *outcomes: Exception | None) -> None:
        self.outcomes = list(outcomes)
        self.names: list[str] = []
        self.settled = threading.Event()
        self.queue = Queue(folder, clock=ManualClock(), on_change=self._look)
        self.starter = Starter(self.queue, lease_folder=folder, start=self._start, on_change=self._look)
        self.waiting = threading.Event()

    def add(self, name: str) -> None:
        self.settled.clear()
        self.queue.add(profile_name=name, duration_s=None, operator="Ada", note="")

    def _start(self, run) -> Path:
        self.names.append(run.profile_name)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        return Path("run")

    def _look(self) -> None:
        if self.starter_holder():
            self.waiting.set()
        if all(run.state is QueueState.REFUSED for run in self.queue.runs()):
            self.settled.set()

    def starter_holder(self) -> str:
        return self.starter.holder if hasattr(self, "starter") else ""


def test_runs_start_in_their_order(tmp_path):
    """The queue is worked off, and empty then."""
    starts = Starts(tmp_path)
    starts.add("one")
    starts.add("two")
    starts.starter.start_thread()
    assert starts.settled.wait(WAIT_S)
    assert starts.names == ["one", "two"]
    assert starts.queue.runs() == ()


def test_a_refused_run_is_passed_over(tmp_path):
    """Its reason stays for a person; the next one starts. An accident in our own code is no other."""
    refusal = PreconditionError("the profile asks for a GPU", hint="hilrig doctor")
    starts = Starts(tmp_path, refusal, ZeroDivisionError("oh"), None)
    for name in ("one", "two", "three"):
        starts.add(name)
    starts.starter.start_thread()
    assert starts.settled.wait(WAIT_S)
    first, second = starts.queue.runs()
    assert (first.reason, first.hint) == ("the profile asks for a GPU", "hilrig doctor")
    assert "ZeroDivisionError" in second.reason
    assert starts.names == ["one", "two", "three"]


def test_a_busy_rig_refuses_nothing(tmp_path):
    """Somebody else was quicker: the run waits for its turn again."""
    starts = Starts(tmp_path, RigBusyError("the rig is held"), None)
    starts.add("one")
    starts.starter.start_thread()
    assert starts.settled.wait(WAIT_S)
    assert starts.names == ["one", "one"]


def test_nothing_starts_while_the_rig_is_held(tmp_path):
    """It says who holds it; when that run ends, the next one starts by itself."""
    starts = Starts(tmp_path)
    with RigLease(tmp_path, run_id="0a1b2c3d"):
        starts.add("one")
        starts.starter.start_thread()
        assert starts.waiting.wait(WAIT_S)
        assert "0a1b2c3d" in starts.starter.holder
        assert starts.names == []
    assert starts.settled.wait(WAIT_S)
    assert starts.names == ["one"]
    assert starts.starter.holder == ""


def test_a_run_that_was_removed_while_it_waited_does_not_start(tmp_path):
    """A person may change their mind until the last moment."""
    starts = Starts(tmp_path)
    with RigLease(tmp_path, run_id="0a1b2c3d"):
        starts.add("one")
        starts.starter.start_thread()
        assert starts.waiting.wait(WAIT_S)
        starts.queue.remove(starts.queue.runs()[0].entry_id)
        starts.add("two")
    assert starts.settled.wait(WAIT_S)
    assert starts.names == ["two"]


def test_a_rig_that_was_never_used_is_free(tmp_path):
    """There is no lock file yet, and none is made: its owner is whoever runs first."""
    wait_until_free(tmp_path, on_wait=lambda _: pytest_fail())
    assert list(tmp_path.iterdir()) == []


def test_a_planted_link_is_not_opened(tmp_path):
    """Nothing to wait for; the run itself tells what is wrong."""
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / "fifo")
    (tmp_path / LOCK_FILE).symlink_to(tmp_path / "pipe" / "fifo")
    wait_until_free(tmp_path, on_wait=lambda _: pytest_fail())


def test_the_lock_is_free_for_the_run_afterwards(tmp_path):
    """Waiting holds nothing."""
    with RigLease(tmp_path, run_id="a"):
        pass
    wait_until_free(tmp_path, on_wait=lambda _: pytest_fail())
    with RigLease(tmp_path, run_id="b"):
        pass


def pytest_fail() -> None:
    raise AssertionError("nobody holds the rig")
