"""Many simulated rigs driven by one client: seconds for each and memory of the client, as their number grows."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench.row import Bench, Row, Sense
from matrices import write_simulated_rig
from stations import write_station

COUNTS = (1, 3, 10, 30, 100)
PARALLEL = 2
MEASURED_S = 2
LOOK_S = 0.2


@dataclass(frozen=True)
class Point:
    """A number of rigs, seconds for each, the most memory of the client and of all its processes on this side."""

    n_rigs: int
    s_per_rig: float
    client_mib: float
    processes_mib: float


class Memory(threading.Thread):
    """Reads what a process takes, again and again; and what the processes take that do its runs, on this side."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._client = psutil.Process(pid)
        self._is_over = threading.Event()
        self.client_mib = self.processes_mib = 0.0

    def run(self) -> None:
        """Look until it is over."""
        while not self._is_over.wait(LOOK_S):
            try:
                own = self._client.memory_info().rss / 2**20
                others = sum(child.memory_info().rss for child in self._client.children()) / 2**20
            except psutil.Error:
                continue
            self.client_mib = max(self.client_mib, own)
            self.processes_mib = max(self.processes_mib, own + others)

    def end(self) -> None:
        """Look no more."""
        self._is_over.set()
        self.join()


def curve(counts: tuple[int, ...]) -> list[Point]:
    """Return a point for each number of rigs; prints it."""
    points = []
    for n_rigs in counts:
        points.append(drive(n_rigs))
        print(f"  {points[-1]}", flush=True)
    return points


def drive(n_rigs: int) -> Point:
    """Run the station once on so many fresh rigs, two at a time.

    Raises:
        RuntimeError: a rig gave no verdict.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        _prepare(folder, n_rigs)
        began_s = time.monotonic()
        done, memory = _run(folder)
        took_s = time.monotonic() - began_s
        if len(re.findall(r'"status": "(?:PASS|FAIL|INCONCLUSIVE)",\n\s+"why_not_run": ""', done)) != n_rigs:
            raise RuntimeError(f"not every one of {n_rigs} rigs gave a verdict: {done[-2000:]}")
        return Point(n_rigs, took_s / n_rigs, memory.client_mib, memory.processes_mib)


def _prepare(folder: Path, n_rigs: int) -> None:
    write_station(folder / "station", duration_s=MEASURED_S)
    for index in range(n_rigs):
        write_simulated_rig(folder / "rigs", f"sim-{index}", work=folder / "work", board="sim")
    _hilrig(folder, "keys", "new").wait()


def _run(folder: Path) -> tuple[str, Memory]:
    asked = ("run", "station", "--label", "board=sim", "--all", "--max-parallel", str(PARALLEL), "--json")
    process = _hilrig(folder, *asked)
    memory = Memory(process.pid)
    memory.start()
    out, _ = process.communicate()
    memory.end()
    return out, memory


def _hilrig(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "hilrig", *arguments],
        cwd=folder,
        env=os.environ | {"HILRIG_HOME": str(folder / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _ours(scale: float) -> Mapping[str, float]:
    counts = COUNTS if scale >= 1 else COUNTS[:3]
    points = curve(counts)
    few, many = points[1], points[-1]  # one rig alone uses one of the two places
    return {
        "s_ratio": many.s_per_rig / few.s_per_rig,
        "client_growth_mib": (many.client_mib - few.client_mib) / (many.n_rigs - few.n_rigs),
        "processes_mib": many.processes_mib,
    }


def _row(name: str, key: str, unit: str, reach: float) -> Row:
    return Row(
        name=name,
        against="the same with 3 rigs",
        key=key,
        unit=unit,
        reach=reach,
        stretch=None,
        sense=Sense.OURS_AT_MOST,
    )


RIGS = Bench(
    name="rigs",
    rows=(
        _row("time per rig, 100 simulated rigs, two at a time", "s_ratio", "", 1.2),
        _row("memory of the client for each further rig", "client_growth_mib", "MiB", 0.1),
        _row("memory of all processes of the client, 100 rigs", "processes_mib", "MiB", 400.0),
    ),
    ours=_ours,
    peer=None,
    n_rounds=1,
)
