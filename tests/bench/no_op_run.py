"""Our side of the rows: a real run, all its processes, of a pipeline that does nothing."""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from builders import make_plan
from hilrig.config.plan_file import dump_plan
from hilrig.core.clock import SystemClock
from hilrig.core.frame import FeedInfo, FrameTable
from hilrig.core.profile import DecideSpec, FeedSpec, OnFull, PipelineSpec, QueueSpec, TuningSpec
from hilrig.core.run import Ended, Pacing, RunPlan
from hilrig.record.load import load_record
from hilrig.record.writer import RunWriter
from hilrig.run.supervisor import Job, Supervisor

SIZE_PX = 512
POOL_FRAMES = 8
PACED_DEPTH = 1024  # LoadGen's queue has no end: a stall must show as latency on both sides, not as dropped frames
SATURATED_DEPTH = 1024  # a millisecond of work in hand: neither side waits for the other's every step
OnEvent = Callable[[str], None]


def no_op_plan(
    *, n_frames: int, fps: int = 1000, pacing: Pacing = Pacing.PACED, real_time: bool = True
) -> RunPlan:
    """Return a plan without warm-up: 512x512x3 frames, nothing done to them.

    An unpaced run lets the camera wait for room, so that every frame is decided; a paced one is a real camera.
    """
    plan = make_plan(n_measured=n_frames, n_warmup=0, fps=Fraction(fps), pacing=pacing)
    saturated = QueueSpec(depth=SATURATED_DEPTH, on_full=OnFull.BLOCK)
    camera = QueueSpec(depth=PACED_DEPTH, on_full=OnFull.DROP_OLDEST)
    return replace(
        plan,
        pipeline=PipelineSpec(target="no_op", preprocess=None, backend=None, decide=DecideSpec(thresholds={})),
        model=replace(plan.model, files=()),
        model_files_sha256={},
        queue=saturated if pacing is Pacing.UNPACED else camera,
        tuning=TuningSpec(real_time=real_time),
        feed=FeedSpec(
            source="synthetic",
            pool_frames=POOL_FRAMES,
            options={"seed": 1, "width_px": SIZE_PX, "height_px": SIZE_PX},
        ),
    )


class WatchedWriter(RunWriter):
    """The run directory's writer; tells of every event when it happens."""

    def __init__(self, folder: Path, *, clock: SystemClock, on_event: OnEvent) -> None:
        super().__init__(folder, clock=clock)
        self._on_event = on_event

    def event(self, kind: str, detail: Mapping[str, Any], t_ns: int) -> None:
        """Write the event, then tell of it: the phases by their own names."""
        super().event(kind, detail, t_ns)
        self._on_event(detail["phase"] if kind == "phase" else kind)


def run(plan: RunPlan, *, on_event: OnEvent = lambda kind: None) -> FrameTable:
    """Do a run in a folder of its own; return its frame records as they were read back from the disk."""
    with tempfile.TemporaryDirectory() as name:
        run_in(Path(name), plan, on_event=on_event)
        return load_record(Path(name), plan=plan, truths=(), rig={}).record.frames


def run_in(
    folder: Path, plan: RunPlan, *, on_event: OnEvent, stop_requested: Callable[[], bool] = lambda: False
) -> None:
    """Do a run in `folder`.

    Raises:
        RuntimeError: it neither was completed nor stopped by `stop_requested`.
    """
    clock = SystemClock()
    (folder / "plan.json").write_bytes(dump_plan(plan))
    job = Job(
        plan=plan,
        run_folder=folder,
        profile_folder=folder,
        feed_info=FeedInfo(n_frames=plan.feed.pool_frames, height_px=SIZE_PX, width_px=SIZE_PX),
        log_path=folder / "run.log",
    )
    with closing(WatchedWriter(folder, clock=clock, on_event=on_event)) as writer:
        end = Supervisor(
            job, writer=writer, clock=clock, stop_requested=stop_requested, on_frames=lambda frames: None
        ).run()
    if end.ended not in {Ended.COMPLETED, Ended.ABORTED}:
        raise RuntimeError(f"{end.reason} {job.log_path.read_text()}")
