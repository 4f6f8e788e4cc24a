import pytest

from hilrig.app.machine.capability_table import capability_table
from hilrig.app.soak.limits_here import limits_here
from hilrig.cli.capability_output import limit_lines, table_lines
from hilrig.core import channels
from hilrig.core.telemetry import Capability, Channel, ChannelKind, Reason, Tier

NO_FILE = "No such file or directory"


def capability(name, *attributes, source="/proc/x", reason=None, detail=""):
    channel = Channel(
        name=name,
        unit="1",
        kind=ChannelKind.COUNTER,
        tier=Tier.SLOW,
        source=source,
        attributes=tuple(attributes),
    )
    return Capability(channel=channel, reason=reason, detail=detail)


MANY = [
    *(capability(channels.CPU_FREQUENCY, ("cpu.logical_number", str(number))) for number in range(64)),
    *(
        capability(channels.TEMPERATURE, (channels.HW_ID, f"coretemp/Core {number}"), source="/sys/class/hwmon")
        for number in range(20)
    ),
    capability(
        channels.ENERGY,
        (channels.HW_ID, "package-0"),
        source="powercap/intel-rapl energy_uj",
        reason=Reason.NO_PERMISSION,
        detail="/sys/class/powercap/intel-rapl:0/energy_uj: Permission denied",
    ),
    capability("hilrig.process.gpu.memory.usage", reason=Reason.ABSENT, detail=f"/sys/kernel/debug/x: {NO_FILE}"),
]


def text(capabilities, width=100):
    return list(table_lines(capability_table(capabilities, container=False), width=width))


@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_line_is_wider_than_the_terminal(width):
    """Long sources and lists are cut, sentences wrapped; one that is a command is never broken within a word."""
    lines = [*text(MANY, width), *limit_lines(limits_here(MANY, "x86-cpu"), width=width)]
    assert [line for line in lines if len(line) > width] == []


def test_channels_that_differ_in_an_attribute_share_a_line():
    """64 CPU clocks are one line with their number, and the values of the attribute below it."""
    lines = text(MANY)
    row = next(line for line in lines if "system.cpu.frequency" in line)
    assert "system.cpu.frequency x64" in row
    assert lines[lines.index(row) + 1].strip().startswith("0; 1; 2; 3;")


def test_a_heading_says_how_much_is_answered():
    """What is answered of a question is seen without counting."""
    assert "temperatures and fans (20 of 20 channels)" in text(MANY)
    assert "power (0 of 1 channels)" in text(MANY)


def test_a_gap_stands_with_its_detail_and_step():
    """The file that could not be read and what to do about it follow the channel."""
    lines = text(MANY)
    row = next(index for index, line in enumerate(lines) if "NO_PERMISSION" in line)
    block = "\n".join(lines[row : row + 5])
    assert "Permission denied" in block
    assert "next: run as root" in block


def test_what_is_absent_does_not_say_so_twice():
    """That the file is missing is what ABSENT means."""
    assert NO_FILE not in "\n".join(text(MANY))


def test_gaps_with_one_step_show_it_once():
    """Two counters of one missing driver need one step, not two."""
    gaps = [
        capability("system.cpu.frequency", source="cpufreq/scaling_cur_freq", reason=Reason.ABSENT),
        capability(channels.POWER_MODE, source="cpufreq/scaling_governor", reason=Reason.ABSENT),
    ]
    assert sum("next: " in line for line in text(gaps)) == 1


def test_nothing_to_do_is_no_next_step():
    """A sentence that asks for nothing does not look like a command."""
    lines = text([capability("x", reason=Reason.NOT_SUPPORTED)])
    assert [line for line in lines if "next:" in line] == []
    assert any(line.strip().startswith("nothing to do") for line in lines)


def test_questions_without_a_channel_share_a_paragraph():
    """A machine without a GPU has one paragraph about it, not five."""
    lines = text([])
    assert lines[0].startswith("GPU load, GPU memory, ")
    assert sum("libnvidia-ml" in line for line in lines) == 1


def test_limits_are_listed_with_what_stands_against_them():
    """What can be held, what only under a condition, and what not, each with its key."""
    state = capability(channels.THROTTLE_STATE, (channels.CAUSE, channels.CAUSE_THERMAL))
    lines = list(limit_lines(limits_here([state], "x86-cpu"), width=100))
    assert lines[0].startswith("limits that this machine can hold (")
    assert any(line.startswith("  but resources.thermal_throttle_allowed: ") for line in lines)
    assert any(line.startswith("  not resources.gpu_memory_max_mb: ") for line in lines)
