"""Waiting for deadlines: sleep until shortly before each, then watch the clock.

A sleeping process wakes 60 to 150 us late on an idle machine, later the longer it slept. The last stretch is
therefore spent awake; how long it must be is measured on the waits themselves.
"""

import time
from collections import deque
from typing import Final

N_KEPT: Final = 256
"""Wake-ups behind the calibration: their p99 is the third-worst."""

N_PROBES: Final = 24
PROBE_NS_MAX: Final = 10_000_000  # probes sleep as long as frames do, but loading must not take seconds
N_BETWEEN: Final = 32  # wake-ups between two calibrations: each sorts what is kept, which takes 15 us

SPIN_NS_MIN: Final = 50_000  # below the lateness of any sleep seen: a quieter moment must not trick us
SPIN_SHARE_OF_PERIOD: Final = 0.1  # more would cost the rig more than a tenth of a core


class Pacer:
    """Waits for deadlines, `period_ns` apart on average.

    Attributes:
        spin_ns: how long before a deadline the sleep ends: the p99 lateness of this process's own wake-ups, at
            least 50 us, at most a tenth of the period (`reference/measurement.md` 6).
    """

    def __init__(self, period_ns: float) -> None:
        self._spin_ns_max = max(SPIN_NS_MIN, int(period_ns * SPIN_SHARE_OF_PERIOD))
        self._late_ns: deque[int] = deque(maxlen=N_KEPT)
        self._n_since = 0
        self.spin_ns = SPIN_NS_MIN
        self._probe(min(PROBE_NS_MAX, int(period_ns)))

    def wait_until(self, deadline_ns: int) -> int:
        """Return CLOCK_MONOTONIC at or after `deadline_ns`; at once when it has passed."""
        if self._n_since >= N_BETWEEN:
            self._calibrate()
        now_ns = time.monotonic_ns()
        wake_ns = deadline_ns - self.spin_ns
        if wake_ns > now_ns:
            time.sleep((wake_ns - now_ns) / 1e9)
            now_ns = time.monotonic_ns()
            self._late_ns.append(now_ns - wake_ns)
            self._n_since += 1
        while now_ns < deadline_ns:
            now_ns = time.monotonic_ns()
        return now_ns

    def _probe(self, sleep_ns: int) -> None:
        for _ in range(N_PROBES):
            self.wait_until(time.monotonic_ns() + sleep_ns)
        self._calibrate()

    def _calibrate(self) -> None:
        ordered = sorted(self._late_ns)
        p99_ns = ordered[-(-len(ordered) * 99 // 100) - 1] if ordered else 0
        self.spin_ns = max(SPIN_NS_MIN, min(p99_ns, self._spin_ns_max))
        self._n_since = 0
