"""Records of which some frames are late, and the causes that are named for them."""

import numpy as np

from builders import NS_PER_MS, make_plan, make_record
from hilrig.core.frame import Outcome
from hilrig.core.run import RunEvent
from hilrig.core.verdict import Cause
from hilrig.verdict.attribution.causes import attribute, count_causes
from hilrig.verdict.attribution.worst import worst_frames
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.window import cut
from served_frames import level, serve, when_ns

PLAN = make_plan(n_measured=900)
"""Thirty seconds at 30 fps, limit 45 ms."""

HIT = tuple(range(60, 900, 40))
"""The frames that a disturbance hits: more than ten, far enough apart for the queue to drain."""

IO = (("resource", "io"), ("scope", "some"))
MAJOR = (("type", "major"),)


def explained(frames, curves, *, plan=PLAN, events: tuple[RunEvent, ...] = ()):
    """Return the counted causes and the worst frames of a record."""
    record = make_record(plan, frames=frames, curves=curves, events=events)
    window = cut(record)
    telemetry = Telemetry(record)
    attribution = attribute(window, telemetry, record.events)
    return count_causes(attribution), worst_frames(window, attribution, telemetry, record.truths)


def named(frames, curves, **more) -> dict[Cause, int]:
    """Return how many frames over the limit each cause explains."""
    return {count.cause: count.n_frames for count in explained(frames, curves, **more)[0]}


def slow(extra_ms: float = 80.0):
    """Return frames of which those in HIT take longer, without queueing any other for longer than the limit."""
    return serve(PLAN, extra_ms=dict.fromkeys(HIT, extra_ms))


def within(frames, offset_ms: float = 0.0) -> list[int]:
    """Return a moment in each of the frames in HIT."""
    return [when_ns(frames, frame_id) + round((5 + offset_ms) * NS_PER_MS) for frame_id in HIT]


def over_limit(frames) -> int:
    """Return how many frames are over the limit of 45 ms or undecided."""
    measured = frames[frames["frame_id"] >= PLAN.n_warmup_frames]
    latency_ns = measured["t_decided_ns"] - measured["t_intended_ns"]
    return int(np.count_nonzero((measured["outcome"] != Outcome.DECIDED) | (latency_ns > 45 * NS_PER_MS)))


def stops(frames):
    """Return the state of a process that is stopped for 280 ms in each hit frame."""
    during = [(start, start + 280 * NS_PER_MS) for start in within(frames)]
    return level(PLAN, "hilrig.process.stopped", usual=0, other=1, during_ns=during)
