"""What every sampler owes, asked of the NVML sampler over the scripted library."""

import ctypes
import gc
from pathlib import Path

import pytest

from hilrig.core.clock import ManualClock
from hilrig.core.telemetry import Tier
from hilrig.core.units import NS_PER_S
from hilrig.sampler.nvml.sampler import NvmlSampler
from nvml_scripts import (
    GIB,
    GPU_IS_LOST,
    HW_THERMAL,
    PID,
    SW_POWER_CAP,
    add_discrete,
    discrete,
    injected,
    machine,
    opened,
    orin,
    thor,
)
from sampler_contract import SamplerContract


def busy():
    """Return a card on which everything moves."""
    script = add_discrete(discrete(), "second", who=f"pid {PID}")
    script.ramp("temperature_c", (10, 95)).episode(1.0, 3.0, HW_THERMAL).episode(
        2.0, 2.1, SW_POWER_CAP, how="hidden"
    )
    script.xid(4.0, 31).set("clock_graphics_mhz", (1.0, 900)).process(f"pid {PID}", (3.0, GIB))
    return script.set("utilization_pct", (1.0, 0), (2.0, 100)).set("ecc_uncorrected", (6.0, 1))


MACHINES = {
    "card": (discrete, ()),
    "busy": (busy, ()),
    "old driver": (discrete, ("-DOLD_DRIVER",)),
    "lost": (lambda: discrete().fail("*", GPU_IS_LOST, from_s=5.0), ()),
    "orin": (orin, ()),
    "thor": (thor, ()),
    "no card": (machine, ()),
    "no driver": (lambda: machine().fail("nvmlInitWithFlags", 9), ()),
}


class TestSamplerContract(SamplerContract):
    """Asked of the NVML sampler over each machine, through the eight seconds in which things happen to it."""

    least_channels = 28

    @pytest.fixture(params=MACHINES)
    def library(self, request):
        script, flags = MACHINES[request.param]
        with injected(script(), *flags) as library:
            yield library

    @pytest.fixture
    def clock(self):
        return ManualClock()

    @pytest.fixture
    def build(self, library, clock):
        return lambda: NvmlSampler(Path("/"), PID, clock=clock)

    @pytest.fixture
    def moments(self, library, clock):
        def go(tenth):
            clock.now_ns = tenth * NS_PER_S // 10
            library.scriptedNvmlSetTimeNs(ctypes.c_int64(clock.now_ns))

        return map(go, range(80))


def test_a_refusal_does_not_pile_up():
    """Eight hours of a channel that is not supported keep no memory: refusals are gone when they are told."""
    with opened(orin()) as nvml:
        for _ in range(10):
            nvml.sampler.read(Tier.EDGE)
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(500):
            nvml.sampler.read(Tier.EDGE)
        gc.collect()
        assert len(gc.get_objects()) - before < 200
