"""The process of the samplers: reads every channel on an absolute schedule while the target works."""

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Final

from hilrig.core.clock import Clock, SystemClock
from hilrig.core.run import Phase, RunPlan
from hilrig.core.telemetry import Tier
from hilrig.run.child import Setup, run_child
from hilrig.run.own_channels import OwnSampler
from hilrig.run.rounds import Rounds
from hilrig.run.sampling_schedule import SamplingSchedule
from hilrig.run.shared_block import SharedBlock, Word
from hilrig.run.tuning import Tuned
from hilrig.sampler.combined import CombinedSampler
from hilrig.sampler.probe import open_samplers

START_POLL_S: Final = 0.002

NICENESS: Final = 10
"""The target goes first where both want a CPU; a tenth of one is left in any case, and a round takes less."""


def main() -> None:
    """Run as a process of a run."""
    run_child(_sample)


def _sample(setup: Setup) -> None:
    plan, block, own = setup.plan, setup.block(), OwnSampler()
    while not block[Word.TARGET_PID]:  # a target that is not loaded yet has no GPU memory to be found
        time.sleep(START_POLL_S)
    sampler = CombinedSampler([*open_samplers(Path("/"), block[Word.TARGET_PID]), own])
    capabilities = sampler.probe()
    tuned = Tuned()
    tuned.ask_exact_timers()
    tuned.ask_cpus(plan.tuning.feeder_cpus)
    os.nice(NICENESS)
    setup.report("ready", capabilities=[asdict(capability) for capability in capabilities], setup=tuned.told())
    while block[Word.PHASE] == Phase.LOADING:
        time.sleep(START_POLL_S)
    clock = SystemClock()
    read_until_drain(Rounds(sampler, own, block.readings, clock), block, plan, clock)
    times = os.times()
    setup.report("done", cpu_s=times.user + times.system)
    sampler.close()


def read_until_drain(rounds: Rounds, block: SharedBlock, plan: RunPlan, clock: Clock) -> None:
    """Read on a grid whose tick 0, right after the first measured frame, is the first EDGE round.

    A SLOW round comes after the FAST one of its tick, so that slow sources delay no fast one. The last EDGE round
    is due when the end of the run is seen.
    """
    ticks = SamplingSchedule(plan, block[Word.T0_NS])
    tick = ticks.first_tick(clock.monotonic_ns())
    slow_round: int | None = None
    is_edge_due = True
    while block[Word.PHASE] < Phase.DRILL:
        due_ns = ticks.due_ns(tick)
        clock.sleep_until(due_ns)
        if is_edge_due and tick >= 0:
            rounds.take(Tier.EDGE, due_ns=due_ns)
            is_edge_due = False
        else:
            rounds.take(Tier.FAST, due_ns=due_ns)
            if ticks.slow_round(tick) != slow_round:
                rounds.take(Tier.SLOW, due_ns=due_ns)
                rounds.hand_over()
        slow_round = ticks.slow_round(tick)
        tick = ticks.next_tick(tick, clock.monotonic_ns())
    rounds.take(Tier.EDGE, due_ns=clock.monotonic_ns())
    rounds.hand_over()


if __name__ == "__main__":
    main()
