import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hilrig.core.registry import load
from hilrig.core.telemetry import ChannelKind, Exactness, Reason, Tier
from hilrig.core.units import NS_PER_S
from hilrig.sampler.nvml.sampler import NvmlSampler
from nvml_scripts import (
    FUNCTION_NOT_FOUND,
    GIB,
    GPU_IS_LOST,
    NO_PERMISSION,
    PID,
    add_discrete,
    discrete,
    injected,
    machine,
    opened,
    orin,
    thor,
)

GPU0 = "hw.id=gpu0"
SEEN_FROM_OUTSIDE = """
import json, sys
from pathlib import Path
from hilrig.sampler.nvml.sampler import NvmlSampler
from hilrig.core.telemetry import Tier
if not NvmlSampler.is_here(Path("/")):
    sys.exit("not here")
sampler = NvmlSampler(Path("/"), int(sys.argv[1]))
keys = [known.channel.key for known in sampler.probe()]
print(json.dumps({keys[number]: value for number, value, _ in sampler.read(Tier.EDGE)}))
sampler.close()
"""


def test_it_is_registered_under_its_name():
    """`nvml` in the table of samplers is this class."""
    assert load("samplers", "nvml") is NvmlSampler


def test_a_card_answers_every_channel_in_base_units():
    """Bytes, hertz, watts, joules, degrees and shares: what a sound card at work says."""
    with opened(discrete()) as nvml:
        nvml.go(1.0)
        assert nvml.read() == {
            f"hw.gpu.utilization{{{GPU0}}}": 0.78,
            f"hw.gpu.memory.usage{{{GPU0}}}": 3.0 * GIB,
            f"hw.gpu.memory.limit{{{GPU0}}}": 20.0 * GIB,
            f"hilrig.process.gpu.memory.usage{{{GPU0}}}": 2.0 * GIB,
            f"hilrig.process.gpu.memory.peak{{{GPU0}}}": 2.0 * GIB,
            f"hilrig.hw.gpu.clock.frequency{{{GPU0},domain=graphics}}": 1.59e9,
            f"hilrig.hw.gpu.clock.frequency{{{GPU0},domain=memory}}": 9.001e9,
            f"hilrig.hw.gpu.clock.limit{{{GPU0},bound=max}}": 2.175e9,
            f"hw.temperature{{{GPU0}}}": 62.0,
            f"hw.temperature.limit{{{GPU0}}}": 93.0,
            f"hw.power{{{GPU0}}}": 58.0,
            f"hw.energy{{{GPU0}}}": 1058.0,
            f"hw.fan.speed_ratio{{{GPU0}}}": 0.35,
            f"hilrig.hw.throttle.reasons{{{GPU0}}}": 0.0,
            **{
                f"hilrig.hw.throttle.state{{cause={cause},{GPU0},source=event_reasons}}": 0.0
                for cause in ("thermal", "power", "unknown")
            },
            **{
                f"hilrig.hw.throttle.time{{cause={cause},{GPU0},source={source}}}": 0.0
                for cause, sources in {
                    "thermal": ("violation", "sw_thermal", "hw_thermal"),
                    "power": ("violation", "power_brake", "board_limit"),
                }.items()
                for source in sources
            },
            f"hw.errors{{{GPU0},error.type=xid}}": 0.0,
            f"hilrig.hw.gpu.xid{{{GPU0}}}": 0.0,
            f"hw.errors{{{GPU0},error.type=ecc_uncorrected}}": 0.0,
            f"hilrig.host.power_mode{{{GPU0},setting=power_limit}}": 130_000.0,
            f"hilrig.host.power_mode{{{GPU0},setting=applications_clock}}": 2.175e9,
        }


def test_what_may_change_quickly_is_read_often():
    """Load, memory, clocks, power and reasons are fast; limits and the peak are read only at the edges."""
    with opened(discrete()) as nvml:
        tiers = {known.channel.name: known.channel.tier for known in nvml.capabilities}
    assert {name for name, tier in tiers.items() if tier is Tier.FAST} == {
        "hw.gpu.utilization",
        "hw.gpu.memory.usage",
        "hilrig.process.gpu.memory.usage",
        "hilrig.hw.gpu.clock.frequency",
        "hw.power",
        "hilrig.hw.throttle.reasons",
        "hilrig.hw.throttle.state",
    }
    assert {name for name, tier in tiers.items() if tier is Tier.EDGE} == {
        "hw.gpu.memory.limit",
        "hilrig.process.gpu.memory.peak",
        "hilrig.hw.gpu.clock.limit",
        "hw.temperature.limit",
    }


def test_only_the_peak_is_exact_and_only_sums_are_counters():
    """The verdict takes differences of counters and believes exact peaks: no channel may claim to be more."""
    with opened(discrete()) as nvml:
        channels = [known.channel for known in nvml.capabilities]
    assert {one.name for one in channels if one.exactness is Exactness.EXACT} == {"hilrig.process.gpu.memory.peak"}
    assert {one.name for one in channels if one.kind is ChannelKind.COUNTER} == {
        "hw.energy",
        "hilrig.hw.throttle.time",
        "hw.errors",
    }


def test_an_orin_has_a_name_and_nothing_else():
    """NVML starts on an Orin and supports no call: no channel has a number."""
    with opened(orin()) as nvml:
        assert set(nvml.read().values()) == {Reason.NOT_SUPPORTED}
        assert all("NVML_ERROR_NOT_SUPPORTED" in known.detail for known in nvml.capabilities)


def test_a_thor_tells_load_and_processes_and_whose_memory_it_is():
    """On Thor load and process memory are numbers, the device's memory is none, and the memory is the host's."""
    with opened(thor()) as nvml:
        readings = nvml.read()
    assert {key: value for key, value in readings.items() if not isinstance(value, Reason)} == {
        f"hw.gpu.utilization{{{GPU0}}}": 0.4,
        f"hilrig.process.gpu.memory.usage{{{GPU0},hilrig.memory=unified}}": 1.0 * GIB,
    }


def test_an_old_driver_is_asked_by_the_old_names():
    """Without the newer calls the older ones answer, and the channels say which they are."""
    with opened(discrete(), "-DOLD_DRIVER") as nvml:
        assert not [key for key, value in nvml.read().items() if isinstance(value, Reason)]
        assert nvml.read()[f"hw.gpu.memory.usage{{{GPU0}}}"] == 3.25 * GIB
        assert "reserved included" in nvml.source(f"hw.gpu.memory.usage{{{GPU0}}}")
        assert nvml.source(f"hw.temperature{{{GPU0}}}") == "nvml nvmlDeviceGetTemperature"
        assert "ThrottleReasons" in nvml.source(f"hilrig.hw.throttle.reasons{{{GPU0}}}")
        assert "_v2" in nvml.source(f"hilrig.process.gpu.memory.usage{{{GPU0}}}")


def test_a_newer_name_that_does_not_answer_gives_way_to_the_old_one():
    """A driver that has the new name and does not support it is still asked by the old one."""
    with opened(discrete().fail("nvmlDeviceGetTemperatureV", FUNCTION_NOT_FOUND)) as nvml:
        assert nvml.read()[f"hw.temperature{{{GPU0}}}"] == 62.0
        assert nvml.source(f"hw.temperature{{{GPU0}}}") == "nvml nvmlDeviceGetTemperature"


def test_a_lost_gpu_has_no_numbers_from_then_on():
    """When the card falls off the bus in the middle of a run, every channel is LOST."""
    with opened(discrete().fail("*", GPU_IS_LOST, from_s=5.0)) as nvml:
        nvml.go(4.9)
        assert not [key for key, value in nvml.read().items() if isinstance(value, Reason)]
        nvml.go(5.0)
        assert set(nvml.read().values()) == {Reason.LOST}


def test_the_other_gpu_goes_on_when_one_is_lost():
    """Each device answers for itself, under its own number."""
    script = add_discrete(discrete(), "second", who=f"pid {PID}").fail("*", GPU_IS_LOST, from_s=1.0)
    with opened(script) as nvml:
        nvml.go(2.0)
        readings = nvml.read()
    assert {value for key, value in readings.items() if "gpu1" in key} == {Reason.LOST}
    assert not [key for key, value in readings.items() if "gpu0" in key and isinstance(value, Reason)]


def test_a_slow_call_delays_its_round_and_changes_nothing():
    """A call of 20 ms makes the reading late and is waited for: its value is not given up."""
    with opened(discrete().delay("nvmlDeviceGetPowerUsage", us=20_000)) as nvml:
        assert nvml.read(Tier.FAST)[f"hw.power{{{GPU0}}}"] == 58.0


@pytest.mark.parametrize(
    ("status", "reason", "word"),
    [
        (9, Reason.ABSENT, "DRIVER_NOT_LOADED"),
        (NO_PERMISSION, Reason.NO_PERMISSION, "NO_PERMISSION"),
        (18, Reason.ERROR, "LIB_RM_VERSION_MISMATCH"),
    ],
)
def test_nvml_that_does_not_start_says_why_in_every_channel(status, reason, word):
    """A driver that is not loaded, forbidden or half updated: one GPU's channels, all with the reason."""
    with opened(machine().fail("nvmlInitWithFlags", status)) as nvml:
        assert set(nvml.read().values()) == {reason}
        assert all(word in known.detail for known in nvml.capabilities)


def test_without_a_gpu_the_channels_are_absent():
    """A driver without a card offers one card's channels, so that a profile that needs them is refused by name."""
    with opened(machine()) as nvml:
        assert set(nvml.read().values()) == {Reason.ABSENT}
        assert {known.detail for known in nvml.capabilities} == {"the driver knows no GPU"}


def test_a_missing_binding_says_what_to_install(monkeypatch):
    """A machine with a card and without the Python package says the command that brings it.

    Channels of the target's process are left out: in a container they say that the driver knows no pid of it.
    """
    monkeypatch.setitem(sys.modules, "pynvml", None)
    sampler = NvmlSampler(Path("/"), PID)
    capabilities = [known for known in sampler.probe() if "process.gpu." not in known.channel.name]
    sampler.close()
    assert {known.reason for known in capabilities} == {Reason.ABSENT}
    assert all("pip install nvidia-ml-py" in known.detail for known in capabilities)
    assert "hw.gpu.utilization{hw.id=gpu0}" in {known.channel.key for known in capabilities}


def test_two_samplers_share_nvml_and_closing_one_leaves_the_other():
    """A closed sampler reads only LOST while NVML stays open for another, which goes on."""
    with opened(discrete()) as first:
        second = NvmlSampler(Path("/"), PID)
        second.probe()
        second.close()
        second.close()
        assert {reading.reason for reading in second.read(Tier.EDGE)} == {Reason.LOST}
        assert not [key for key, value in first.read().items() if isinstance(value, Reason)]


def test_it_reads_only_the_machine_it_runs_on(tmp_path):
    """Under another root there is no driver to ask."""
    assert not NvmlSampler.is_here(tmp_path)


def test_the_unchanged_binding_finds_the_library_by_its_name(tmp_path):
    """Another process with only the library's folder in its search path reads the card, in the script's time."""
    a_minute_ago_ns = time.monotonic_ns() - 60 * NS_PER_S
    script = discrete(who="pid_env TARGET").say(f"origin_ns {a_minute_ago_ns}").set("temperature_c", (50, 91))
    environment = os.environ | script.environment(tmp_path) | {"TARGET": "77"}
    seen = subprocess.run(
        [sys.executable, "-c", SEEN_FROM_OUTSIDE, "77"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert seen.returncode == 0, seen.stderr
    readings = json.loads(seen.stdout)
    assert readings[f"hw.temperature{{{GPU0}}}"] == 91.0
    assert readings[f"hilrig.process.gpu.memory.usage{{{GPU0}}}"] == 2.0 * GIB


def test_a_script_with_a_mistake_does_not_start(capfd):
    """The scripted library refuses what it can't read: a test never runs on half a script."""
    with injected(discrete().say("set temprature_c 0 90")):
        sampler = NvmlSampler(Path("/"), PID)
        assert {known.reason for known in sampler.probe()} == {Reason.ERROR}
        sampler.close()
    assert "cannot read: set temprature_c 0 90" in capfd.readouterr().err
