"""When a round of telemetry is due: an absolute grid that begins with the first measured frame."""

from typing import Final

from hilrig.core.arrivals import schedule
from hilrig.core.profile import ArrivalModel
from hilrig.core.run import Pacing, RunPlan
from hilrig.core.units import NS_PER_MS, NS_PER_S

SLOW_PERIOD_NS: Final = NS_PER_S

PERIOD_NS_MIN: Final = 5 * NS_PER_MS
"""Of frames between which a round of telemetry finds a place."""


class SamplingSchedule:
    """The ticks of a run: tick 0 is the start of the measured part, those of the warm-up are negative.

    Args:
        plan: the run's.
        t0_ns: when frame 0 is due, CLOCK_MONOTONIC.
    """

    def __init__(self, plan: RunPlan, t0_ns: int) -> None:
        self._plan = plan
        self._t0_ns = t0_ns
        self._start_ns = _measure_start_ns(plan, t0_ns)
        self._period_ns = plan.telemetry_period_ms * NS_PER_MS
        self._ticks_per_slow = max(1, SLOW_PERIOD_NS // self._period_ns)

    def due_ns(self, tick: int) -> int:
        """Return when the round of a tick is to begin."""
        return between_frames_ns(self._start_ns + tick * self._period_ns, self._t0_ns, self._plan)

    def first_tick(self, now_ns: int) -> int:
        """Return the first tick that is not over yet."""
        return -((self._start_ns - now_ns) // self._period_ns)

    def next_tick(self, tick: int, now_ns: int) -> int:
        """Return the tick after `tick`, or the newest that has begun: what was missed stays missed."""
        return max(tick + 1, (now_ns - self._start_ns) // self._period_ns)

    def slow_round(self, tick: int) -> int:
        """Return the number of the SLOW round that a tick belongs to."""
        return tick // self._ticks_per_slow


def between_frames_ns(tick_ns: int, t0_ns: int, plan: RunPlan) -> int:
    """Return a moment at most half a frame off a tick, half-way between two frames of a regular camera.

    A round of telemetry keeps a CPU for some tenths of a millisecond, and longer with a GPU's driver. On a common
    grid it would begin with every third frame of a camera at 30 fps, and that frame's target would wait for it.
    """
    period_ns = int(plan.period_ns)
    is_regular = plan.arrivals.model is ArrivalModel.FIXED and len(plan.arrivals.camera_offsets_ms) == 1
    if not is_regular or plan.pacing is Pacing.UNPACED or period_ns < PERIOD_NS_MIN:
        return tick_ns
    return tick_ns - (tick_ns - t0_ns) % period_ns + period_ns // 2


def _measure_start_ns(plan: RunPlan, t0_ns: int) -> int:
    if plan.pacing is Pacing.UNPACED:
        return t0_ns
    return t0_ns + schedule(plan).offset_ns(plan.n_warmup_frames)
