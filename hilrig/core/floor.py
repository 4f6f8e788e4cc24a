"""The instrument's own floor: what a pipeline that does nothing takes at the run's frame rate."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What the A/A self-test saw right before a run: no number of the run can be finer than this.

    Args:
        frame_rate_fps: the rate, all cameras together.
        n: frames behind the percentiles.
        lateness_p50_us, lateness_p99_us: t_release - t_intended.
        hand_over_p50_us, hand_over_p99_us: t_dequeue - t_release.
        latency_p50_us, latency_p99_us, latency_max_us: t_decided - t_intended of a pipeline without work.
        n_undecided: frames that even such a pipeline did not get decided.
        n_stalls: gaps in the stall sentinel's ticks.
        stall_max_ms: the longest of them; 0 when there was none.
    """

    frame_rate_fps: float
    n: int
    lateness_p50_us: float
    lateness_p99_us: float
    hand_over_p50_us: float
    hand_over_p99_us: float
    latency_p50_us: float
    latency_p99_us: float
    latency_max_us: float
    n_undecided: int
    n_stalls: int
    stall_max_ms: float
