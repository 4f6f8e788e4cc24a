"""What every sampler owes, asked of the NVML sampler on the real card."""

import os
import time
from pathlib import Path

import pytest
from real_nvml import need_gpu, nvidia_smi, readings

from hilrig.core.telemetry import Reason, Tier
from hilrig.core.units import BYTES_PER_MIB, NS_PER_S
from hilrig.sampler.nvml.facts import nvml_facts
from hilrig.sampler.nvml.sampler import NvmlSampler
from sampler_contract import SamplerContract

FAST_PERIOD_NS = NS_PER_S // 10


class TestSamplerContract(SamplerContract):
    """Asked of the NVML sampler, and what only a real card can show."""

    least_channels = 28
    least_counters = 1

    @pytest.fixture
    def build(self):
        need_gpu()
        return lambda: NvmlSampler(Path("/"), os.getpid())

    @pytest.fixture
    def moments(self):
        return (time.sleep(0.05) for _ in range(20))  # the driver's own counters move only as time goes by

    def test_numbers_are_those_of_a_real_card(self, sampler):
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

    def test_memory_used_is_within_what_there_is(self, sampler):
        """The two numbers of one call agree with each other."""
        found = readings(sampler)
        used, total = (found[f"hw.gpu.memory.{what}{{hw.id=gpu0}}"] for what in ("usage", "limit"))
        if isinstance(used, Reason):
            pytest.skip(f"hardware: this GPU does not tell its memory: {used.name}")
        assert 0 <= used <= total

    def test_nvidia_smi_says_the_same(self, sampler):
        """An independent reader of the same driver agrees, give or take what moved in between."""
        of_first_card = nvidia_smi("memory.total,temperature.gpu,enforced.power.limit")[0]
        total_mib, celsius, limit_w = of_first_card.split(", ")
        found = readings(sampler)
        assert found["hw.gpu.memory.limit{hw.id=gpu0}"] / BYTES_PER_MIB == pytest.approx(float(total_mib), abs=1)
        assert found["hw.temperature{hw.id=gpu0}"] == pytest.approx(float(celsius), abs=5)
        if limit_w.replace(".", "").isdigit():
            limit_mw = found["hilrig.host.power_mode{hw.id=gpu0,setting=power_limit}"]
            assert limit_mw == pytest.approx(float(limit_w) * 1000, abs=10)

    def test_a_fast_round_fits_into_its_period(self, sampler, record_property):
        """Reading the fast tier takes less than half of its period; the figures go into the report."""
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

    def test_after_close_nothing_has_a_value(self, sampler):
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
