"""Memory of every process over a run as long as eight hours at 30 fps."""

from contextlib import closing, suppress
from dataclasses import replace

import numpy as np
import psutil
import pytest

from builders import make_plan
from hilrig.config.plan_file import dump_plan
from hilrig.core.clock import SystemClock
from hilrig.core.frame import FeedInfo
from hilrig.core.profile import FeedSpec, OnFull, QueueSpec
from hilrig.core.run import Ended, Pacing
from hilrig.record.writer import RunWriter
from hilrig.run.supervisor import Job, Supervisor

N_FRAMES = 864_000  # 8 h at 30 fps
SIZE_PX = 128  # small frames: the pixels are not what could grow
GROWTH_MAX_MIB = 4.0


class Watch:
    """Reads the resident memory of this process and its children at every poll of the supervisor."""

    def __init__(self):
        self.rss_mib = {}
        self.me = psutil.Process()

    def __call__(self):
        for process in [self.me, *self.me.children()]:
            with suppress(psutil.NoSuchProcess, IndexError):  # just starting, or just ended
                role = "supervisor" if process == self.me else process.cmdline()[2].rpartition(".")[2]
                self.rss_mib.setdefault(role, []).append(process.memory_info().rss / 2**20)
        return False


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_memory_of_every_process_is_flat(tmp_path):
    """864,000 frames through the null backend as fast as they go: nobody grows by more than 4 MiB."""
    plan = replace(
        make_plan(n_measured=N_FRAMES, n_warmup=0, pacing=Pacing.UNPACED),
        queue=QueueSpec(depth=4, on_full=OnFull.BLOCK),
        feed=FeedSpec(
            source="synthetic", pool_frames=4, options={"seed": 1, "width_px": SIZE_PX, "height_px": SIZE_PX}
        ),
    )
    (tmp_path / "plan.json").write_bytes(dump_plan(plan))
    job = Job(
        plan=plan,
        plan_path=tmp_path / "plan.json",
        profile_folder=tmp_path,
        feed_info=FeedInfo(n_frames=4, height_px=SIZE_PX, width_px=SIZE_PX),
        log_path=tmp_path / "run.log",
    )
    watch, clock = Watch(), SystemClock()
    begin_ns = clock.monotonic_ns()
    with closing(RunWriter(tmp_path, clock=clock)) as writer:
        end = Supervisor(
            job, writer=writer, clock=clock, stop_requested=watch, on_frames=lambda frames: None
        ).run()
    assert end.ended is Ended.COMPLETED, end
    seconds = (clock.monotonic_ns() - begin_ns) / 1e9
    print(f"\n{N_FRAMES} frames in {seconds:.0f} s ({N_FRAMES / seconds:.0f} frames/s)")
    growth_mib = {}
    for role, values in watch.rss_mib.items():
        tenth = max(1, len(values) // 10)
        settled = float(np.median(values[2 * tenth : 3 * tenth] or values))
        growth_mib[role] = float(np.median(values[-tenth:])) - settled
        print(
            f"  {role}: {settled:.1f} MiB settled, {growth_mib[role]:+.2f} MiB at the end (limit {GROWTH_MAX_MIB})"
        )
    assert {"supervisor", "feeder", "worker", "sampler_loop", "stall_sentinel"} <= growth_mib.keys()
    assert max(growth_mib.values()) <= GROWTH_MAX_MIB
