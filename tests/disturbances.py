"""Known causes of late frames, each injected into a running station."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hilrig.core.verdict import Cause

HELD_S = 0.3
"""A stop or a hog lasts for three readings of the telemetry."""

N_HOGS = 12
N_FLUSHES, BETWEEN_FLUSHES_S = 4, 0.011
N_HEAP, COLLECTED_S = 1_000_000, 0.2


@dataclass
class Station:
    """A running station: its profile's folder, the process and the CPU of its target."""

    folder: Path
    worker_pid: int
    worker_cpu: int


@contextmanager
def stopping(station: Station) -> Iterator[Callable[[], None]]:
    """Stop the target as a careless debugger does."""

    def inject() -> None:
        os.kill(station.worker_pid, signal.SIGSTOP)
        time.sleep(HELD_S)
        os.kill(station.worker_pid, signal.SIGCONT)

    yield inject


@contextmanager
def hogging(station: Station) -> Iterator[Callable[[], None]]:
    """Let busy processes run on the target's CPU."""
    busy = [sys.executable, "-c", "while True: pass"]
    # A session each: the kernel shares a CPU out to sessions first, and the target has one of its own.
    hogs = [subprocess.Popen(busy, start_new_session=True) for _ in range(N_HOGS)]

    def tell(number: int) -> None:
        for hog in hogs:
            hog.send_signal(number)

    def inject() -> None:
        tell(signal.SIGCONT)
        time.sleep(HELD_S)
        tell(signal.SIGSTOP)

    try:
        tell(signal.SIGSTOP)
        for hog in hogs:
            os.sched_setaffinity(hog.pid, {station.worker_cpu})
        yield inject
    finally:
        tell(signal.SIGKILL)
        for hog in hogs:
            hog.wait()


@contextmanager
def flushing(station: Station) -> Iterator[Callable[[], None]]:
    """Take the target's file out of the page cache."""
    weights = os.open(station.folder / "weights.bin", os.O_RDONLY)
    try:

        def inject() -> None:
            for _ in range(N_FLUSHES):  # pages that the target has mapped just now stay: try again between frames
                os.posix_fadvise(weights, 0, 0, os.POSIX_FADV_DONTNEED)
                time.sleep(BETWEEN_FLUSHES_S)

        yield inject
    finally:
        os.close(weights)


@contextmanager
def collecting(station: Station) -> Iterator[Callable[[], None]]:
    """Have the target's garbage collected while it works on a frame."""

    def inject() -> None:
        (station.folder / "collect").touch()
        time.sleep(COLLECTED_S)

    yield inject


DISTURBANCES = {
    Cause.STOPPED: (stopping, HELD_S),
    Cause.MAJOR_FAULT: (flushing, N_FLUSHES * BETWEEN_FLUSHES_S),
    Cause.GARBAGE_COLLECTION: (collecting, COLLECTED_S),
    Cause.RUN_QUEUE: (hogging, HELD_S),
}
"""How each cause is injected, and how long that takes."""
