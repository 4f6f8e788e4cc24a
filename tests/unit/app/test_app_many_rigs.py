"""hilrig.app.rigs.many_rigs: every rig gets its turn and its own end, whatever becomes of the others."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from hilrig.app.rigs.many_rigs import RETRY_S, RigJob, RigState, Stage, run_on_many
from hilrig.app.run.process import Finished
from hilrig.app.run.request import RunRequest
from hilrig.core.clock import ManualClock
from hilrig.core.errors import HilrigError, PreconditionError, RigBusyError, RigLostError, RunAbortedError
from matrices import make_rig

pytestmark = pytest.mark.waiting

NS_PER_S = 1_000_000_000


@dataclass
class Script:
    """What a rig does each time it is asked: an error, or an exit code after so many seconds."""

    ends: list[HilrigError | int]
    lasts_s: float = 3.0


@dataclass
class Lab:
    """Rigs that do what their script says, on a clock that a test moves; counts who runs at a time."""

    scripts: dict[str, Script]
    clock: ManualClock = field(default_factory=ManualClock)
    running: int = 0
    most_running: int = 0
    started: list[tuple[str, float]] = field(default_factory=list)
    signals: list[tuple[str, int]] = field(default_factory=list)

    def start(self, request: RunRequest) -> "Process":
        """Start a run as `SoakProcess` does."""
        name = request.rig_file.stem
        self.started.append((name, self.clock.now_ns / NS_PER_S))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        return Process(self, name, self.scripts[name].ends.pop(0), self.scripts[name].lasts_s)

    def run(self, *, max_parallel: int = 8, wait_s: float = 0.0, on_states: Callable | None = None):
        """Run on all rigs."""
        jobs = [RigJob(rig=make_rig(name), request=request_for(name)) for name in self.scripts]
        return run_on_many(
            jobs,
            max_parallel=max_parallel,
            wait_s=wait_s,
            clock=self.clock,
            on_states=on_states or (lambda states: None),
            start=self.start,
        )


class Process:
    """A run that ends as its script says; SIGTERM ends it in order, SIGKILL at once."""

    def __init__(self, lab: Lab, name: str, end: HilrigError | int, lasts_s: float) -> None:
        self.lab, self.name, self.end = lab, name, end
        self.until_ns = lab.clock.now_ns + round((0 if isinstance(end, HilrigError) else lasts_s) * NS_PER_S)
        self.is_closed = False

    def ended_within(self, wait_s):
        return self.lab.clock.now_ns >= self.until_ns

    def status(self):
        return {"phase": "measure", "run_dir": f"/reports/{self.name}"}

    def outcome(self):
        if isinstance(self.end, HilrigError):
            raise self.end
        return Finished(run_dir=Path(f"/reports/{self.name}"), exit_code=self.end)

    def send(self, number):
        self.lab.signals.append((self.name, number))
        self.end = 12 if number == signal.SIGTERM else RigLostError("killed")
        if number == signal.SIGKILL:
            self.until_ns = 0

    def wait(self):
        self.until_ns = 0

    def close(self):
        assert not self.is_closed
        self.is_closed = True
        self.lab.running -= 1


def request_for(name: str) -> RunRequest:
    return RunRequest(
        profile=Path("/p"),
        rig_file=Path(f"/rigs/{name}.yaml"),
        reports=Path("/r"),
        duration_s=None,
        key=Path("/k"),
    )


def busy() -> RigBusyError:
    return RigBusyError("the rig is held by eva@lab", hint="wait")


def test_outcomes_come_in_the_order_of_the_rigs():
    """The slowest rig is the first one: its outcome stands first all the same, and no process is left open."""
    lab = Lab({"a": Script([0], lasts_s=9), "b": Script([10]), "c": Script([11])})
    outcomes = lab.run()
    assert [(one.rig.name, one.finished.exit_code) for one in outcomes] == [("a", 0), ("b", 10), ("c", 11)]
    assert lab.running == 0


def test_one_rigs_failure_stops_no_other():
    """Whatever a rig reports is its own outcome."""
    error = PreconditionError("too hot", hint="wait for 20 minutes")
    lab = Lab({"a": Script([error]), "b": Script([RigLostError("gone")]), "c": Script([0])})
    first, second, third = lab.run()
    assert first.error is error
    assert isinstance(second.error, RigLostError)
    assert third.finished.exit_code == 0


def test_a_rig_out_of_service_is_not_asked():
    """It has its outcome with the reason from its file, and no process is started for it."""
    rig = make_rig("a", disabled="fan is broken", work_folder=None)
    lab = Lab({})
    job = RigJob(rig=rig, request=request_for("a"))
    (outcome,) = run_on_many(
        [job], max_parallel=1, wait_s=600, clock=lab.clock, on_states=lambda states: None, start=lab.start
    )
    assert "rig a is out of service: fan is broken" in outcome.error.message
    assert lab.started == []


@pytest.mark.parametrize("max_parallel", [1, 2, 5])
def test_no_more_than_asked_run_at_a_time(max_parallel):
    """A dozen rigs: never more than the limit, and all the places are used."""
    lab = Lab({f"r{i}": Script([0]) for i in range(12)})
    assert len(lab.run(max_parallel=max_parallel)) == 12
    assert lab.most_running == max_parallel


def test_a_busy_rig_is_asked_once_without_wait():
    """Without --wait the answer stands: busy, with its holder."""
    lab = Lab({"a": Script([busy()])})
    (outcome,) = lab.run()
    assert "eva@lab" in outcome.error.message
    assert len(lab.started) == 1


def test_a_busy_rig_is_asked_again_until_it_is_free():
    """It is asked about every ten seconds; its place is another's meanwhile."""
    lab = Lab({"a": Script([busy(), busy(), 0]), "b": Script([0])})
    outcomes = lab.run(max_parallel=1, wait_s=60)
    assert [one.finished.exit_code for one in outcomes] == [0, 0]
    assert [name for name, _ in lab.started] == ["a", "b", "a", "a"]
    asked_s = [at_s for name, at_s in lab.started if name == "a"]
    assert all(later - earlier >= RETRY_S for earlier, later in pairwise(asked_s))


def test_the_wait_has_an_end():
    """The last question is asked when the time is over, not long before and never after."""
    lab = Lab({"a": Script([busy() for _ in range(9)])})
    (outcome,) = lab.run(wait_s=25)
    assert isinstance(outcome.error, RigBusyError)
    assert [round(at_s) for _, at_s in lab.started] == [0, 10, 21, 25]


def test_a_rig_whose_turn_comes_late_is_asked_all_the_same():
    """The time to wait is over when the first run ends: the second rig was never asked, so it is, once."""
    lab = Lab({"a": Script([0], lasts_s=100), "b": Script([busy()])})
    outcomes = lab.run(max_parallel=1, wait_s=5)
    assert isinstance(outcomes[1].error, RigBusyError)
    assert len(lab.started) == 2


def test_states_tell_of_every_rig_at_every_look():
    """Queued, running, busy with the reason, done: in the order of the rigs."""
    seen: list[list[RigState]] = []
    lab = Lab({"a": Script([0]), "b": Script([busy(), 0]), "c": Script([0])})
    lab.run(max_parallel=2, wait_s=30, on_states=lambda states: seen.append(list(states)))
    assert all([state.rig for state in states] == ["a", "b", "c"] for states in seen)
    assert [state.stage for state in seen[0]] == [Stage.RUNNING, Stage.RUNNING, Stage.QUEUED]
    assert any("eva@lab" in state.why for states in seen for state in states if state.stage is Stage.BUSY)
    assert {state.stage for state in seen[-1]} == {Stage.DONE}


def at_look(n: int, *numbers: int) -> Callable:
    """Return what sends this process signals at the n-th look at the states."""
    left = {n: numbers}
    count = iter(range(10_000))

    def look(states):
        for number in left.pop(next(count), ()):
            os.kill(os.getpid(), number)

    return look


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_ends_everything_in_order(number):
    """What runs gets SIGTERM once and is judged; what waits is never started; nothing is asked again."""
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("hardware: this process was started with that signal ignored")
    lab = Lab({"a": Script([0], lasts_s=50), "b": Script([busy(), 0]), "c": Script([0]), "d": Script([0])})
    first, second, third, fourth = lab.run(max_parallel=2, wait_s=600, on_states=at_look(3, number))
    assert first.finished.exit_code == 12
    assert isinstance(second.error, RunAbortedError)
    assert "while the rig was busy: the rig is held by eva@lab" in second.error.message
    assert third.finished.exit_code == 12
    assert "before this rig's turn" in fourth.error.message
    assert lab.signals.count(("a", signal.SIGTERM)) == 1
    assert lab.running == 0


def test_a_second_signal_kills():
    """A run that does not come to its end is not waited for."""
    lab = Lab({"a": Script([0], lasts_s=5000)})
    (outcome,) = lab.run(on_states=at_look(2, signal.SIGTERM, signal.SIGTERM))
    assert ("a", signal.SIGKILL) in lab.signals
    assert isinstance(outcome.error, RigLostError)


def test_what_shows_the_states_may_fail():
    """A closed pipe ends the command: every process is told to end and waited for."""
    lab = Lab({"a": Script([0]), "b": Script([0])})

    def broken(states):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        lab.run(on_states=broken)
    assert lab.running == 0
    assert sorted(lab.signals) == [("a", signal.SIGTERM), ("b", signal.SIGTERM)]


def test_handlers_are_put_back():
    """After the runs Ctrl-C does what it did before."""
    before = signal.getsignal(signal.SIGINT)
    Lab({"a": Script([0])}).run()
    assert signal.getsignal(signal.SIGINT) is before
