"""Scripts that change a board's tree while it is read: warming up, load, clocks, power, episodes of throttling."""

import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from board_parts import ORIN_DEVFREQ, ORIN_GPU, Board, time_in_state, trans_table


class Change(NamedTuple):
    """At `t_s`, the file at `path` (under the board's root) begins to say `content`."""

    t_s: float
    path: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """An alert from `begin_s` to `end_s`. `seen` False: it lies between two reads of the state, which stays 0."""

    begin_s: float
    end_s: float
    seen: bool = True


def ramp(
    path: str, first: float, last: float, *, begin_s: float, end_s: float, every_s: float = 0.5
) -> list[Change]:
    """Return whole numbers that go from `first` to `last` in equal steps."""
    n_steps = max(1, round((end_s - begin_s) / every_s))
    return [
        Change(
            begin_s + (end_s - begin_s) * step / n_steps, path, str(round(first + (last - first) * step / n_steps))
        )
        for step in range(n_steps + 1)
    ]


def alert_changes(board: Board, alert: str, episodes: Sequence[Episode], *, every_s: float = 0.1) -> list[Change]:
    """Return an alert's state through its episodes, and the kernel's statistics where the board keeps them."""
    state = board.path_of("cur_state", type=alert)
    table = f"{state.removesuffix('cur_state')}stats/trans_table"
    times = f"{state.removesuffix('cur_state')}stats/time_in_state_ms"
    changes, before_s = [], 0.0
    for number, episode in enumerate(episodes):
        length_s = episode.end_s - episode.begin_s
        if episode.seen:
            changes += [Change(episode.begin_s, state, "1"), Change(episode.end_s, state, "0")]
        for spent_s in (*(every_s * step for step in range(int(length_s / every_s) + 1)), length_s):
            t_s, throttled_ms = episode.begin_s + spent_s, round((before_s + spent_s) * 1000)
            changes.append(Change(t_s, times, time_in_state(3_605_000 + round(t_s * 1000), throttled_ms)))
        changes.append(Change(episode.begin_s, table, trans_table(number + 1, number)))
        changes.append(Change(episode.end_s, table, trans_table(number + 1)))
        before_s += length_s
    return sorted(change for change in changes if change.path in board.facts)


def orin_soak(board: Board, episodes: Sequence[Episode], *, length_s: float) -> list[Change]:
    """Return a working Orin: it warms from 50 to 80 C under load, and its GPU alert goes through `episodes`.

    In each episode that is seen the GPU's clock falls to 306 MHz. The rail's power rises with the load.
    """
    rail = board.path_of("curr1_input", in1_label="VDD_IN")
    changes = alert_changes(board, "gpu-throttle-alert", episodes)
    for part in ("cpu", "gpu", "tj"):
        temp = board.path_of("temp", type=f"{part}-thermal")
        changes += ramp(temp, 50_000, 80_000, begin_s=0, end_s=length_s)
    changes += ramp(f"{ORIN_GPU}/load", 120, 900, begin_s=0, end_s=length_s / 2)
    changes += ramp(rail, 1_500, 2_900, begin_s=0, end_s=length_s / 2)
    for episode in episodes:
        if episode.seen:
            changes.append(Change(episode.begin_s, f"{ORIN_DEVFREQ}/cur_freq", "306000000"))
            changes.append(Change(episode.end_s, f"{ORIN_DEVFREQ}/cur_freq", "1020000000"))
    return sorted(changes)


class ScriptedBoard:
    """Plays a script on a board's files, by `step` in a test's own time or in real time from a thread.

    Files are written in place, each change in one call and padded to the file's length, so that a descriptor which
    was opened long ago sees either the old content or the new one.
    """

    def __init__(self, board: Board, script: Iterable[Change]) -> None:
        self._root = board.root
        self._waiting = sorted(script, key=lambda change: change.t_s)
        self._stop = threading.Event()

    def step(self, t_s: float) -> None:
        """Make every change that is due at `t_s`."""
        while self._waiting and self._waiting[0].t_s <= t_s:
            change = self._waiting.pop(0)
            write_in_place(self._root / change.path, change.content)

    @contextmanager
    def playing(self, *, origin_s: float | None = None) -> Iterator[None]:
        """Play in real time for as long as the context lasts; `origin_s` is time.monotonic() at t_s 0."""
        begin_s = time.monotonic() if origin_s is None else origin_s
        thread = threading.Thread(target=self._play, args=(begin_s,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _play(self, begin_s: float) -> None:
        while self._waiting:
            if self._stop.wait(max(0.0, begin_s + self._waiting[0].t_s - time.monotonic())):
                return
            self.step(time.monotonic() - begin_s)


def write_in_place(path: Path, content: str) -> None:
    """Replace a file's content without replacing the file."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(fd, f"{content}\n".encode().ljust(os.fstat(fd).st_size, b"\n"), 0)
    finally:
        os.close(fd)
