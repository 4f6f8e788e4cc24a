"""For every call and every status: the channels of the call have a reason, all others keep their numbers."""

from functools import cache

import pytest

from hilrig.core.telemetry import Reason
from hilrig.sampler.nvml.calls import NOT_FOUND, TIMEOUT, refusal
from nvml_scripts import discrete, opened

pynvml = pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")

STATUSES = sorted({value for name, value in vars(pynvml).items() if name.startswith("NVML_ERROR_")} | {77})
"""Those of the binding, and one that it does not know."""

GRAPHICS = ("nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2")
SUPPORTED = ("nvmlDeviceGetSupportedClocksEventReasons", "nvmlDeviceGetSupportedClocksThrottleReasons")
WAIT = ("nvmlEventSetWait_v2",)
EVENTS = {"hw.errors{hw.id=gpu0,error.type=xid}", "hilrig.hw.gpu.xid{hw.id=gpu0}"}
REASONS = "hilrig.hw.throttle.reasons{hw.id=gpu0}"
PROCESS = "hilrig.process.gpu.memory.usage{hw.id=gpu0}"
PEAK = "hilrig.process.gpu.memory.peak{hw.id=gpu0}"
AT_START = (*SUPPORTED, "nvmlEventSetCreate", "nvmlDeviceRegisterEvents")
"""Asked only once: what they say later changes nothing."""


def states(*causes):
    return {f"hilrig.hw.throttle.state{{cause={cause},hw.id=gpu0,source=event_reasons}}" for cause in causes}


def times(cause, *sources):
    return {f"hilrig.hw.throttle.time{{cause={cause},hw.id=gpu0,source={source}}}" for source in sources}


def of_gpu(*names):
    return {f"{name}{{hw.id=gpu0}}" for name in names}


CALLS = {
    ("nvmlDeviceGetSamples", "nvmlDeviceGetUtilizationRates"): of_gpu("hw.gpu.utilization"),
    ("nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetMemoryInfo"): of_gpu(
        "hw.gpu.memory.usage", "hw.gpu.memory.limit"
    ),
    ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2"): {PROCESS},
    GRAPHICS: {PROCESS},
    ("nvmlDeviceGetAccountingMode",): {PEAK},
    ("nvmlDeviceGetAccountingStats",): {PEAK},
    ("nvmlDeviceGetClockInfo",): {
        f"hilrig.hw.gpu.clock.frequency{{hw.id=gpu0,domain={domain}}}" for domain in ("graphics", "memory")
    },
    ("nvmlDeviceGetMaxClockInfo",): {"hilrig.hw.gpu.clock.limit{hw.id=gpu0,bound=max}"},
    ("nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature"): of_gpu("hw.temperature"),
    ("nvmlDeviceGetTemperatureThreshold",): of_gpu("hw.temperature.limit"),
    ("nvmlDeviceGetPowerUsage",): of_gpu("hw.power"),
    ("nvmlDeviceGetTotalEnergyConsumption",): of_gpu("hw.energy"),
    ("nvmlDeviceGetFanSpeed",): of_gpu("hw.fan.speed_ratio"),
    ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"): {
        REASONS,
        *states("thermal", "power", "unknown"),
    },
    SUPPORTED: states("thermal", "power"),
    ("nvmlDeviceGetFieldValues",): times("thermal", "violation", "sw_thermal", "hw_thermal")
    | times("power", "violation", "power_brake", "board_limit"),
    ("field_75",): times("thermal", "violation"),
    ("field_269", "field_251"): times("thermal", "sw_thermal"),
    ("field_270", "field_252"): times("thermal", "hw_thermal"),
    ("field_74",): times("power", "violation"),
    ("field_271", "field_253"): times("power", "power_brake"),
    ("field_77",): times("power", "board_limit"),
    ("nvmlEventSetCreate",): EVENTS,
    ("nvmlDeviceRegisterEvents",): EVENTS,
    WAIT: EVENTS,
    ("nvmlDeviceGetTotalEccErrors",): {"hw.errors{hw.id=gpu0,error.type=ecc_uncorrected}"},
    ("nvmlDeviceGetEnforcedPowerLimit",): {"hilrig.host.power_mode{hw.id=gpu0,setting=power_limit}"},
    ("nvmlDeviceGetApplicationsClock",): {"hilrig.host.power_mode{hw.id=gpu0,setting=applications_clock}"},
}


@cache
def silent_after(calls, status, *, from_s):
    """Let calls fail from a time on; return what the others' and their channels then say, by key."""
    script = discrete()
    for call in calls:
        script.fail(call, status, from_s=from_s)
    with opened(script) as nvml:
        nvml.go(2.5)
        readings = nvml.read()
    plain = {key.replace(",hilrig.memory=unified", ""): value for key, value in readings.items()}
    return {key: value for key, value in plain.items() if isinstance(value, Reason)}, len(plain)


def expected(calls, status, *, from_s):
    """Return the channels that lose their number."""
    if calls == WAIT and status == TIMEOUT:
        return set()  # that is how NVML says "no event"
    if from_s > 0 and calls[0] in AT_START:
        return set()
    if from_s == 0 and calls == GRAPHICS and refusal("", status).reason is Reason.NOT_SUPPORTED:
        return set()  # a device without graphics: its compute processes are all there are
    return CALLS[calls]


@pytest.mark.parametrize("from_s", [0.0, 1.0], ids=["from the start", "in the middle"])
@pytest.mark.parametrize("calls", CALLS, ids=lambda calls: calls[0])
def test_a_call_that_fails_silences_exactly_its_channels(calls, from_s):
    """Whatever status a call gives, from the start or later, its channels have a reason, and no others."""
    for status in STATUSES:
        silent, n_channels = silent_after(calls, status, from_s=from_s)
        assert silent.keys() == expected(calls, status, from_s=from_s), status
        assert n_channels == 28


@pytest.mark.parametrize("calls", CALLS, ids=lambda calls: calls[0])
def test_the_reason_is_that_of_the_status(calls):
    """The reason of a silent channel is what the status means, where the call has no other use for it."""
    for status in set(STATUSES) - {NOT_FOUND, TIMEOUT}:
        silent, _ = silent_after(calls, status, from_s=0.0)
        assert set(silent.values()) <= {refusal("", status).reason}, status


@pytest.mark.parametrize("call", ["nvmlInitWithFlags", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2"])
def test_without_a_session_or_a_device_nothing_has_a_number(call):
    """A driver that does not open, count or give the device leaves only reasons."""
    for status in STATUSES:
        silent, n_channels = silent_after((call,), status, from_s=0.0)
        assert len(silent) == n_channels, status
