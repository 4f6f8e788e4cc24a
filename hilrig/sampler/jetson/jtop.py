"""The jtop service of jetson-stats as a source of telemetry, asked by a process of its own."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from hilrig.core.clock import Clock, SystemClock
from hilrig.sampler.jetson.jtop_line import DETAILS, GPU_HZ, GPU_LOAD, MEMORY_HZ, values_of
from hilrig.sampler.line_process import Program
from hilrig.sampler.line_sampler import LineSampler

FIRST_LINE_S: Final = 10.0
"""Python starts, jtop is imported, and the service may have to start its own measuring first."""

_PROGRAM: Final = Program(
    command=(sys.executable, "-m", "hilrig.sampler.jetson.jtop_process"),
    title="the process that asks jtop",
    advice="sudo systemctl restart jtop",
)
_SOCKET: Final = "run/jtop.sock"


class JtopSampler(LineSampler):
    """Reads GPU load and clock, memory clock, temperatures and power as the jtop service measured them.

    Args:
        root: not read: the service has one socket, on the machine itself.
        pid: not read: jtop's own list of processes is no measure of one process's memory.
        clock: CLOCK_MONOTONIC, or one that a test moves.
        first_line_s: how long the probe waits.
    """

    def __init__(
        self, root: Path, pid: int, *, clock: Clock | None = None, first_line_s: float = FIRST_LINE_S
    ) -> None:
        del root, pid
        super().__init__(
            _PROGRAM,
            values_of,
            always=(GPU_LOAD, GPU_HZ, MEMORY_HZ),
            details=DETAILS,
            first_line_s=first_line_s,
            clock=clock or SystemClock(),
        )

    @staticmethod
    def is_here(root: Path) -> bool:
        """Return whether a service is installed and its Python package can be found; imports nothing."""
        return (root / _SOCKET).exists() and find_spec("jtop") is not None
