"""Every row of the table, in its order."""

from bench.command_line import SOAK, START
from bench.frame_path import END_TO_END, LATENESS, LATENESS_FIFO, SAMPLERS, SATURATED
from bench.memory import MEMORY
from bench.node_service import SERVICE
from bench.preprocess import PREPROCESS
from bench.recording import RECORDING
from bench.rigs import RIGS
from bench.row import Bench
from bench.sampling import SAMPLING
from bench.verdict import FALSE_PASS, VERDICT_TIME

BENCHES: tuple[Bench, ...] = (
    SATURATED,
    LATENESS,
    LATENESS_FIFO,
    *END_TO_END,
    RECORDING,
    MEMORY,
    SAMPLERS,
    SAMPLING,
    FALSE_PASS,
    VERDICT_TIME,
    *PREPROCESS,
    START,
    SOAK,
    RIGS,
    *SERVICE,
)
