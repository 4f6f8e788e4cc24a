"""From shared memory to the record: drains what the processes of a run produce, minds the disk's refusal."""

import errno
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from hilrig.core.clock import Clock
from hilrig.core.frame import FrameTable, Outcome, OutcomeReason
from hilrig.core.ports import FailureWatch, RecordWriter
from hilrig.core.run import RunPlan
from hilrig.core.telemetry import Capability
from hilrig.run.gc_watch import GC_CHANNEL
from hilrig.run.live import LiveNumbers
from hilrig.run.live_telemetry import LiveTelemetry
from hilrig.run.shared_block import ReadingRing, SharedBlock, Word
from hilrig.run.stall_sentinel import STALL_CHANNEL

DISK_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS})


class Recorder:
    """The supervisor's hand on the record.

    Args:
        plan: the run's plan.
        block: where the processes put what they produce.
        writer: where it goes.
        clock: stamps events.
        failure: told of every frame; None when nobody watches.
        on_disk_refused: called once, with the disk's words, when it took something no more.
        told: what the live status says besides.
    """

    def __init__(
        self,
        plan: RunPlan,
        block: SharedBlock,
        *,
        writer: RecordWriter,
        clock: Clock,
        failure: FailureWatch | None,
        on_disk_refused: Callable[[str], None],
        told: Mapping[str, Any],
    ) -> None:
        self._run_id = plan.run_id
        self._block = block
        self._writer = writer
        self._clock = clock
        self._failure = failure
        self._on_disk_refused = on_disk_refused
        self._live = LiveNumbers(plan)
        self._live_telemetry = LiveTelemetry(())
        self._identity: Mapping[str, Any] = {}
        self._told = told
        self._own_rings: dict[int, ReadingRing] = {}
        self._seen_done = 0
        self._seen_ns = self._handed_ns = 0
        self._disk_refused = False

    def channels(self, sampled: Sequence[Capability]) -> None:
        """Name the channels: those that are sampled, then what the run's own processes observe."""
        own = [Capability(channel=channel, reason=None) for channel in (STALL_CHANNEL, GC_CHANNEL)]
        self._own_rings = {len(sampled): self._block.stalls, len(sampled) + 1: self._block.pauses}
        self._live_telemetry = LiveTelemetry(sampled)
        self._writer.channels([*sampled, *own])

    def identify(self, worker: Mapping[str, Any]) -> None:
        """Take in what the target's process said of itself, for the live status."""
        self._identity = self._live.identity(worker)

    def measure_from(self, t_ns: int) -> None:
        """Take in when the first measured frame is due, CLOCK_MONOTONIC."""
        self._live_telemetry.measure_from(t_ns)

    def collect(self) -> None:
        """Drain records up to the count seen one call ago (see shared_block), and all readings."""
        self._handed_ns, self._seen_ns = self._seen_ns, self._clock.monotonic_ns()
        done, self._seen_done = self._seen_done, self._block[Word.FRAMES_DONE]
        frames = self._block.drain_records(done)
        if len(frames):
            self._take(frames)
        readings = self._block.readings.drain()
        self._live_telemetry.update(readings)
        self._append(lambda: self._writer.readings(readings))
        for channel, ring in self._own_rings.items():
            self._collect_own(channel, ring)

    def certain_failure(self) -> str | None:
        """Return why the run has failed for certain.

        Asked of the moment by which every decided frame has been drained, so that a stall of the supervisor itself
        does not look like a target that hangs.
        """
        return None if self._failure is None else self._failure.reason(now_ns=self._handed_ns)

    def close_unanswered(self, released: int) -> None:
        """Give the frames that a lost target never answered an outcome, so that every offered frame has one."""
        frames = self._block.drain_records(released)
        pending = frames["outcome"] == Outcome.PENDING
        frames["outcome"][pending] = Outcome.DROPPED
        frames["reason"][pending] = OutcomeReason.RUN_ENDED
        self._take(frames)

    def event(self, kind: str, detail: Mapping[str, Any]) -> None:
        """Append an event, stamped now."""
        self._write(lambda: self._writer.event(kind, detail, self._clock.monotonic_ns()))

    def status(self, phase: str, *, t0_ns: int, certain_failure: str) -> None:
        """Replace the live status.

        Args:
            phase: where the run stands.
            t0_ns: when the first frame was due, CLOCK_MONOTONIC; 0 while that is not known.
            certain_failure: why the run will be judged FAIL; empty while that is open.
        """
        released = self._block[Word.FRAMES_RELEASED]
        status = {
            **self._told,
            "run_id": self._run_id,
            "phase": phase,
            "certain_failure": certain_failure,
            **self._identity,
            **self._live.snapshot(now_ns=self._clock.monotonic_ns(), t0_ns=t0_ns, n_released=released),
            **self._live_telemetry.snapshot(),
        }
        self._write(lambda: self._writer.status(status))

    def flush(self) -> None:
        """Put everything where a power cut cannot take it."""
        self._append(self._writer.flush)

    def _take(self, frames: FrameTable) -> None:
        self._live.update(frames)
        self._append(lambda: self._writer.frames(frames))
        if self._failure is not None:
            self._failure.update(frames)

    def _collect_own(self, channel: int, ring: ReadingRing) -> None:
        """Drain what a process of the run observed itself; it does not know its channel's number."""
        rows = ring.drain()
        rows["channel"] = channel
        self._append(lambda: self._writer.readings(rows))

    def _append(self, action: Callable[[], None]) -> None:
        """Append evidence; nothing more once the disk refused, so that the record stays a prefix."""
        if not self._disk_refused:
            self._write(action)

    def _write(self, action: Callable[[], None]) -> None:
        """Write something; the disk's first refusal ends the run in order."""
        try:
            action()
        except OSError as error:
            if error.errno not in DISK_ERRORS:
                raise
            if not self._disk_refused:
                self._disk_refused = True
                self._on_disk_refused(str(error.strerror))
                self.event("disk_full", {"error": error.strerror})
