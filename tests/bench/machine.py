"""The machine that the figures are from, in one line."""

import os
import platform
from pathlib import Path


def describe_machine() -> str:
    """Return CPU, number of cores, kernel and Python."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU"
    )
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}, Python {platform.python_version()}"
