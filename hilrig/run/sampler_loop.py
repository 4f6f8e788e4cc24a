"""The process of the samplers: reads every channel on an absolute schedule while the target works."""

import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np

from hilrig.core.arrivals import schedule
from hilrig.core.ports import Sampler
from hilrig.core.profile import ArrivalModel
from hilrig.core.run import Pacing, Phase, RunPlan
from hilrig.core.telemetry import READING_DTYPE, TIER_CODES, Reading, ReadingTable, Tier
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.run.child import Setup, run_child
from hilrig.run.shared_block import SharedBlock, Word
from hilrig.run.tuning import Tuned
from hilrig.sampler.combined import CombinedSampler
from hilrig.sampler.probe import open_samplers

SLOW_PERIOD_NS: Final = NS_PER_S
START_POLL_S: Final = 0.002

PERIOD_NS_MIN: Final = 5 * NS_PER_MS
"""Of frames between which a round of telemetry finds a place."""

NICENESS: Final = 10
"""The target goes first where both want a CPU; a tenth of one is left in any case, a round takes 3 per cent."""


def main() -> None:
    """Run as a process of a run."""
    run_child(_sample)


def _sample(setup: Setup) -> None:
    plan, block = setup.plan(), setup.block()
    sampler = CombinedSampler(open_samplers(Path("/"), setup.target_pid))
    capabilities = sampler.probe()
    tuned = Tuned()
    tuned.ask_exact_timers()
    tuned.ask_cpus(plan.tuning.feeder_cpus)
    os.nice(NICENESS)
    setup.report("ready", capabilities=[asdict(capability) for capability in capabilities], setup=tuned.told())
    while block[Word.PHASE] == Phase.LOADING:
        time.sleep(START_POLL_S)
    _read_until_drain(sampler, block, plan)
    _append(block, Tier.EDGE, sampler)
    times = os.times()
    setup.report("done", cpu_s=times.user + times.system)
    sampler.close()


def _read_until_drain(sampler: Sampler, block: SharedBlock, plan: RunPlan) -> None:
    """Read on a grid whose tick 0, right after the first measured frame, is the first EDGE reading."""
    period_ns = plan.telemetry_period_ms * NS_PER_MS
    start_ns = _measure_start_ns(block, plan)
    tick = -((start_ns - time.monotonic_ns()) // period_ns)
    ticks_per_slow = max(1, SLOW_PERIOD_NS // period_ns)
    is_edge_due = True
    while block[Word.PHASE] < Phase.DRAIN:
        _sleep_until(between_frames_ns(start_ns + tick * period_ns, block[Word.T0_NS], plan))
        if is_edge_due and tick >= 0:
            _append(block, Tier.EDGE, sampler)
            is_edge_due = False
        else:
            _append(block, Tier.FAST, sampler)
            if tick % ticks_per_slow == 0:
                _append(block, Tier.SLOW, sampler)
        tick = max(tick + 1, (time.monotonic_ns() - start_ns) // period_ns)  # a missed tick stays missed


def between_frames_ns(tick_ns: int, t0_ns: int, plan: RunPlan) -> int:
    """Return a moment at most a frame after a tick, half-way between two frames of a regular camera.

    A round of telemetry takes two to three milliseconds of a CPU. On a common grid it would begin with every third
    frame of a camera at 30 fps, and that frame's target would wait for it.
    """
    period_ns = int(plan.period_ns)
    is_regular = plan.arrivals.model is ArrivalModel.FIXED and len(plan.arrivals.camera_offsets_ms) == 1
    if not is_regular or plan.pacing is Pacing.UNPACED or period_ns < PERIOD_NS_MIN:
        return tick_ns
    return tick_ns - (tick_ns - t0_ns) % period_ns + period_ns // 2


def _measure_start_ns(block: SharedBlock, plan: RunPlan) -> int:
    if plan.pacing is Pacing.UNPACED:
        return block[Word.T0_NS]
    return block[Word.T0_NS] + schedule(plan).offset_ns(plan.n_warmup_frames)


def _sleep_until(deadline_ns: int) -> None:
    wait_ns = deadline_ns - time.monotonic_ns()
    if wait_ns > 0:
        time.sleep(wait_ns / NS_PER_S)


def _append(block: SharedBlock, tier: Tier, sampler: Sampler) -> None:
    begin_ns = time.monotonic_ns()
    readings = sampler.read(tier)
    end_ns = time.monotonic_ns()
    block.readings.append(to_table(readings, tier, begin_ns, end_ns))


def to_table(readings: Sequence[Reading], tier: Tier, begin_ns: int, end_ns: int) -> ReadingTable:
    """Return readings of one batch as rows, stamped with the middle of the batch."""
    table = np.zeros(len(readings), READING_DTYPE)
    table["t_ns"] = (begin_ns + end_ns) // 2
    table["width_ns"] = min(end_ns - begin_ns, np.iinfo(np.uint32).max)
    table["tier"] = TIER_CODES[tier]
    table["channel"] = [reading.channel for reading in readings]
    table["value"] = [np.nan if reading.value is None else reading.value for reading in readings]
    table["reason"] = [0 if reading.reason is None else reading.reason for reading in readings]
    return table


if __name__ == "__main__":
    main()
