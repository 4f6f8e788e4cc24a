"""The process of the write loop: decisions on stdin, a report a second on stdout, log lines on stderr."""

import gc
import json
import os
import signal
import sys
import time
from contextlib import suppress
from typing import Any, Final

from hilrig.core.clock import SystemClock
from hilrig.core.units import NS_PER_S
from hilrig.node.log_line import LoggedNode, log
from hilrig.node.plc.decision import N_BYTES, undecided, unpack
from hilrig.node.plc.link import open_link
from hilrig.node.plc.url import read_plc_url
from hilrig.node.plc.write_loop import WriteLoop

REAL_TIME_PRIORITY: Final = 10
"""Above everything that is not real time; below the kernel's own threads. Asked for, not needed."""

STDIN_FD: Final = 0
STDOUT_FD: Final = 1
READ_BYTES: Final = 4096 * N_BYTES


def main() -> None:
    """Write until stdin ends: then the service is gone, and the fail-safe output is written once more."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends with the service, after its last word
    url = read_plc_url(sys.argv[1])
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(REAL_TIME_PRIORITY))
    os.set_blocking(STDIN_FD, False)
    os.set_blocking(STDOUT_FD, False)
    loop = WriteLoop(open_link(url), url, clock=SystemClock(), log=_log)
    gc.collect()
    gc.freeze()
    _run(loop)
    loop.close()


def _run(loop: WriteLoop) -> None:
    inbox, sequence, report_ns = _Inbox(), 0, 0
    while True:
        loop.wait()
        for decision in unpack(inbox.read()):
            loop.outputs.take(decision)
            sequence = decision.sequence
        if inbox.is_closed:
            loop.outputs.end(undecided(sequence=sequence, now_ns=time.monotonic_ns()))
            loop.tick()
            return
        loop.tick()
        if time.monotonic_ns() >= report_ns:
            _report(loop)
            report_ns = time.monotonic_ns() + NS_PER_S


class _Inbox:
    """What has come on stdin since the last look; a decision is never cut in two."""

    def __init__(self) -> None:
        self.is_closed = False

    def read(self) -> bytes:
        """Return the bytes that are there; never waits."""
        try:
            data = os.read(STDIN_FD, READ_BYTES)
        except BlockingIOError:
            return b""
        self.is_closed = not data
        return data


def _report(loop: WriteLoop) -> None:
    counts = loop.counts
    report = {
        "connected": loop.is_connected,
        "n_written": counts.n_written,
        "n_failed": counts.n_failed,
        "n_ticks_missed": counts.n_ticks_missed,
        "n_fail_safe": {reason.name.lower(): n for reason, n in counts.n_fail_safe.items()},
        "n_lost": loop.outputs.n_lost,
        "n_late": loop.outputs.n_late,
        "tick_late_p50_us": counts.lateness_us(500),
        "tick_late_p99_us": counts.lateness_us(990),
        "tick_late_max_us": counts.lateness_us(1000),
    }
    with suppress(OSError):  # nobody reads: the next report says the same and more
        os.write(STDOUT_FD, json.dumps(report).encode() + b"\n")


def _log(event: str, **detail: Any) -> None:
    with suppress(OSError):
        log(event, node=LoggedNode(node=sys.argv[2]), **detail)


if __name__ == "__main__":
    main()
