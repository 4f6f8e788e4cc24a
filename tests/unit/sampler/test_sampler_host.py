import os
import time
from pathlib import Path

import pytest

from hilrig.core.registry import load
from hilrig.core.telemetry import Tier
from hilrig.core.units import BYTES_PER_MIB
from hilrig.sampler.host import HostSampler

PERIOD_S = 0.1


@pytest.fixture
def host():
    sampler = HostSampler(Path("/"), os.getpid())
    yield sampler
    sampler.close()


def channel_numbers(host):
    return {known.channel.key: number for number, known in enumerate(host.probe())}


def test_it_is_registered_under_its_name():
    """`host` in the table of samplers is this class."""
    assert load("samplers", "host") is HostSampler


def test_the_peak_begins_anew_at_each_edge(host):
    """Memory used before an edge does not count after it, and memory used in between is never missed."""
    peak = channel_numbers(host)["hilrig.process.memory.peak"]
    if host.probe()[peak].detail:
        pytest.skip(f"hardware: the peak can't be reset here: {host.probe()[peak].detail}")
    host.read(Tier.EDGE)
    spike = b"x" * (128 * BYTES_PER_MIB)
    del spike
    with_spike = host.read(Tier.EDGE)[peak].value
    without = host.read(Tier.EDGE)[peak].value
    assert with_spike - without > 100 * BYTES_PER_MIB


def test_working_shows_in_the_counters(host):
    """Burning CPU time moves the target's CPU counter by about as much."""
    user = channel_numbers(host)["process.cpu.time{cpu.mode=user}"]
    before = host.read(Tier.EDGE)[user].value
    used_s = -os.times().user
    while os.times().user + used_s < 0.1:
        sum(range(1000))
    assert host.read(Tier.EDGE)[user].value - before == pytest.approx(0.1, abs=0.05)


def test_a_fast_read_costs_under_half_a_percent_of_a_core(host):
    """Ten reads a second use less than 0.5 % of one core."""
    host.probe()
    costs_s = []
    for _ in range(5):
        start_s = time.process_time()
        for _ in range(100):
            host.read(Tier.FAST)
        costs_s.append((time.process_time() - start_s) / 100)
    assert min(costs_s) / PERIOD_S < 0.005
