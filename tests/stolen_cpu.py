"""A failure while the host gave this machine's CPUs to others: it shows nothing yet, the test is made again."""

import psutil
import pytest

from hilrig.verdict.self_checks.host import STEAL_PCT_MAX

N_MORE_TRIES = 2


class StolenCpu:
    """What other virtual machines took since a test began; where the kernel counts nothing stolen, nothing."""

    def __init__(self) -> None:
        self._before = psutil.cpu_times()

    def begin(self) -> None:
        """Count from now on."""
        self._before = psutil.cpu_times()

    def is_too_much(self) -> bool:
        """Return whether it is more than a run's own check allows (`host.steal`)."""
        return stolen_pct(self._before, psutil.cpu_times()) > STEAL_PCT_MAX

    def excuses(self, items: list[pytest.Item]) -> None:
        """Let each of these tests that fails beside so much stolen time be made again, and be named as such."""
        mark = pytest.mark.flaky(reruns=N_MORE_TRIES, condition=self.is_too_much)
        for item in items:
            item.add_marker(mark)


def stolen_pct(before, after) -> float:
    """Return which share of all CPU time others took between two looks, in percent (proc(5), /proc/stat)."""
    spent = [late - early for early, late in zip(before[:8], after[:8], strict=True)]  # what follows is in them
    return 100 * (after.steal - before.steal) / sum(spent) if sum(spent) else 0.0
