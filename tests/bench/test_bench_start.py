"""How long the command line takes to answer, against Python alone."""

import subprocess
import sys
import time
from statistics import median

import pytest

N_ROUNDS = 11


def wall_s(*arguments):
    begin_s = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin_s


@pytest.mark.bench
def test_help_answers_at_once():
    """`hilrig --help` takes less than 0.3 s more than bare Python."""
    rounds = [(wall_s("-m", "hilrig", "--help"), wall_s("-c", "pass")) for _ in range(N_ROUNDS)]
    more_s = median(ours - bare for ours, bare in rounds)
    print(f"\nhilrig --help: {more_s:.3f} s more than bare Python (limit 0.300)")
    assert more_s < 0.3
