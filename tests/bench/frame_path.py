"""The frame path from release to decision, beside LoadGen and cyclictest."""

import signal
from collections.abc import Callable, Mapping
from contextlib import suppress

import numpy as np
import psutil

from bench import cyclictest, loadgen
from bench.no_op_run import no_op_plan, run
from bench.row import Bench, Row, Sense
from hilrig.core.frame import FrameTable, Outcome
from hilrig.core.run import Pacing
from hilrig.verdict.statistics.percentile_bounds import nearest_rank

N_SATURATED = 1_000_000
SATURATED_S = 5
SERVER_PEAK_QPS = 1_000_000  # three times what it achieves here; each asked for costs memory and time beforehand
LATENESS_FPS, N_LATENESS = 1000, 5000
SLOW_FPS, SLOW_S = 30, 30  # 900 frames: the ninth worst is the p99
FAST_FPS, FAST_S = 1000, 10


def _percentiles_us(values_ns: np.ndarray) -> Mapping[str, float]:
    ordered = np.sort(values_ns)
    return {
        f"p{permille // 10}_us": float(ordered[nearest_rank(ordered.size, permille) - 1]) / 1000
        for permille in (500, 990)
    }


def _saturated(scale: float) -> Mapping[str, float]:
    """Return the mean time from one decision to the next over the middle half of an unpaced run."""
    frames = run(no_op_plan(n_frames=round(N_SATURATED * scale), pacing=Pacing.UNPACED))
    if not (frames["outcome"] == Outcome.DECIDED).all():
        raise RuntimeError("a frame of the saturated run was not decided")
    first, last = len(frames) // 4, 3 * len(frames) // 4
    period_us = float(frames["t_decided_ns"][last] - frames["t_decided_ns"][first]) / (last - first) / 1000
    return {"period_us": period_us, "rate_fps": 1e6 / period_us}


def _saturated_peer(scale: float) -> Mapping[str, float]:
    peak = loadgen.server(qps=SERVER_PEAK_QPS, seconds=scale)
    return {**loadgen.single_stream(SATURATED_S * scale), "rate_fps": peak["rate_fps"]}


def _lateness(scale: float, *, real_time: bool) -> Mapping[str, float]:
    plan = no_op_plan(n_frames=round(N_LATENESS * scale), fps=LATENESS_FPS, real_time=real_time)
    frames = run(plan)
    return _percentiles_us(frames["t_release_ns"] - frames["t_intended_ns"])


def _sleeper(scale: float, *, of: Callable[..., Mapping[str, float]]) -> Mapping[str, float]:
    return of(interval_us=1_000_000 // LATENESS_FPS, n=round(N_LATENESS * scale))


def _end_to_end(scale: float, *, fps: int, seconds: float, samplers_on: bool = True) -> Mapping[str, float]:
    """Return percentiles of t_decided - t_intended; a frame without decision is infinitely late."""
    plan = no_op_plan(n_frames=round(fps * seconds * scale), fps=fps)
    return _percentiles_us(_latency_ns(run(plan) if samplers_on else run(plan, on_event=_stop_samplers)))


def _latency_ns(frames: FrameTable) -> np.ndarray:
    latency_ns = (frames["t_decided_ns"] - frames["t_intended_ns"]).astype(float)
    return np.where(frames["outcome"] == Outcome.DECIDED, latency_ns, np.inf)


def _stop_samplers(kind: str) -> None:
    """Have the sampler's process stand still as long as frames are offered: the product has no switch for it."""
    told = {"schedule": signal.SIGSTOP, "drain": signal.SIGCONT}.get(kind)
    for child in psutil.Process().children() if told else ():
        with suppress(psutil.NoSuchProcess):  # the feeder may just have ended
            if "hilrig.run.sampler_loop" in child.cmdline():
                child.send_signal(told)


def _lateness_row(name: str, against: str, key: str, reach: float, stretch: float) -> Row:
    return Row(name=name, against=against, key=key, unit="us", reach=reach, stretch=stretch)


def _server_bench(fps: int, seconds: float) -> Bench:
    return Bench(
        name=f"end-to-end-{fps}",
        rows=(_lateness_row(f"no-op end to end p99 at {fps} fps", "LoadGen Server p99", "p99_us", 1.0, 0.5),),
        ours=lambda scale: _end_to_end(scale, fps=fps, seconds=seconds),
        peer=lambda scale: loadgen.server(qps=fps, seconds=seconds * scale),
    )


SATURATED = Bench(
    name="saturated",
    rows=(
        Row(
            name="no-op cost per frame, saturated",
            against="LoadGen SingleStream mean period",
            key="period_us",
            unit="us",
            reach=1.0,
            stretch=0.6,
        ),
        Row(
            name="highest no-op rate",
            against="LoadGen Server peak",
            key="rate_fps",
            unit="1/s",
            reach=2.0,
            stretch=4.0,
            sense=Sense.RATIO_AT_LEAST,
        ),
    ),
    ours=_saturated,
    peer=_saturated_peer,
)
LATENESS = Bench(
    name="lateness",
    rows=(
        _lateness_row("release lateness p50", "cyclictest SCHED_OTHER p50", "p50_us", 0.1, 0.05),
        _lateness_row(
            "release lateness p99, no real-time priority", "cyclictest SCHED_OTHER p99", "p99_us", 1.5, 1.1
        ),
    ),
    ours=lambda scale: _lateness(scale, real_time=False),
    peer=lambda scale: _sleeper(scale, of=cyclictest.other),
)
LATENESS_FIFO = Bench(
    name="lateness-fifo",
    rows=(_lateness_row("release lateness p99, FIFO", "cyclictest FIFO p99", "p99_us", 3.0, 1.2),),
    ours=lambda scale: _lateness(scale, real_time=True),
    peer=lambda scale: _sleeper(scale, of=cyclictest.fifo),
)
END_TO_END = (_server_bench(SLOW_FPS, SLOW_S), _server_bench(FAST_FPS, FAST_S))
SAMPLERS = Bench(
    name="samplers",
    rows=(_lateness_row("no-op end to end p99 with samplers", "without samplers", "p99_us", 1.1, 1.02),),
    ours=lambda scale: _end_to_end(scale, fps=FAST_FPS, seconds=FAST_S),
    peer=lambda scale: _end_to_end(scale, fps=FAST_FPS, seconds=FAST_S, samplers_on=False),
    n_rounds=5,  # both sides are nearly equal: more rounds to tell them apart
)
