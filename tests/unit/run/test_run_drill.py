"""The supervisor's hand in the drill: what it does at which moment, and whose death it expects."""

import resource
import signal
import subprocess

import pytest

from builders import make_frames, make_plan
from drills import make_fault, with_drill
from hilrig.core.drill import fault_spans
from hilrig.core.fault import FaultKind
from hilrig.core.units import NS_PER_S
from hilrig.run.crew import Lost
from hilrig.run.drill import DEATH_WINDOW_S, Drill, losing_files
from hilrig.run.live import LiveNumbers
from hilrig.run.shared_block import Layout, SharedBlock, Word

SEGV = Lost("worker", "killed by signal SIGSEGV")
PID = 4242


class Deck:
    """The crew as the drill sees it: keeps what it is told to do; there are no processes here to break."""

    def __init__(self):
        self.facts = {"worker": {"pid": PID, "load_time_ms": 12.0}}
        self.said = []
        self.signals = []
        self.n_replaced = 0

    def send_signal(self, role, number):
        assert role == "worker"
        self.signals.append(number)

    def replace(self, role, *, module=""):
        assert (role, module) == ("worker", "")
        self.n_replaced += 1


class Keeper:
    """What sets the wall clock: here a number, which may refuse."""

    def __init__(self):
        self.n_made = self.off_s = 0
        self.refuses = self.is_closed = False

    def made(self):
        self.n_made += 1
        return self

    def step(self, step_s):
        self._set(step_s)
        return self._put_back

    def close(self):
        self.off_s, self.is_closed = 0, True

    def _put_back(self):
        found_s = self.off_s
        self._set(0)
        return {"offset_s": found_s}

    def _set(self, off_s):
        if self.refuses:
            raise PermissionError(1, "Operation not permitted")
        self.off_s = off_s


class Bench:
    """A drill with its faults, asked at moments after t0."""

    def __init__(self, *faults):
        plan = with_drill(make_plan(), *faults)
        self.spans = fault_spans(plan)
        self.deck, self.events, self.keeper = Deck(), [], Keeper()
        small = Layout(n_slots=1, height_px=4, width_px=4, n_records=8, n_readings=8, n_stalls=8, n_pauses=8)
        self.block = SharedBlock.create(small)
        self.block[Word.TARGET_PID] = PID
        self.drill = Drill(
            plan,
            self.block,
            crew=self.deck,
            event=lambda kind, detail: self.events.append((kind, detail)),
            make_keeper=self.keeper.made,
        )

    def states(self):
        return [(detail.get("name"), detail.get("state", kind)) for kind, detail in self.events]


def test_a_fault_begins_and_ends_when_it_is_due():
    """Not a nanosecond before; once each, however often it is looked at."""
    bench = Bench(make_fault(FaultKind.CAMERA_STOPS, name="gone"))
    (span,) = bench.spans
    for since_ns in (
        span.begin_ns - 1,
        span.begin_ns,
        span.begin_ns,
        span.end_ns - 1,
        span.end_ns,
        span.end_ns + 9,
    ):
        bench.drill.step(since_ns)
    assert bench.states() == [("gone", "start"), ("gone", "stop")]


def test_a_supervisor_that_slept_over_a_fault_still_says_that_it_began_and_ended():
    """Late looks lose no fault, and keep their order."""
    late = make_fault(FaultKind.CAMERA_FREEZES, name="late", at_s=8)
    bench = Bench(make_fault(FaultKind.CAMERA_STOPS, name="early"), late)
    for _ in range(4):
        bench.drill.step(bench.spans[1].end_ns)
    assert bench.states() == [("early", "start"), ("early", "stop"), ("late", "start"), ("late", "stop")]


def test_a_hanging_process_is_stopped_and_goes_on():
    """SIGSTOP at its begin, SIGCONT at its end."""
    bench = Bench(make_fault(FaultKind.MODEL_HANGS))
    bench.drill.step(bench.spans[0].begin_ns)
    assert bench.deck.signals == [signal.SIGSTOP]
    bench.drill.step(bench.spans[0].end_ns)
    assert bench.deck.signals == [signal.SIGSTOP, signal.SIGCONT]


def test_a_run_that_ends_in_a_hang_lets_the_process_go_on():
    """The operator stops the run: nobody stays behind stopped; a second time it is not signalled."""
    bench = Bench(make_fault(FaultKind.MODEL_HANGS))
    bench.drill.step(bench.spans[0].begin_ns)
    bench.drill.calm()
    bench.drill.calm()
    assert bench.deck.signals == [signal.SIGSTOP, signal.SIGCONT]


def test_a_killed_worker_is_replaced_once():
    """The second death is nobody's fault but the pipeline's."""
    bench = Bench(make_fault(FaultKind.WORKER_KILLED, name="kill"))
    begin_ns = bench.spans[0].begin_ns
    bench.drill.step(begin_ns)
    assert bench.deck.signals == [signal.SIGKILL]
    assert bench.drill.expects(SEGV, begin_ns + 1)
    assert not bench.drill.expects(SEGV, begin_ns + 2)
    assert bench.deck.n_replaced == 1
    assert ("worker_lost", {"name": "kill", "how": SEGV.how}) in bench.events


@pytest.mark.parametrize(
    ("kind", "role", "after_s"),
    [
        (FaultKind.CAMERA_STOPS, "worker", 0.1),
        (FaultKind.MODEL_CRASHES, "feeder", 0.1),
        (FaultKind.MODEL_CRASHES, "worker", DEATH_WINDOW_S + 0.1),
        (FaultKind.MODEL_CRASHES, "worker", -0.1),
    ],
)
def test_another_death_is_not_the_drills(kind, role, after_s):
    """Another fault, another process, too late or too early: the run has lost a process."""
    bench = Bench(make_fault(kind))
    begin_ns = bench.spans[0].begin_ns
    since_ns = begin_ns + round(after_s * NS_PER_S)
    bench.drill.step(min(since_ns, begin_ns))
    assert not bench.drill.expects(replace_role(SEGV, role), since_ns)
    assert bench.deck.n_replaced == 0


def test_the_successor_is_the_one_to_watch_from_then_on():
    """Its process id goes where the sampler looks, and into an event with what loading took."""
    bench = Bench(make_fault(FaultKind.WORKER_KILLED))
    bench.deck.facts["worker"] = {"pid": 4711, "load_time_ms": 80.5}
    bench.drill.step(0)
    bench.drill.step(0)
    assert bench.block[Word.TARGET_PID] == 4711
    assert bench.events == [("worker_returned", {"pid": 4711, "load_time_ms": 80.5})]


def test_what_the_worker_said_of_a_fault_is_written_down_also_at_the_end():
    """A refusal that came with the last frames is not lost."""
    bench = Bench(make_fault(FaultKind.MODEL_CORRUPT))
    bench.deck.said.append({"name": "torn", "state": "refused", "words": "damaged"})
    bench.drill.calm()
    assert bench.states() == [("torn", "refused")]


def replace_role(lost, role):
    return lost._replace(role=role)


def test_live_numbers_of_the_measured_part_stop_where_the_drill_begins():
    """What a view shows beside the limits is what the verdict will be about; the count of all frames goes on."""
    plan = with_drill(make_plan(n_measured=60, n_warmup=30), make_fault(FaultKind.CAMERA_GARBAGE))
    numbers = LiveNumbers(plan)
    frames = make_frames(plan, failed=range(90, plan.n_frames))
    numbers.update(frames[:80])
    numbers.update(frames[80:])
    told = numbers.snapshot(now_ns=1, t0_ns=1, n_released=plan.n_frames)
    assert (told["measured"]["n"], told["measured"]["n_failed"]) == (60, 0)
    assert told["n_failed"] == plan.n_drill_frames


def test_a_full_disk_is_the_processs_own_and_has_room_again_afterwards():
    """The limit of a real process: none, 0 in the fault, none again; also when the run ends in the fault."""
    for ends_by_itself in (True, False):
        bench = Bench(make_fault(FaultKind.DISK_FULL))
        (span,) = bench.spans
        with subprocess.Popen(["sleep", "60"]) as process:
            bench.deck.facts["worker"]["pid"] = process.pid
            before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
            bench.drill.step(span.begin_ns)
            assert resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[0] == 0
            bench.drill.step(span.end_ns) if ends_by_itself else bench.drill.calm()
            assert resource.prlimit(process.pid, resource.RLIMIT_FSIZE) == before
            process.kill()


def test_a_fault_that_the_system_refuses_did_not_begin():
    """Its process is gone: said, with the system's words; no start, no stop, and the drill goes on."""
    bench = Bench(make_fault(FaultKind.DISK_FULL, name="full"))
    (span,) = bench.spans
    with subprocess.Popen(["true"]) as process:
        bench.deck.facts["worker"]["pid"] = process.pid
    for since_ns in (span.begin_ns, span.end_ns):
        bench.drill.step(since_ns)
    assert ("full", "not_done") in bench.states()
    assert not {("full", "start"), ("full", "stop")} & set(bench.states())


def test_the_clock_is_stepped_and_put_back_and_the_record_says_where_it_was():
    """The process that does it is there before the drill, and once."""
    bench = Bench(make_fault(FaultKind.CLOCK_STEPS, name="hour"))
    (span,) = bench.spans
    bench.drill.prepare()
    bench.drill.step(span.begin_ns)
    assert (bench.keeper.off_s, bench.drill.has_moved_clock) == (3600, True)
    bench.drill.step(span.end_ns)
    assert (bench.keeper.off_s, bench.drill.has_moved_clock, bench.keeper.n_made) == (0, False, 1)
    assert bench.events[-1] == (
        "fault",
        {"name": "hour", "kind": "clock_steps", "state": "stop", "offset_s": 3600},
    )


@pytest.mark.parametrize("end", ["calm", "close"])
def test_a_run_that_ends_with_a_stepped_clock_puts_it_back(end):
    """Stopped by the operator, or by an error of our own."""
    bench = Bench(make_fault(FaultKind.CLOCK_STEPS))
    bench.drill.prepare()
    bench.drill.step(bench.spans[0].begin_ns)
    getattr(bench.drill, end)()
    bench.drill.close()
    assert (bench.keeper.off_s, bench.keeper.is_closed) == (0, True)


def test_a_clock_that_may_not_be_set_is_said():
    """The right to it went between the check and the fault."""
    bench = Bench(make_fault(FaultKind.CLOCK_STEPS, name="hour"))
    bench.keeper.refuses = True
    bench.drill.prepare()
    bench.drill.step(bench.spans[0].begin_ns)
    assert not bench.drill.has_moved_clock
    assert bench.states()[-1] == ("hour", "not_done")
    assert "Operation not permitted" in bench.events[-1][1]["words"]


def test_a_plan_without_a_step_has_nobody_who_could_set_the_clock():
    """No process more in any other run; and only a full disk needs the pipe to the log."""
    bench = Bench(make_fault(FaultKind.DISK_FULL))
    bench.drill.prepare()
    assert bench.keeper.n_made == 0
    assert losing_files(with_drill(make_plan(), make_fault(FaultKind.DISK_FULL))) == ("worker",)
    assert losing_files(with_drill(make_plan(), make_fault(FaultKind.CLOCK_STEPS))) == ()
