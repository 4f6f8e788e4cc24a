"""hilrig.run.supervisor: real processes, a writer that keeps everything in lists."""

import errno
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import psutil
import pytest

from builders import make_plan
from drills import make_fault, with_drill
from hilrig.core.clock import SystemClock
from hilrig.core.errors import PreconditionError, RunAbortedError
from hilrig.core.fault import FaultKind
from hilrig.core.frame import FLAG_FRESH, FeedInfo, Outcome, OutcomeReason
from hilrig.core.profile import BackendSpec, FeedSpec
from hilrig.core.run import Ended
from hilrig.core.units import NS_PER_S
from hilrig.run import supervisor as subject
from hilrig.run.drill import Drill
from hilrig.run.supervisor import Job, Supervisor
from stolen_cpu import StolenCpu

FPS = Fraction(100)
SIZE_PX = 128


class ListWriter:
    """Keeps what a run produces; refuses like a full disk after `n_batches` batches of frames."""

    def __init__(self, n_batches=10**9):
        self.n_batches = n_batches
        self.tables, self.rows, self.events, self.statuses = [], [], [], []
        self.capabilities = None

    def channels(self, capabilities):
        self.capabilities = capabilities

    def frames(self, table):
        if len(self.tables) >= self.n_batches:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.tables.append(table)

    def readings(self, table):
        self.rows.append(table)

    def event(self, kind, detail, t_ns):
        self.events.append((kind, dict(detail)))

    def status(self, status):
        self.statuses.append(dict(status))

    def flush(self):
        """Keep nothing back."""

    def all_frames(self):
        return np.concatenate(self.tables)

    def kinds(self):
        return [kind for kind, _ in self.events]


def supervise(  # noqa: PLR0913 - one argument for each thing that a test changes
    tmp_path,
    *,
    writer=None,
    stop=lambda: False,
    backend=None,
    n_measured=100,
    failure=None,
    fresh_every=0,
    stop_when_failed=True,
    ended=Ended.ABORTED,
    faults=(),
):
    """Run 0.3 s of warm-up and a second at 100 fps with the null backend; return the end and the writer."""
    plan = make_plan(n_measured=n_measured, n_warmup=30, fps=FPS)
    plan = replace(
        plan,
        stop_when_failed=stop_when_failed,
        queue=replace(plan.queue, depth=64),  # a machine that stands still for half a second drops nothing
        pipeline=replace(
            plan.pipeline,
            preprocess=replace(plan.pipeline.preprocess, width_px=SIZE_PX, height_px=SIZE_PX),
            backend=backend or BackendSpec(name="null", options={"service_ms": 1}),
        ),
        model=replace(plan.model, files=(), input_shape=(1, 3, SIZE_PX, SIZE_PX)),
        feed=FeedSpec(
            source="synthetic",
            pool_frames=3,
            fresh_every=fresh_every,
            options={"seed": 1, "width_px": SIZE_PX, "height_px": SIZE_PX},
        ),
    )
    plan = with_drill(plan, *faults)
    job = Job(
        plan=plan,
        run_folder=tmp_path,
        profile_folder=tmp_path,
        feed_info=FeedInfo(n_frames=3, height_px=SIZE_PX, width_px=SIZE_PX),
        log_path=tmp_path / "run.log",
        told={"warnings": ["mind the step"]},
    )
    writer = writer or ListWriter()
    pool = []
    end = Supervisor(
        job,
        writer=writer,
        clock=SystemClock(),
        stop_requested=stop,
        on_frames=pool.extend,
        failure=failure,
        stopped_as=lambda: (ended, "stopped by Ada: the belt stands"),
    ).run()
    assert len({frame["sha256"] for frame in pool}) == 3
    return end, writer


class Watch:
    """Declares a failure certain once it has seen `n` frames."""

    def __init__(self, n):
        self.n = n
        self.seen = []

    def update(self, frames):
        self.seen += frames["frame_id"].tolist()

    def reason(self, *, now_ns):
        return "too many frames were late" if len(self.seen) >= self.n and now_ns else None


@pytest.fixture(scope="module")
def others():
    """Return what other machines take, from before the run on at which several tests look."""
    return StolenCpu()


@pytest.fixture(scope="module")
def whole(others, tmp_path_factory):
    """Return the end, the writer and the watch of one undisturbed run, at which several tests look."""
    watch = Watch(n=10**9)
    end, writer = supervise(tmp_path_factory.mktemp("whole"), failure=watch, fresh_every=5)
    return end, writer, watch


def test_a_run_from_its_first_to_its_last_frame(whole):
    """Every frame once, in order, on the grid; telemetry with both edges; events that tell the whole story."""
    end, writer, _ = whole
    frames = writer.all_frames()
    t0_ns = dict(writer.events)["schedule"]["t0_ns"]
    assert end.ended is Ended.COMPLETED
    assert frames["frame_id"].tolist() == list(range(130))
    assert (np.diff(frames["t_intended_ns"]) == 10_000_000).all()
    assert frames["t_intended_ns"][0] == t0_ns
    assert set(frames["outcome"].tolist()) <= {Outcome.DECIDED, Outcome.DROPPED}
    readings = np.concatenate(writer.rows)
    edges = np.unique(readings["t_ns"][readings["tier"] == 2])
    assert len(edges) == 2
    assert abs(int(edges[0]) - (t0_ns + 300_000_000)) < 1_000_000_000  # a busy machine may be late
    assert readings["channel"].max() < len(writer.capabilities)
    assert writer.kinds()[-1] == "phase"
    assert {"schedule", "clock", "child_ready", "run_ended"} <= set(writer.kinds())
    assert writer.statuses[-1]["n_offered"] == 130


def test_every_status_says_what_the_job_told(whole):
    """Warnings and the like stand beside the numbers, from loading to the end; the last one has all frames."""
    _, writer, _ = whole
    assert {status["warnings"][0] for status in writer.statuses} == {"mind the step"}
    phases = [status["phase"] for status in writer.statuses]
    assert phases[0] == "loading"
    assert phases[-2:] == ["drain", "done"]
    assert writer.statuses[-1]["measured"]["n"] == 100


def test_the_watch_sees_every_frame_once(whole):
    """The watch is given what is recorded, in order, nothing twice."""
    _, writer, watch = whole
    assert watch.seen == writer.all_frames()["frame_id"].tolist()


def test_fresh_frames_are_marked_and_come_as_planned(whole, others):
    """With `fresh_every` 5, only frames 4, 9, 14 ... may be fresh, and on a machine with time most of them are."""
    _, writer, _ = whole
    frames = writer.all_frames()
    fresh = frames["frame_id"][frames["flags"] == FLAG_FRESH]
    assert set((fresh % 5).tolist()) <= {4}
    if len(fresh) < 10 and others.is_too_much():
        pytest.skip("hardware: other virtual machines took the time in which frames are made")
    assert len(fresh) >= 10


def test_every_process_says_what_it_got_from_the_system(whole):
    """Feeder, worker, sampler and sentinel each tell their setup, and the feeder how long it stays awake."""
    _, writer, _ = whole
    setups = {detail["role"]: detail["facts"]["setup"] for kind, detail in writer.events if kind == "child_ready"}
    assert setups.keys() == {"feeder", "worker", "sampler_loop", "stall_sentinel"}
    assert setups["feeder"]["spin_us"] >= 50
    assert setups["feeder"]["timer_slack_ns"] == 1


def test_a_target_that_never_comes_back_ends_the_run(tmp_path, monkeypatch):
    """The frames that it never answered are dropped with the run's end as their reason, and it is named."""
    monkeypatch.setattr(subject, "DRAIN_LIMIT_NS", 200_000_000)
    stuck = BackendSpec(name="null", options={"stall_every": 60, "stall_ms": 60_000})
    end, writer = supervise(tmp_path, backend=stuck, n_measured=60)
    frames = writer.all_frames()
    assert end.ended is Ended.PROCESS_LOST
    assert "did not come back from a frame" in end.reason
    assert len(frames) == 90
    unanswered = frames[frames["reason"] == OutcomeReason.RUN_ENDED]
    assert len(unanswered) > 0
    assert unanswered["frame_id"].tolist() == list(range(90 - len(unanswered), 90))
    assert (unanswered["outcome"] == Outcome.DROPPED).all()


@pytest.mark.waiting
@pytest.mark.parametrize("asks", [False, True], ids=["nobody asks", "stop is asked"])
def test_a_camera_that_never_comes_back_ends_the_run(tmp_path, monkeypatch, asks):
    """SIGSTOP to the feeder in the midst of its frames: the run ends all the same, by itself and when asked to."""
    monkeypatch.setattr(subject, "FEEDER_LIMIT_NS", NS_PER_S)
    writer, held = ListWriter(), []

    def stop():
        if not held and ("phase", {"phase": "measure"}) in writer.events:
            held.extend(one for one in psutil.Process().children() if "hilrig.run.feeder" in one.cmdline())
            held[0].suspend()
        return asks and bool(held)

    end, writer = supervise(tmp_path, writer=writer, stop=stop, n_measured=300)
    assert end.ended is (Ended.ABORTED if asks else Ended.PROCESS_LOST)
    (lost,) = [detail for kind, detail in writer.events if kind == "child_lost"]
    assert lost == {"role": "feeder", "how": "it did not come back from a frame"}
    assert len(writer.all_frames()) < 330
    assert not held[0].is_running()


def test_a_full_disk_ends_the_run_and_leaves_a_prefix(tmp_path):
    """After the first refusal no later frame is written: what is there has no hole."""
    end, writer = supervise(tmp_path, writer=ListWriter(n_batches=2), n_measured=1000)
    frames = writer.all_frames()
    assert end.ended is Ended.DISK_FULL
    assert frames["frame_id"].tolist() == list(range(len(frames)))
    assert writer.kinds().count("disk_full") == 1
    assert dict(writer.events)["run_ended"]["ended"] == "disk_full"


def test_another_fault_of_the_writer_is_not_called_a_full_disk(tmp_path):
    """An error that is none of the disk's comes out as it is."""

    class Broken(ListWriter):
        def frames(self, table):
            raise OSError(errno.EBADF, "Bad file descriptor")

    with pytest.raises(OSError, match="Bad file descriptor"):
        supervise(tmp_path, writer=Broken())


def test_a_target_that_cannot_be_loaded_is_told_in_its_own_words(tmp_path):
    """The worker's message and hint come through; no frame is offered."""
    missing = BackendSpec(name="nothing")
    with pytest.raises(PreconditionError, match="unknown backend 'nothing'") as caught:
        supervise(tmp_path, backend=missing)
    assert "known:" in caught.value.hint


def test_a_stop_while_loading_offers_no_frame(tmp_path):
    """Ctrl-C before the first frame is an abort, not a run."""
    with pytest.raises(RunAbortedError, match="no frame was offered"):
        supervise(tmp_path, stop=lambda: True)


def test_a_lost_run_is_ended_at_once(tmp_path):
    """When a failure has become certain the run ends, says why, and its frames are all accounted for."""
    watch = Watch(n=60)
    end, writer = supervise(tmp_path, failure=watch, n_measured=2000)
    assert end.ended is Ended.DECIDED_EARLY
    assert end.reason == "too many frames were late"
    assert ("failure_certain", {"reason": end.reason}) in writer.events
    frames = writer.all_frames()
    assert 60 <= len(frames) < 1000
    assert (frames["outcome"] != Outcome.PENDING).all()


def test_a_profile_may_let_a_lost_run_go_on(tmp_path):
    """Then the certain failure is told, once in the events and in every status from then on, and nothing ends."""
    end, writer = supervise(tmp_path, failure=Watch(n=40), stop_when_failed=False, n_measured=200)
    assert end.ended is Ended.COMPLETED
    assert writer.kinds().count("failure_certain") == 1
    assert writer.statuses[0]["certain_failure"] == ""
    assert writer.statuses[-1]["certain_failure"] == "too many frames were late"
    assert len(writer.all_frames()) == 230


@pytest.mark.parametrize("ended", [Ended.ABORTED, Ended.LEASE_LOST])
def test_who_stopped_a_run_stands_in_its_record(tmp_path, ended):
    """The words of the request are the reason of the end, and in the event; what it is called comes with them."""
    statuses = []

    class Telling(ListWriter):
        def status(self, status):
            statuses.append(status["phase"])

    end, writer = supervise(
        tmp_path, writer=Telling(), stop=lambda: "measure" in statuses, ended=ended, n_measured=3000
    )
    assert end.ended is ended
    assert dict(writer.events)["run_ended"]["ended"] == ended.value
    assert end.reason == dict(writer.events)["run_ended"]["reason"] == "stopped by Ada: the belt stands"
    assert ("stop_requested", {"reason": end.reason}) in writer.events


class NoKeeper:
    """Sets no clock, and says that it did."""

    def step(self, step_s):
        return lambda: {"offset_s": step_s}

    def close(self):
        """Nothing to put back."""


@pytest.mark.waiting
def test_the_clocks_are_not_read_while_our_own_fault_has_moved_one(tmp_path, monkeypatch):
    """Before it and after it they are, so that what is judged is whether it was put back; 20 readings a second."""
    monkeypatch.setattr(subject, "CLOCK_EVENT_NS", 50_000_000)
    monkeypatch.setattr(subject, "Drill", partial(Drill, make_keeper=NoKeeper))
    fault = make_fault(FaultKind.CLOCK_STEPS, at_s=1.0, duration_s=0.5, recovery_max_s=0.1)
    _, writer = supervise(tmp_path, n_measured=10, faults=(fault,))
    told = [detail.get("state", kind) for kind, detail in writer.events if kind in {"clock", "fault"}]
    begin, end = told.index("start"), told.index("stop")
    assert end == begin + 1
    assert min(begin, len(told) - end) > 5
