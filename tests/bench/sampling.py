"""What telemetry costs: the sampler's process in a real run, beside psutil reading the same quantities."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.no_op_run import no_op_plan, run_in
from bench.row import Bench, Row, Sense
from hilrig.record.load import load_record
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.telemetry.sampling import measure_sampling
from hilrig.verdict.window import cut

FPS, SECONDS, RATE_HZ = 30, 30, 10

PSUTIL = """
import psutil, sys, time
process, seconds, rate_hz = psutil.Process(int(sys.argv[1])), float(sys.argv[2]), int(sys.argv[3])
begin_s, cpu_s = time.monotonic(), time.process_time()
for tick in range(round(seconds * rate_hz)):
    psutil.cpu_times(), process.cpu_times(), process.memory_info(), process.status()
    if tick % rate_hz == 0:
        psutil.virtual_memory(), process.num_ctx_switches()
        psutil.sensors_temperatures(), psutil.cpu_freq(percpu=True)
    time.sleep(max(0, begin_s + (tick + 1) / rate_hz - time.monotonic()))
print(100 * (time.process_time() - cpu_s) / (time.monotonic() - begin_s))
"""
"""psutil's calls for the host's fast and slow channels; it has none for pressure, run delay or faults."""


def _ours(scale: float) -> Mapping[str, float]:
    """Return the share of one core that the sampler's process took over the measured part, by its own record."""
    plan = no_op_plan(n_frames=round(FPS * SECONDS * scale), fps=FPS)
    with TemporaryDirectory() as name:
        run_in(Path(name), plan, on_event=lambda kind: None)
        record = load_record(Path(name), plan=plan, truths=(), rig={}).record
    found = {one.metric: one.value for one in measure_sampling(Telemetry(record), cut(record))}
    return {"cpu_pct": float(found["telemetry_cpu_pct"] or float("nan"))}


def _peer(scale: float) -> Mapping[str, float]:
    command = [sys.executable, "-c", PSUTIL, str(os.getpid()), str(SECONDS * scale), str(RATE_HZ)]
    return {"cpu_pct": float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)}


SAMPLING = Bench(
    name="sampling",
    rows=(
        Row(
            name="host telemetry at 10 Hz, of one core",
            against="psutil, the quantities that it has",
            key="cpu_pct",
            unit="%",
            reach=0.5,
            stretch=0.2,
            sense=Sense.OURS_AT_MOST,
        ),
    ),
    ours=_ours,
    peer=_peer,
)
