import pytest

from hilrig.app.machine.capability_table import Question, capability_table, question_of
from hilrig.app.machine.gap_fixes import NOTHING_TO_DO, fix_of
from hilrig.core import channels
from hilrig.core.telemetry import Capability, Channel, ChannelKind, Reason, Tier


def channel(name, *attributes, source=""):
    return Channel(
        name=name, unit="1", kind=ChannelKind.GAUGE, tier=Tier.FAST, source=source, attributes=tuple(attributes)
    )


def gap(name, reason, *attributes, source="", detail=""):
    return Capability(channel=channel(name, *attributes, source=source), reason=reason, detail=detail)


@pytest.mark.parametrize(
    ("name", "attributes", "question"),
    [
        (channels.GPU_UTILIZATION, [], Question.GPU_LOAD),
        (channels.GPU_MEMORY, [], Question.GPU_MEMORY),
        (channels.GPU_MEMORY_LIMIT, [], Question.GPU_MEMORY),
        (channels.PROCESS_GPU_MEMORY, [channels.UNIFIED], Question.GPU_MEMORY),
        (channels.PROCESS_GPU_MEMORY_PEAK, [], Question.GPU_MEMORY),
        (channels.GPU_CLOCK, [("domain", "graphics")], Question.CLOCKS),
        (channels.GPU_CLOCK_LIMIT, [("bound", "max")], Question.CLOCKS),
        ("hilrig.hw.memory.clock.frequency", [], Question.CLOCKS),
        (channels.CPU_FREQUENCY, [("cpu.logical_number", "0")], Question.CLOCKS),
        (channels.POWER_MODE, [("setting", "nvpmodel")], Question.CLOCKS),
        (channels.TEMPERATURE, [(channels.HW_ID, "gpu0")], Question.TEMPERATURES),
        (channels.TEMPERATURE_LIMIT, [], Question.TEMPERATURES),
        (channels.FAN_SPEED, [], Question.TEMPERATURES),
        (channels.POWER, [(channels.HW_ID, "VDD_IN")], Question.POWER),
        (channels.ENERGY, [], Question.POWER),
        (channels.THROTTLE_EVENTS, [(channels.CAUSE, channels.CAUSE_THERMAL)], Question.THROTTLING_THERMAL),
        (channels.THROTTLE_TIME, [(channels.CAUSE, channels.CAUSE_POWER)], Question.THROTTLING_POWER),
        (channels.THROTTLE_EVENTS, [(channels.CAUSE, channels.CAUSE_CURRENT_PEAK)], Question.THROTTLING_POWER),
        (channels.THROTTLE_STATE, [(channels.CAUSE, channels.CAUSE_UNDERVOLTAGE)], Question.UNDERVOLTAGE),
        (channels.THROTTLE_STATE, [(channels.CAUSE, channels.CAUSE_UNKNOWN)], Question.THROTTLING_OTHER),
        (channels.THROTTLE_REASONS, [], Question.THROTTLING_OTHER),
        (channels.ERRORS, [("error.type", "xid")], Question.DEVICE_ERRORS),
        (channels.LAST_XID, [], Question.DEVICE_ERRORS),
        ("system.cpu.time", [("cpu.mode", "user")], Question.CPU),
        ("hilrig.system.pressure", [("resource", "cpu"), ("scope", "some")], Question.CPU),
        ("hilrig.system.pressure", [("resource", "memory"), ("scope", "some")], Question.MEMORY),
        ("hilrig.system.pressure", [("resource", "io"), ("scope", "some")], Question.HOST),
        ("process.memory.usage", [], Question.MEMORY),
        ("hilrig.process.memory.peak", [], Question.MEMORY),
        ("process.paging.faults", [], Question.MEMORY),
        ("vendor.plugin.channel", [], Question.HOST),
    ],
)
def test_every_channel_answers_a_question(name, attributes, question):
    """Channels stand under what a person asks; what nobody has thought of stands under the host."""
    assert question_of(channel(name, *attributes)) is question


def test_no_channel_is_lost_or_shown_twice():
    """The table has each capability once, with its reason by name."""
    capabilities = [gap("system.cpu.time", None), gap(channels.POWER, Reason.ABSENT), gap("x", Reason.LOST)]
    rows = [row for section in capability_table(capabilities, container=False) for row in section.rows]
    assert sorted((row.channel.name, row.reason) for row in rows) == [
        ("hw.power", "ABSENT"),
        ("system.cpu.time", ""),
        ("x", "LOST"),
    ]


def test_a_question_that_nothing_answers_is_said():
    """A machine without a GPU is told that it has none that can be asked, not shown a shorter table."""
    sections = {section.question: section for section in capability_table([], container=False)}
    assert "libnvidia-ml.so.1" in sections[Question.GPU_LOAD].missing
    assert sections[Question.GPU_LOAD].n_answered == 0
    assert Question.CPU not in sections


@pytest.mark.parametrize(
    ("capability", "step"),
    [
        (
            gap(
                channels.ENERGY,
                Reason.NO_PERMISSION,
                source="powercap/intel-rapl energy_uj",
                detail="/sys/class/powercap/intel-rapl:0/energy_uj: Permission denied",
            ),
            "z /sys/class/powercap/intel-rapl:0/energy_uj 0440 root GROUP",
        ),
        (gap(channels.ENERGY, Reason.ABSENT, source="powercap/intel-rapl energy_uj"), "modprobe intel_rapl_msr"),
        (gap(channels.TEMPERATURE, Reason.ABSENT, source="/sys/class/hwmon"), "modprobe coretemp"),
        (gap("hilrig.system.pressure", Reason.NOT_SUPPORTED, source="/proc/pressure/cpu total"), "psi=1"),
        (
            gap(channels.GPU_UTILIZATION, Reason.ABSENT, detail="pynvml is missing: pip install nvidia-ml-py"),
            "pip install nvidia-ml-py",
        ),
        (
            gap(channels.PROCESS_GPU_MEMORY, Reason.NO_PERMISSION, source="nvmap iovmm/maps"),
            "only root reads debugfs",
        ),
        (gap(channels.PROCESS_GPU_MEMORY, Reason.OFFLINE, source="nvmlDeviceGetX"), "uses no GPU memory"),
        (
            gap(channels.THROTTLE_TIME, Reason.ABSENT, source="cooling_device stats/time_in_state_ms"),
            "CONFIG_THERMAL_STATISTICS",
        ),
        (
            gap(channels.GPU_CLOCK, Reason.ABSENT, detail="the jtop service does not run"),
            "systemctl restart jtop.service",
        ),
        (gap(channels.PROCESS_GPU_MEMORY_PEAK, Reason.NOT_SUPPORTED), "--accounting-mode=1"),
        (gap(channels.CPU_FREQUENCY, Reason.ABSENT, source="cpufreq/scaling_cur_freq"), "modprobe acpi-cpufreq"),
        (gap("x", Reason.NO_PERMISSION, detail="/dev/x: Permission denied"), "let its user read /dev/x"),
        (gap("x", Reason.NO_PERMISSION), "let its user read the file"),
        (gap("x", Reason.ERROR), "--record"),
    ],
)
def test_a_gap_names_the_step_that_mends_it(capability, step):
    """Right, module, kernel option, package or service: the step is one that can be typed."""
    assert step in fix_of(capability, container=False)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_step(reason):
    """A reason that no rule is about has a sentence all the same, without a placeholder in it."""
    step = fix_of(gap("vendor.channel", reason), container=True)
    assert step
    assert "{" not in step


def test_what_answers_needs_no_step():
    """A channel with a value is not told to mend anything, whatever its detail says."""
    assert fix_of(gap(channels.ENERGY, None, source="intel-rapl", detail="fine"), container=True) == ""


def test_a_container_is_told_what_to_be_given():
    """What the machine has but the container does not is said beside the right that is missing."""
    capability = gap(channels.PROCESS_GPU_MEMORY, Reason.NO_PERMISSION, source="nvmap iovmm/maps")
    step = fix_of(capability, container=True)
    assert "--pid=host" in step
    assert "-v /sys/kernel/debug:/sys/kernel/debug:ro" in step
    assert "-v" not in fix_of(capability, container=False)


def test_what_is_in_the_nature_of_the_machine_asks_for_nothing():
    """A step that is none begins so that it is not shown as one."""
    for reason in (Reason.NOT_SUPPORTED, Reason.ABSENT, Reason.OFFLINE):
        assert fix_of(gap("x", reason), container=False).startswith(NOTHING_TO_DO)
