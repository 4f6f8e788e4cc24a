"""Frames as one target serves them, one after another, and the telemetry of a disturbance."""

from collections import deque
from collections.abc import Mapping

import numpy as np

from builders import NS_PER_MS, Curve, make_capability, make_frames, ticks_ns, undecide
from hilrig.core.frame import FrameTable, Outcome, OutcomeReason
from hilrig.core.run import RunPlan
from hilrig.core.telemetry import ChannelKind, Tier

HAND_OVER_NS = 50_000


def serve(
    plan: RunPlan,
    *,
    service_ms: float = 10.0,
    extra_ms: Mapping[int, float] | None = None,
    late_ms: Mapping[int, float] | None = None,
    away_ms: Mapping[int, float] | None = None,
) -> FrameTable:
    """Return frames as a queue of `plan.queue.depth` that drops its oldest gives them.

    By frame id: `extra_ms` is what frames take more than `service_ms`; `late_ms` how late the camera is with them;
    `away_ms` how long a free target does not look at the queue from the moment when they are due.
    """
    frames = make_frames(plan)
    for frame_id, late in (late_ms or {}).items():
        frames["t_release_ns"][frame_id] += round(late * NS_PER_MS)
    waiting = deque(range(plan.n_frames))
    free_ns, dropped = 0, []
    while waiting:
        frame_id = waiting.popleft()
        release_ns = int(frames["t_release_ns"][frame_id])
        away_ns = round((away_ms or {}).get(frame_id, 0) * NS_PER_MS)
        take_ns = max(free_ns, release_ns + away_ns) + HAND_OVER_NS
        if len(waiting) >= plan.queue.depth and frames["t_release_ns"][waiting[plan.queue.depth - 1]] <= take_ns:
            dropped.append(frame_id)
            free_ns = max(free_ns, release_ns + away_ns)
            continue
        free_ns = take_ns + round((service_ms + (extra_ms or {}).get(frame_id, 0)) * NS_PER_MS)
        frames["t_dequeue_ns"][frame_id], frames["t_decided_ns"][frame_id] = take_ns, free_ns
        frames["t_preprocessed_ns"][frame_id], frames["t_inferred_ns"][frame_id] = take_ns + 1000, free_ns - 1000
    undecide(frames, dropped, outcome=Outcome.DROPPED, reason=OutcomeReason.QUEUE_FULL)
    return frames


def when_ns(frames: FrameTable, frame_id: int) -> int:
    """Return when a frame was due."""
    return int(frames["t_intended_ns"][frame_id])


def jump(
    plan: RunPlan,
    name: str,
    at_ns: list[int],
    *,
    by: float,
    attributes: tuple[tuple[str, str], ...] = (),
    per_tick: float = 0.0,
    tier: Tier = Tier.FAST,
) -> Curve:
    """Return a counter that grows by `per_tick` at each reading, `by` more at the first one after each moment."""
    moments = np.array(ticks_ns(plan, period_ms=100 if tier is Tier.FAST else 1000))
    value = 1000.0 + per_tick * np.arange(moments.size)
    for moment in at_ns:
        value[np.searchsorted(moments, moment, side="right") :] += by
    capability = make_capability(name, unit="1", kind=ChannelKind.COUNTER, attributes=attributes, tier=tier)
    return Curve(capability=capability, points=tuple(zip(moments.tolist(), value.tolist(), strict=True)))


def lasting(name: str, spans_ms: list[tuple[int, float]]) -> Curve:
    """Return a channel whose readings are a start in ns and a length, given in ms."""
    capability = make_capability(name, unit="ns")
    return Curve(capability=capability, points=tuple((start, ms * NS_PER_MS) for start, ms in spans_ms))


def level(
    plan: RunPlan,
    name: str,
    *,
    usual: float,
    other: float,
    during_ns: list[tuple[int, int]],
    tier: Tier = Tier.FAST,
    attributes: tuple[tuple[str, str], ...] = (),
) -> Curve:
    """Return a gauge or state that reads `other` in some stretches of time, `usual` elsewhere."""
    moments = ticks_ns(plan, period_ms=100 if tier is Tier.FAST else 1000)
    points = tuple((t, other if any(a <= t <= b for a, b in during_ns) else usual) for t in moments)
    capability = make_capability(name, unit="1", kind=ChannelKind.STATE, tier=tier, attributes=attributes)
    return Curve(capability=capability, points=points)
