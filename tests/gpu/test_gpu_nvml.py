"""What every sampler owes, asked of the NVML sampler on the real card."""

import math
import os
import time
from pathlib import Path

import pytest
from real_nvml import need_gpu, nvidia_smi, readings

from hilrig.core.telemetry import ChannelKind, Reason, Tier
from hilrig.core.units import BYTES_PER_MIB, NS_PER_S
from hilrig.sampler.nvml import NvmlSampler
from hilrig.sampler.nvml_facts import nvml_facts

FAST_PERIOD_NS = NS_PER_S // 10


@pytest.fixture
def sampler():
    need_gpu()
    opened = NvmlSampler(Path("/"), os.getpid())
    yield opened
    opened.close()


@pytest.mark.parametrize("tier", list(Tier))
def test_every_reading_is_a_finite_number_or_a_reason_with_words(sampler, tier):
    """Nothing raises, nothing is both, and what has no value says why."""
    capabilities = sampler.probe()
    for number, value, reason in sampler.read(tier):
        assert (value is None) != (reason is None)
        assert value is None or math.isfinite(value)
        assert 0 <= number < len(capabilities)
    assert all(known.detail for known in capabilities if known.reason is not None)
    keys = [known.channel.key for known in capabilities]
    assert len(keys) == len(set(keys))


def test_numbers_are_those_of_a_real_card(sampler):
    """Temperature, clocks, power, load and memory lie where hardware can be."""
    found = {key: value for key, value in readings(sampler).items() if not isinstance(value, Reason)}
    bounds = {
        "hw.gpu.utilization": (0, 1),
        "hw.temperature{": (5, 120),
        "hilrig.hw.gpu.clock.frequency": (1e7, 2e10),
        "hw.power": (0.5, 2000),
        "hw.gpu.memory.limit": (2**28, 2**40),
        "hilrig.hw.throttle.state": (0, 1),
        "hw.fan.speed_ratio": (0, 1),
    }
    assert found
    for name, (low, high) in bounds.items():
        assert all(low <= value <= high for key, value in found.items() if key.startswith(name)), name


def test_memory_used_is_within_what_there_is(sampler):
    """The two numbers of one call agree with each other."""
    found = readings(sampler)
    used, total = (found[f"hw.gpu.memory.{what}{{hw.id=gpu0}}"] for what in ("usage", "limit"))
    if isinstance(used, Reason):
        pytest.skip(f"hardware: this GPU does not tell its memory: {used.name}")
    assert 0 <= used <= total


def test_nvidia_smi_says_the_same(sampler):
    """An independent reader of the same driver agrees, give or take what moved in between."""
    total_mib, celsius, limit_w = nvidia_smi("memory.total,temperature.gpu,enforced.power.limit")[0].split(", ")
    found = readings(sampler)
    assert found["hw.gpu.memory.limit{hw.id=gpu0}"] / BYTES_PER_MIB == pytest.approx(float(total_mib), abs=1)
    assert found["hw.temperature{hw.id=gpu0}"] == pytest.approx(float(celsius), abs=5)
    if limit_w.replace(".", "").isdigit():
        limit_mw = found["hilrig.host.power_mode{hw.id=gpu0,setting=power_limit}"]
        assert limit_mw == pytest.approx(float(limit_w) * 1000, abs=10)


def test_counters_never_fall(sampler):
    """Energy, throttle times and errors only grow, over twenty readings of a second in all."""
    capabilities = sampler.probe()
    highest = {}
    for _ in range(20):
        for number, value, _reason in sampler.read(Tier.EDGE):
            if capabilities[number].channel.kind is ChannelKind.COUNTER and value is not None:
                assert value >= highest.get(number, 0.0)
                highest[number] = value
        time.sleep(0.05)  # the driver's own counters move only as time goes by
    assert highest


def test_a_fast_round_fits_into_its_period(sampler, record_property):
    """Reading the fast tier takes less than half of the period it is read in; the figures go into the report."""
    sampler.probe()
    spent_ns = []
    for _ in range(200):
        begin_ns = time.perf_counter_ns()
        sampler.read(Tier.FAST)
        spent_ns.append(time.perf_counter_ns() - begin_ns)
    spent_ns.sort()
    record_property("fast_round_p50_us", spent_ns[100] / 1000)
    record_property("fast_round_p99_us", spent_ns[197] / 1000)
    assert spent_ns[197] < FAST_PERIOD_NS / 2


def test_after_close_nothing_has_a_value(sampler):
    """A closed sampler has only reasons."""
    sampler.probe()
    sampler.close()
    assert {reading.reason for reading in sampler.read(Tier.EDGE)} == {Reason.LOST}


def test_the_facts_name_driver_and_cards():
    """The record of the machine has the driver's version and a name for each card."""
    need_gpu()
    facts = nvml_facts()
    assert facts["driver_version"]
    assert all(card["name"] for card in facts["gpus"])
