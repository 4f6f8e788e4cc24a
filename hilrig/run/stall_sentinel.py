"""The stall sentinel: wakes every millisecond, so that a gap in its ticks is time the host took away.

Its gaps tell a slow model from a machine that stood still (stolen virtual CPU, firmware, suspend).
"""

import gc
import time
from typing import Final

import numpy as np

from hilrig.core.run import Phase
from hilrig.core.telemetry import HOST_STALL, READING_DTYPE, TIER_CODES, Channel, ChannelKind, Tier
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.run.child import Setup, run_child
from hilrig.run.shared_block import SharedBlock, Word
from hilrig.run.tuning import Tuned

TICK_NS: Final = NS_PER_MS
GAP_NS: Final = 5 * NS_PER_MS
"""Shortest gap that is written down: longer than a neighbour's usual time slice, shorter than a frame."""

STALL_CHANNEL: Final = Channel(
    name=HOST_STALL, unit="ns", kind=ChannelKind.GAUGE, tier=Tier.FAST, source="stall sentinel"
)
"""One reading for each gap: `t_ns` is its start, the value its length. No reading is no gap."""


def main() -> None:
    """Run as a process of a run."""
    run_child(_watch)


def _watch(setup: Setup) -> None:
    plan, block = setup.plan, setup.block()
    tuned = Tuned()
    tuned.ask_exact_timers()
    tuned.ask_cpus(plan.tuning.feeder_cpus)
    if plan.tuning.lock_memory:
        tuned.ask_memory_lock()
    if plan.tuning.real_time:
        tuned.ask_real_time()
    gc.disable()  # nothing below makes cycles
    setup.report("ready", setup=tuned.told())
    while block[Word.PHASE] == Phase.LOADING:
        time.sleep(0.002)
    last_ns = time.monotonic_ns()
    while block[Word.PHASE] < Phase.DRILL:
        time.sleep(TICK_NS / NS_PER_S)
        now_ns = time.monotonic_ns()
        if now_ns - last_ns > GAP_NS:
            _append(block, last_ns, now_ns - last_ns)
        last_ns = now_ns
    setup.report("done")


def _append(block: SharedBlock, start_ns: int, length_ns: int) -> None:
    row = np.zeros(1, READING_DTYPE)
    row["t_ns"], row["value"], row["tier"] = start_ns, length_ns, TIER_CODES[Tier.FAST]
    block.stalls.append(row)


if __name__ == "__main__":
    main()
