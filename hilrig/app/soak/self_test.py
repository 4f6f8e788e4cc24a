"""The A/A self-test: the run's own machinery around a pipeline that does nothing, at the run's frame rate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from hilrig import __version__
from hilrig.core.clock import Clock
from hilrig.core.errors import RigLostError, RunAbortedError
from hilrig.core.floor import Floor
from hilrig.core.frame import FeedInfo, FrameTable
from hilrig.core.profile import DecideSpec, FeedSpec, ModelSpec, OnFull, PipelineSpec, QueueSpec
from hilrig.core.run import Ended, Pacing, RunPlan
from hilrig.core.telemetry import HOST_STALL, Capability, ReadingTable
from hilrig.core.units import NS_PER_S
from hilrig.run.supervisor import Job, Supervisor
from hilrig.verdict.floor import floor_of

WARMUP_SHARE: Final = 0.2
DEPTH: Final = 4
TELEMETRY_PERIOD_MS: Final = 100
NOTHING: Final = PipelineSpec(
    target="no_op", preprocess=None, backend=None, decide=DecideSpec(thresholds={"none": 1.0})
)
NO_MODEL: Final = ModelSpec(
    files=(), bundle_sha256=None, input_name="", input_shape=(), output_name="", labels=("none",)
)


class FloorWriter:
    """Keeps a self-test's frames and stalls in memory: they are few, and only their floor is evidence."""

    def __init__(self) -> None:
        self._tables: list[FrameTable] = []
        self._readings: list[ReadingTable] = []
        self._stall_channel = -1

    def channels(self, capabilities: Sequence[Capability]) -> None:
        """Remember which channel the stalls are in."""
        self._stall_channel = [one.channel.name for one in capabilities].index(HOST_STALL)

    def frames(self, table: FrameTable) -> None:
        """Keep frame records."""
        self._tables.append(table)

    def readings(self, table: ReadingTable) -> None:
        """Keep the stalls."""
        self._readings.append(table[table["channel"] == self._stall_channel])

    def event(self, kind: str, detail: Mapping[str, Any], t_ns: int) -> None:
        """Keep no event."""

    def status(self, status: Mapping[str, Any]) -> None:
        """Keep no status."""

    def flush(self) -> None:
        """Write nothing."""

    def floor(self, plan: RunPlan) -> Floor | None:
        """Return the floor over the frames after the warm-up."""
        frames = np.concatenate(self._tables)
        measured = frames[frames["frame_id"] >= plan.n_warmup_frames]
        stalls = np.concatenate(self._readings)
        inside = stalls[stalls["t_ns"] >= (measured["t_intended_ns"][0] if measured.size else 0)]
        return floor_of(measured, stalls_ns=inside["value"].tolist(), frame_rate_fps=NS_PER_S / plan.period_ns)


def measure_floor(
    nothing: RunPlan, feed_info: FeedInfo, *, clock: Clock, stop: Callable[[], bool], log_path: Path
) -> Floor:
    """Return the floor that a self-test shows.

    Args:
        nothing: a plan of `floor_plan` or `floor_plan_of`.
        feed_info: the size of its frames.
        clock: the clock of the supervisor.
        stop: asked at every poll.
        log_path: where the processes write their last words.

    Raises:
        RunAbortedError: stopped by the operator.
        RigLostError: not even a pipeline that does nothing got through.
    """
    writer = FloorWriter()
    job = Job(
        plan=nothing,
        run_folder=log_path.parent,  # nothing is read or written there: no folder that a kill could leave behind
        profile_folder=log_path.parent,
        feed_info=feed_info,
        log_path=log_path,
    )
    end = Supervisor(job, writer=writer, clock=clock, stop_requested=stop, on_frames=lambda _: None).run()
    if end.ended is Ended.ABORTED:
        raise RunAbortedError("stopped during the self-test: no frame was offered")
    floor = writer.floor(nothing) if end.ended is Ended.COMPLETED else None
    if floor is None:
        raise RigLostError(
            f"the self-test did not get a frame through: {end.reason or end.ended.value}",
            hint=f"see {log_path}; hilrig doctor",
        )
    return floor


def floor_plan_of(plan: RunPlan, feed_info: FeedInfo) -> RunPlan:
    """Return the plan of the self-test that belongs to a run: its rate, arrivals, tuning and frame size."""
    period_ns = Fraction(plan.period_numerator_ns, plan.period_denominator)
    nothing = floor_plan(period_ns, feed_info, self_test_s=plan.self_test_s)
    return replace(nothing, arrivals=plan.arrivals, tuning=plan.tuning)


def floor_plan(period_ns: Fraction, feed_info: FeedInfo, *, self_test_s: float) -> RunPlan:
    """Return the plan of a self-test at a frame period."""
    n_measured = max(1, round(self_test_s * NS_PER_S / period_ns))
    size = {"width_px": feed_info.width_px, "height_px": feed_info.height_px}
    return RunPlan(
        run_id="self-test",
        hilrig_version=__version__,
        created_at_utc="",
        rig="local",
        device_class="",
        profile_name="self-test",
        profile_sha256="",
        model=NO_MODEL,
        model_files_sha256={},
        model_bundle_sha256="",
        pipeline=NOTHING,
        pipeline_sha256="",
        feed=FeedSpec(source="wedge", pool_frames=2, options=size),
        queue=QueueSpec(depth=DEPTH, on_full=OnFull.DROP_OLDEST),
        pacing=Pacing.PACED,
        period_numerator_ns=period_ns.numerator,
        period_denominator=period_ns.denominator,
        n_warmup_frames=round(WARMUP_SHARE * n_measured),
        n_measured_frames=n_measured,
        profile_duration_s=self_test_s,
        telemetry_period_ms=TELEMETRY_PERIOD_MS,
        limits=(),
    )
