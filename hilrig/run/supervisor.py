"""The supervisor: has the processes of a run started, drains what they produce, ends the run in order."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from hilrig.config.noun_json import from_json
from hilrig.core.arrivals import schedule
from hilrig.core.canonical import canonical_json
from hilrig.core.clock import Clock
from hilrig.core.drill import drill_start_ns
from hilrig.core.errors import RigLostError, RunAbortedError
from hilrig.core.frame import FeedInfo
from hilrig.core.ports import FailureWatch, RecordWriter
from hilrig.core.run import Ended, Pacing, Phase, RunPlan
from hilrig.core.telemetry import Capability
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.run.child import Setup
from hilrig.run.crew import Crew, Lost
from hilrig.run.drill import Drill, losing_files
from hilrig.run.recorder import Recorder
from hilrig.run.shared_block import Layout, SharedBlock, Word
from hilrig.run.slots import SlotMap

POLL_PACED_NS: Final = 100 * NS_PER_MS
POLL_LOADING_NS: Final = 30 * NS_PER_MS
POLL_BUSY_NS: Final = 10 * NS_PER_MS
"""Where something has to be done soon: room for unpaced frames, a fault at its moment."""

BEAT_NS: Final = NS_PER_S
"""How often what was recorded is put on the disk and the live status replaced."""

CLOCK_EVENT_NS: Final = 60 * NS_PER_S
LOAD_LIMIT_NS: Final = 600 * NS_PER_S
DRAIN_LIMIT_NS: Final = 30 * NS_PER_S
FEEDER_LIMIT_NS: Final = 60 * NS_PER_S
"""A camera this far behind its last frame, or behind an end that it was told, does not come back: somebody stopped
its process, or it waits for a disk that answers no more."""

LEAD_NS: Final = 300 * NS_PER_MS
"""From "go" to the first frame: the processes look for "go" every 2 ms."""

NEVER_NS: Final = (1 << 63) - 1
LOST_READINGS: Final = (Word.READINGS_LOST, Word.STALLS_LOST, Word.PAUSES_LOST)
WORKERS: Final = {"ring": "relay"}
"""Modules that stand in for the worker, by target: whose pipeline is a process of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a supervisor is given: the plan, the folders of run and profile, the feed's size, the log.

    `told` is what the live status says besides the numbers of the run, as JSON.
    """

    plan: RunPlan
    run_folder: Path
    profile_folder: Path
    feed_info: FeedInfo
    log_path: Path
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How a run ended.

    Args:
        ended: how; `reason` says why in words when it was not completed.
        facts: what each process said of itself, by role.
    """

    ended: Ended
    reason: str
    facts: Mapping[str, Mapping[str, Any]]


class Supervisor:
    """One run, from starting its processes to the last drained record.

    Args:
        job: what to do.
        writer: where records, readings, events and the live status go.
        clock: the clock that polls and events are timed by.
        stop_requested: asked at every poll; True ends the run in order.
        on_frames: called once with the pool's frames (`sha256`, `labels`) before the first frame is due.
        failure: watches for a failure that no further frame can undo. It is told in the live status, and ends the
            run where the plan says so; None for nobody who watches.
        stopped_as: asked when `stop_requested` was true: what that end is called, who wanted it and why in words.
    """

    def __init__(
        self,
        job: Job,
        *,
        writer: RecordWriter,
        clock: Clock,
        stop_requested: Callable[[], bool],
        on_frames: Callable[[Sequence[Mapping[str, Any]]], None],
        failure: FailureWatch | None = None,
        stopped_as: Callable[[], tuple[Ended, str]] = lambda: (Ended.ABORTED, "stopped by the operator"),
    ) -> None:
        self._plan = job.plan
        self._clock = clock
        self._stop_requested = stop_requested
        self._stopped_as = stopped_as
        self._on_frames = on_frames
        layout = Layout.for_feed(job.feed_info, SlotMap.for_plan(job.plan))
        self._block = SharedBlock.create(layout)
        self._fds = (os.eventfd(0), os.eventfd(0))
        self._crew = Crew(
            Setup(
                plan=job.plan,
                run_folder=job.run_folder,
                profile_folder=job.profile_folder,
                layout=layout,
                block_fd=self._block.fd,
                report_fd=-1,
                frames_fd=self._fds[0],
                space_fd=self._fds[1],
            ),
            job.log_path,
            piped=losing_files(job.plan),
        )
        self._recorder = Recorder(
            job.plan,
            self._block,
            writer=writer,
            clock=clock,
            failure=failure,
            on_disk_refused=lambda words: self._end(Ended.DISK_FULL, f"the record could not be written: {words}"),
            told=job.told,
        )
        self._drill = Drill(job.plan, self._block, crew=self._crew, event=self._recorder.event)
        self._ended, self._reason = Ended.COMPLETED, ""
        self._certain_failure = ""
        self._phase = Phase.LOADING
        self._t0_ns = self._beat_due_ns = 0
        self._feeder_due_ns = NEVER_NS

    def run(self) -> RunEnd:
        """Do the whole run and return how it ended.

        Raises:
            PreconditionError: the feed or the target could not be loaded.
            RigLostError: a process died while loading.
            RunAbortedError: stopped before the first frame.
        """
        try:
            self._load()
            self._offer()
            self._drain()
        finally:
            self._close()
        return RunEnd(ended=self._ended, reason=self._reason, facts=self._crew.facts)

    def _load(self) -> None:
        self._crew.start("feeder")
        self._crew.start("worker", module=WORKERS.get(self._plan.pipeline.target, "worker"))
        self._drill.prepare()
        self._crew.start("stall_sentinel")
        self._crew.start("sampler_loop")
        if self._plan.actuation is not None:
            self._crew.start("plc_listener")
        self._await_ready("feeder", "worker")
        self._on_frames(self._crew.facts["feeder"].pop("frames"))
        self._block[Word.TARGET_PID] = self._crew.facts["worker"]["pid"]
        self._await_ready("sampler_loop", "stall_sentinel", *self._listeners())
        told = canonical_json(self._crew.facts["sampler_loop"].pop("capabilities"))
        capabilities = from_json(tuple[Capability, ...], told, what="what the sampler answered")
        self._recorder.channels(capabilities)
        self._recorder.identify(self._crew.facts["worker"])
        for role, facts in self._crew.facts.items():
            self._recorder.event("child_ready", {"role": role, "facts": facts})

    def _listeners(self) -> tuple[str, ...]:
        return () if self._plan.actuation is None else ("plc_listener",)

    def _await_ready(self, *roles: str) -> None:
        deadline_ns = self._clock.monotonic_ns() + LOAD_LIMIT_NS
        while waiting := set(roles) - self._crew.facts.keys():
            self._crew.take_reports()
            if self._stop_requested():
                raise RunAbortedError("stopped while loading: no frame was offered")
            if self._clock.monotonic_ns() > deadline_ns:
                raise RigLostError(f"{', '.join(sorted(waiting))}: not ready within {LOAD_LIMIT_NS // NS_PER_S} s")
            self._beat()
            self._sleep(POLL_LOADING_NS)

    def _offer(self) -> None:
        """Let the feeder offer its frames, drain while it does."""
        self._t0_ns = self._clock.monotonic_ns() + LEAD_NS
        self._block[Word.T0_NS] = self._t0_ns
        self._recorder.event("schedule", {"t0_ns": self._t0_ns})
        self._clock_event()
        self._enter(Phase.WARMUP)
        clock_due_ns = self._t0_ns + CLOCK_EVENT_NS
        measure_ns = self._t0_ns + schedule(self._plan).offset_ns(self._plan.n_warmup_frames)
        drill_ns = self._t0_ns + drill_start_ns(self._plan) if self._plan.n_drill_frames else NEVER_NS
        self._recorder.measure_from(measure_ns)
        if self._plan.pacing is not Pacing.UNPACED:
            last_ns = schedule(self._plan).offset_ns(self._plan.n_frames - 1)
            self._feeder_due_ns = self._t0_ns + last_ns + FEEDER_LIMIT_NS
        while not self._block[Word.FEEDER_DONE] and self._crew.is_running("feeder"):
            now_ns = self._clock.monotonic_ns()
            self._poll()
            if self._phase is Phase.WARMUP and now_ns >= measure_ns:
                self._enter(Phase.MEASURE)
            if self._phase is Phase.MEASURE and now_ns >= drill_ns:
                self._enter(Phase.DRILL)
            self._beat()
            if now_ns >= clock_due_ns and not self._drill.has_moved_clock:  # a step of our own is no finding
                self._clock_event()
                clock_due_ns += CLOCK_EVENT_NS
            if now_ns > self._feeder_due_ns:
                self._note_lost(Lost("feeder", "it did not come back from a frame"))
                self._crew.kill("feeder")
            is_busy = self._plan.pacing is Pacing.UNPACED or self._phase is Phase.DRILL
            self._sleep(POLL_BUSY_NS if is_busy else POLL_PACED_NS)

    def _poll(self) -> None:
        self._recorder.collect()
        if self._ended is Ended.COMPLETED and self._stop_requested():
            ended, reason = self._stopped_as()
            self._recorder.event("stop_requested", {"reason": reason})
            self._end(ended, reason)
        self._look_for_failure()
        lost_now = self._crew.newly_lost()
        since_t0_ns = self._clock.monotonic_ns() - self._t0_ns  # after the look: what was lost was lost by then
        if self._phase is Phase.DRILL and self._ended is Ended.COMPLETED:
            self._drill.step(since_t0_ns)
        for lost in lost_now:
            if lost.role == "feeder" and self._block[Word.FEEDER_DONE]:
                continue  # it has released its last frame and gone
            if self._phase is Phase.DRILL and self._drill.expects(lost, since_t0_ns):
                continue
            self._note_lost(lost)

    def _look_for_failure(self) -> None:
        if self._ended is not Ended.COMPLETED or self._phase >= Phase.DRILL or self._certain_failure:
            return
        reason = self._recorder.certain_failure()
        if reason is None:
            return
        self._certain_failure = reason
        self._recorder.event("failure_certain", {"reason": reason})
        if self._plan.stop_when_failed:
            self._end(Ended.DECIDED_EARLY, reason)

    def _note_lost(self, lost: Lost) -> None:
        self._recorder.event("child_lost", {"role": lost.role, "how": lost.how})
        self._end(Ended.PROCESS_LOST, f"the {lost.role} process was lost: {lost.how}")
        if lost.role == "feeder":  # it cannot say any more that there will be no further frame
            self._block[Word.FEEDER_DONE] = 1
            os.eventfd_write(self._fds[0], 1)

    def _end(self, ended: Ended, reason: str) -> None:
        """Note the first cause of an early end; have no more frames offered."""
        if self._ended is Ended.COMPLETED:
            self._ended, self._reason = ended, reason
            self._feeder_due_ns = min(self._feeder_due_ns, self._clock.monotonic_ns() + FEEDER_LIMIT_NS)
        self._block[Word.STOP] = 1

    def _drain(self) -> None:
        """Wait for the frames under way and the last telemetry, then close the record."""
        self._drill.calm()
        self._enter(Phase.DRAIN)
        self._write_status()
        deadline_ns = self._clock.monotonic_ns() + DRAIN_LIMIT_NS
        last = {"worker", "sampler_loop", *self._listeners()}
        while not last <= self._crew.finished and self._clock.monotonic_ns() < deadline_ns:
            self._poll()
            self._beat()
            self._sleep(20 * NS_PER_MS)
        if "worker" not in self._crew.finished:
            self._note_lost(Lost("worker", "it did not come back from a frame"))
        self._recorder.collect()
        self._recorder.collect()
        released = self._block[Word.FRAMES_RELEASED]
        if released > self._block[Word.FRAMES_DONE]:
            self._crew.kill("worker")  # it must not write any more
            self._recorder.close_unanswered(released)
        self._clock_event()
        self._recorder.event("run_ended", self._end_detail())
        self._enter(Phase.DONE)
        self._recorder.flush()
        self._write_status()

    def _end_detail(self) -> dict[str, Any]:
        return {
            "ended": self._ended.value,
            "reason": self._reason,
            "boot_id": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            "n_lost_records": self._block[Word.FRAMES_LOST],
            "n_lost_readings": sum(self._block[word] for word in LOST_READINGS),
            "sampler_cpu_s": self._crew.facts["sampler_loop"].get("cpu_s"),
            "ring": self._crew.facts["worker"].get("ring"),
        }

    def _close(self) -> None:
        self._block[Word.STOP] = 1
        self._block[Word.PHASE] = Phase.DONE
        self._drill.close()
        self._crew.end(grace_s=5 if self._phase is Phase.DONE else 0)
        for fd in (*self._fds, self._block.fd):
            os.close(fd)

    def _sleep(self, length_ns: int) -> None:
        self._clock.sleep_until(self._clock.monotonic_ns() + length_ns)

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._block[Word.PHASE] = phase
        self._recorder.event("phase", {"phase": phase.name.lower()})

    def _clock_event(self) -> None:
        self._recorder.event("clock", asdict(self._clock.triple()))

    def _beat(self) -> None:
        """Flush and show a sign of life, once a second."""
        now_ns = self._clock.monotonic_ns()
        if now_ns >= self._beat_due_ns:
            self._recorder.flush()
            self._write_status()
            self._beat_due_ns = now_ns + BEAT_NS

    def _write_status(self) -> None:
        self._recorder.status(self._phase.name.lower(), t0_ns=self._t0_ns, certain_failure=self._certain_failure)
