"""The process of the target: loads it, then decides frame after frame until the camera is done."""

import gc
import os
import time
from typing import Final

from hilrig.core.run import Phase
from hilrig.core.units import NS_PER_MS
from hilrig.run.child import Setup, run_child
from hilrig.run.drill_queue import serve_with_drill
from hilrig.run.gc_watch import GcWatch
from hilrig.run.no_network import leave_network
from hilrig.run.shared_block import Word
from hilrig.run.target_queue import TargetQueue
from hilrig.run.tuning import Tuned
from hilrig.target.model_files import refuse_changed
from hilrig.target.opening import open_target

LINGER_POLL_S: Final = 0.02


def main() -> None:
    """Run as a process of a run."""
    run_child(_work)


def _work(setup: Setup) -> None:
    plan, block = setup.plan, setup.block()
    tuned = Tuned()
    tuned.ask_cpus(plan.tuning.worker_cpus)  # before the target starts threads: they inherit it
    if not plan.tuning.network:
        leave_network()
    target = open_target(plan.pipeline, plan.model, setup.profile_folder)
    begin_ns = time.monotonic_ns()
    facts = target.prepare()
    load_time_ms = (time.monotonic_ns() - begin_ns) / NS_PER_MS
    refuse_changed(plan.model_files_sha256, dict(facts.get("files_sha256", {})))
    block.prefault()
    gc.collect()
    gc.freeze()  # what is loaded stays: collections during the run have nothing old to walk
    GcWatch(block.pauses).start()
    setup.report("ready", pid=os.getpid(), target=facts, load_time_ms=load_time_ms, setup=tuned.told())
    if plan.n_drill_frames:
        serve_with_drill(target, plan, block, setup)
    else:
        TargetQueue(plan, block, setup).serve(target)
    setup.report("done")
    while block[Word.PHASE] < Phase.DONE:  # the sampler still takes its last reading of this process
        time.sleep(LINGER_POLL_S)
    target.close()


if __name__ == "__main__":
    main()
