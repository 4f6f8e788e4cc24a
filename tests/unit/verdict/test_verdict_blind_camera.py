"""A camera that is blind for two seconds cannot pass, whatever percentiles a profile limits."""

from collections import deque
from dataclasses import replace

import numpy as np
import pytest

from builders import make_frames, make_plan, make_record
from hilrig.config.profile import parse_profile
from hilrig.core.frame import FrameTable
from hilrig.core.run import RunPlan
from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.verdict.judge import judge

PROFILE = """\
format: 1
name: station
description: Three stalls of two seconds
device_class: x86-cpu
model:
  files: []
  input: {{name: image, shape: [1, 3, 128, 128]}}
  output: {{name: scores}}
  labels: [porosity]
pipeline:
  preprocess: {{width_px: 128, height_px: 128, color_order: rgb, scale: 0.00392156862745098,
    mean: [0, 0, 0], std: [1, 1, 1], layout: nchw, dtype: float32}}
  backend: {{name: "null"}}
  decide: {{thresholds: {{porosity: 0.5}}}}
feed: {{source: synthetic, pool_frames: 4}}
queue: {{depth: 4, on_full: drop_oldest}}
hil_validation:
  latency: {{{limits}, duration_minutes: 10, frame_rate_fps: 30}}
"""
SERVICE_MS = 10.0
STALLS_MS = (100_000, 300_000, 500_000)
STALL_MS = 2_000


def plan_of(limits: str) -> RunPlan:
    """Return the plan of ten minutes under the limits of a profile's text."""
    profile = parse_profile(PROFILE.format(limits=limits).encode(), file="profile.yaml", folder="/nowhere")
    plan = make_plan(n_measured=18_000, n_warmup=0, fps=profile.frame_rate_fps, limits=profile.limits)
    return replace(plan, queue=profile.queue)


def stalled(plan: RunPlan) -> FrameTable:
    """Return the frames of a 10 ms pipeline that stands still three times, behind its bounded queue."""
    waiting: deque[int] = deque()
    dropped: list[int] = []
    latency_ms = [SERVICE_MS] * plan.n_frames
    free_ms = 0.0

    def serve(until_ms: float) -> None:
        nonlocal free_ms
        while waiting:
            begin_ms = max(free_ms, waiting[0] * 1000 / 30)
            begin_ms = max([begin_ms, *(at + STALL_MS for at in STALLS_MS if at <= begin_ms < at + STALL_MS)])
            if begin_ms > until_ms:
                return
            frame, free_ms = waiting.popleft(), begin_ms + SERVICE_MS
            latency_ms[frame] = free_ms - frame * 1000 / 30

    for frame in range(plan.n_frames):
        serve(frame * 1000 / 30)
        if len(waiting) == plan.queue.depth:
            dropped.append(waiting.popleft())
        waiting.append(frame)
    serve(float("inf"))
    return make_frames(plan, latency_ms=np.array(latency_ms), dropped=dropped)


@pytest.mark.parametrize("limits", ["p99_max_ms: 45, p95_max_ms: 30", "p95_max_ms: 30"])
def test_three_blind_stretches_fail_under_the_limits_of_the_line(limits: str) -> None:
    """The seed's limits alone, or the p95 alone: the decision gap that always holds makes it a FAIL."""
    plan = plan_of(limits)
    judgement = judge(make_record(plan, frames=stalled(plan)))
    by_id = {check.check_id: check for check in judgement.checks}
    gap = by_id["latency.decision_gap_max_ms"]
    assert judgement.status is RunStatus.FAIL
    assert (gap.status, gap.limit) == (CheckStatus.FAIL, 1000)
    assert gap.observed == pytest.approx(2000, abs=50)
    assert by_id["latency.p95_max_ms"].status is CheckStatus.PASS  # no percentile is to be relied on
    assert judgement.sentence.startswith("Longest time without a decision: 2")


def test_the_stalls_are_what_fails() -> None:
    """The same pipeline without stalls passes under the same limits, so that the test above can fail."""
    plan = plan_of("p95_max_ms: 30")
    judgement = judge(make_record(plan))
    assert judgement.status is RunStatus.PASS


def test_slow_camera_is_not_called_blind() -> None:
    """At one frame in two seconds, ten periods may pass: the default follows the frame rate."""
    text = PROFILE.format(limits="p95_max_ms: 30").replace("frame_rate_fps: 30", "frame_rate_fps: 0.5")
    profile = parse_profile(text.encode(), file="profile.yaml", folder="/nowhere")
    (gap,) = [limit for limit in profile.limits if limit.metric == "decision_gap_ms"]
    assert gap.limit == 20_000
