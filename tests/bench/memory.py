"""Memory over a run as long as eight hours at 30 fps, beside what LoadGen takes before its first query."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from bench import loadgen
from bench.no_op_run import no_op_plan, run_in
from bench.row import Bench, Row, Sense
from hilrig.core.run import Pacing

FPS, HOURS = 30, 8
N_FRAMES = FPS * HOURS * 3600
N_SHORT = 1000
SETTLED, END = slice(0.2, 0.3), slice(0.9, 1.0)  # parts of the run that are compared


class Watch:
    """Reads the resident memory of this process and its children whenever it is asked, by role."""

    def __init__(self) -> None:
        self.rss_b: dict[str, list[int]] = {}
        self._me = psutil.Process()

    def look(self) -> None:
        """Take one reading of everybody."""
        for process in [self._me, *self._me.children()]:
            with suppress(psutil.NoSuchProcess, IndexError):  # just starting, or just ended
                role = "supervisor" if process == self._me else process.cmdline()[2].rpartition(".")[2]
                self.rss_b.setdefault(role, []).append(process.memory_info().rss)

    def growth_b(self) -> Mapping[str, float]:
        """Return by how much each role grew from the settled part of the run to its end."""
        return {role: _part(values, END) - _part(values, SETTLED) for role, values in self.rss_b.items()}


def _part(values: list[int], part: slice) -> float:
    begin, end = int(part.start * len(values)), int(part.stop * len(values))
    return float(np.median(values[begin : max(end, begin + 1)]))


def _ours(scale: float) -> Mapping[str, float]:
    n_frames = round(N_FRAMES * scale)
    _rss_before_b(N_SHORT)  # what the first run imports is not a frame's memory
    growth_b = _growth_b(n_frames)
    frames_between = n_frames * (END.start + END.stop - SETTLED.start - SETTLED.stop) / 2
    return {
        "before_b": (_rss_before_b(N_FRAMES) - _rss_before_b(N_SHORT)) / (N_FRAMES - N_SHORT),
        "during_b": sum(growth_b.values()) / frames_between,
        "growth_mib": max(growth_b.values()) / 2**20,
    }


def _rss_before_b(n_frames: int) -> float:
    """Return the memory of all processes when the schedule stands and no frame has been offered."""
    watch, stop = Watch(), []

    def look_once(kind: str) -> None:
        if kind == "schedule":
            watch.look()
            stop.append(True)

    with TemporaryDirectory() as name:
        run_in(Path(name), no_op_plan(n_frames=n_frames), on_event=look_once, stop_requested=lambda: bool(stop))
    return sum(values[0] for values in watch.rss_b.values())


def _growth_b(n_frames: int) -> Mapping[str, float]:
    watch, begun = Watch(), []

    def look() -> bool:
        if begun:
            watch.look()
        return False

    def on_event(kind: str) -> None:
        if kind == "warmup":
            begun.append(True)
        elif kind == "drain":
            begun.clear()

    plan = no_op_plan(n_frames=n_frames, pacing=Pacing.UNPACED)
    with TemporaryDirectory() as name:
        run_in(Path(name), plan, on_event=on_event, stop_requested=look)
    return watch.growth_b()


def _peer(scale: float) -> Mapping[str, float]:
    before_b = loadgen.memory(qps=FPS, hours=HOURS * scale)["before_b"]
    return {"before_b": before_b, "during_b": before_b, "growth_mib": before_b * N_FRAMES * scale / 2**20}


def _row(name: str, key: str) -> Row:
    return Row(name=name, against="LoadGen before its first query", key=key, unit="B", reach=0.25, stretch=None)


MEMORY = Bench(
    name="memory",
    rows=(
        _row("memory per offered frame before the run", "before_b"),
        _row("memory per offered frame during the run", "during_b"),
        Row(
            name="growth of any process over 864,000 frames",
            against="LoadGen's schedule of as many",
            key="growth_mib",
            unit="MiB",
            reach=4.0,  # what allocators and caches move by themselves
            stretch=None,
            sense=Sense.OURS_AT_MOST,
        ),
    ),
    ours=_ours,
    peer=_peer,
)
