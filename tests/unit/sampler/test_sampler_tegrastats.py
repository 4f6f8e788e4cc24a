import os
import time
from pathlib import Path

import pytest

import tegrastats_lines as lines
from hilrig.core.registry import load
from hilrig.core.telemetry import Channel, ChannelKind, Reason, Tier
from hilrig.sampler.combined import CombinedSampler
from hilrig.sampler.jetson.tegrastats import TegrastatsSampler
from hilrig.sampler.scripted import Curve, ScriptedSampler
from printing_processes import PushedClock, children, printing, until, write_program

LOAD = "hw.gpu.utilization{hw.id=gpu0}"
CLOCK = "hilrig.hw.gpu.clock.frequency{hw.id=gpu0,domain=graphics}"
MEMORY_CLOCK = "hilrig.hw.memory.clock.frequency"
ALWAYS = [LOAD, CLOCK, MEMORY_CLOCK]


def zone(name):
    return f"hw.temperature{{hw.id=zone/{name}-thermal}}"


def rail(name):
    return f"hw.power{{hw.id={name}}}"


@pytest.fixture
def clock():
    return PushedClock()


@pytest.fixture
def board(tmp_path):
    """A root with the device tree of an Orin."""
    path = tmp_path / "sys/firmware/devicetree/base/compatible"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"nvidia,p3768-0000+p3767-0000\0nvidia,p3767-0000\0nvidia,tegra234\0")
    return tmp_path


@pytest.fixture
def open_sampler(board, clock):
    opened = []

    def open_program(body, **options):
        write_program(board / "usr/bin/tegrastats", body)
        opened.append(TegrastatsSampler(board, 1, clock=clock, **options))
        return opened[-1]

    yield open_program
    for sampler in opened:
        sampler.close()


@pytest.fixture
def told(board, open_sampler):
    """Return a sampler whose tool prints what the test tells it to, and a function that tells it."""
    os.mkfifo(board / "say")
    with os.fdopen(os.open(board / "say", os.O_RDWR), "wb", buffering=0) as fifo:
        fifo.write(lines.ORIN_NANO_JP6.encode() + b"\n")
        sampler = open_sampler(f"exec cat {board / 'say'}")
        sampler.probe()
        yield sampler, lambda text: fifo.write(text.encode() + b"\n")


def answers(sampler):
    """Return what the channels say now: value or reason, by key."""
    keys = [known.channel.key for known in sampler.probe()]
    return {keys[number]: value if reason is None else reason for number, value, reason in sampler.read(Tier.SLOW)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            lines.AGX_ORIN_JP7,
            {LOAD: 0.12, CLOCK: 1.3e9, MEMORY_CLOCK: 3.199e9, zone("cpu"): 52.968, zone("gpu"): 47.625}
            | {rail("VDD_GPU_SOC"): 5.139, rail("VDD_CPU_CV"): 3.268, rail("VIN_SYS_5V0"): 5.5},
        ),
        (
            lines.ORIN_NANO_JP6,
            {LOAD: 0.63, CLOCK: 621e6, MEMORY_CLOCK: 2.133e9, zone("cpu"): 53.968, zone("soc2"): 52.437}
            | {zone("soc0"): 50.75, zone("gpu"): 53.343, zone("tj"): 53.968, zone("soc1"): 51.656}
            | {rail("VDD_IN"): 12.479, rail("VDD_CPU_GPU_CV"): 4.667, rail("VDD_SOC"): 2.817},
        ),
        (
            lines.ORIN_NANO_USER,
            {LOAD: 0.0, CLOCK: Reason.NOT_SUPPORTED, MEMORY_CLOCK: Reason.NOT_SUPPORTED, zone("cpu"): 53.968}
            | {zone("tj"): 53.968, rail("VDD_IN"): 12.479},
        ),
        (
            lines.THOR_JP70,
            {LOAD: Reason.NOT_SUPPORTED, CLOCK: 1e9, MEMORY_CLOCK: Reason.NOT_SUPPORTED, zone("tj"): 41.5}
            | {rail("VDD_GPU"): 4.0},
        ),
        (
            lines.THOR_JP71,
            {LOAD: 0.99, CLOCK: 1.098e9, MEMORY_CLOCK: Reason.NOT_SUPPORTED, zone("tj"): 41.5}
            | {rail("VDD_GPU"): 4.0},
        ),
        (
            lines.AGX_ORIN_JP5,
            {
                LOAD: 0.0,
                CLOCK: Reason.OFFLINE,
                MEMORY_CLOCK: 2.133e9,
                zone("cv0"): Reason.OFFLINE,
                zone("cpu"): 46.3,
            }
            | {zone("gpu"): Reason.OFFLINE, rail("VDDQ_VDD2_1V8AO"): 0.301},
        ),
        (
            lines.TX2,
            {LOAD: 0.0, CLOCK: 114e6, MEMORY_CLOCK: 1.6e9, zone("gpu"): 38.5, rail("VDD_IN"): 5.297},
        ),
        (
            "GR3D_FREQ off EMC_FREQ 5%@[800]",
            {LOAD: Reason.OFFLINE, CLOCK: Reason.OFFLINE, MEMORY_CLOCK: 800e6},
        ),
        (
            "GR3D_FREQ 50%@[1300,0,1200]",
            {LOAD: 0.5, CLOCK: 1.2e9, MEMORY_CLOCK: Reason.NOT_SUPPORTED},
        ),
    ],
)
def test_a_line_becomes_channels_named_like_the_direct_sources(open_sampler, text, expected):
    """Load, clocks, zones and rails of a real line, in base units; what is not printed is a reason, never 0."""
    assert answers(open_sampler(printing(text))) == pytest.approx(expected)


def test_reasons_come_with_their_meaning(open_sampler):
    """A person who is not root is told that root sees more."""
    details = {known.channel.key: known.detail for known in open_sampler(printing(lines.ORIN_NANO_USER)).probe()}
    assert "root" in details[CLOCK]
    assert "root" in details[MEMORY_CLOCK]
    assert details[LOAD] == ""


def test_it_is_asked_for_a_line_a_second(open_sampler, board):
    """The tool is started once, at the first probe, with its interval in milliseconds."""
    sampler = open_sampler(f'echo "$@" >> {board}/arguments; ' + printing(lines.TX2))
    assert not (board / "arguments").exists()
    sampler.probe()
    sampler.probe()
    assert (board / "arguments").read_text() == "--interval 1000\n"


def test_fast_reads_give_nothing_and_slow_and_edge_everything(open_sampler):
    """All its channels are SLOW."""
    sampler = open_sampler(printing(lines.TX2))
    n_channels = len(sampler.probe())
    assert sampler.read(Tier.FAST) == []
    assert len(sampler.read(Tier.SLOW)) == len(sampler.read(Tier.EDGE)) == n_channels


def test_a_new_line_replaces_the_old_one(told):
    """A reading is what the newest line says."""
    sampler, tell = told
    assert answers(sampler)[LOAD] == 0.63
    tell(lines.ORIN_NANO_JP6.replace("63%", "64%"))
    until(lambda: answers(sampler)[LOAD] == 0.64)


def test_a_standstill_is_stale_and_ends_with_the_next_line(told, clock):
    """Without a line for two and a half seconds every channel is STALE, not what it was; a new line heals it."""
    sampler, tell = told
    clock.push(3.0)
    assert set(answers(sampler).values()) == {Reason.STALE}
    tell("waited for room in the pipe, perhaps")
    tell(lines.ORIN_NANO_JP6)
    until(lambda: answers(sampler)[LOAD] == 0.63)


def test_a_death_is_lost(open_sampler):
    """When the tool ends, every channel is LOST at once."""
    sampler = open_sampler(printing(lines.TX2, then="exit 3"))
    sampler.probe()
    until(lambda: set(answers(sampler).values()) == {Reason.LOST})
    assert "exit status 3" in sampler.probe()[0].detail
    assert not children()


def test_an_unknown_line_is_an_error_until_the_next(told):
    """A line that says nothing known is no reading, and not an old one either."""
    sampler, tell = told
    tell("Segmentation fault, or whatever else")
    until(lambda: set(answers(sampler).values()) == {Reason.ERROR})
    assert "Segmentation" in sampler.probe()[0].detail
    tell(lines.ORIN_NANO_JP6)
    until(lambda: answers(sampler)[LOAD] == 0.63)


def test_a_changed_format_loses_only_what_is_gone(told):
    """A sensor that later lines lack is LOST, a new one is not taken up: the first line fixed the channels."""
    sampler, tell = told
    before = answers(sampler)
    tell("GR3D_FREQ 7% gpu@50C new@1C VDD_NEW 1mW/1mW")
    until(lambda: answers(sampler)[LOAD] == 0.07)
    after = answers(sampler)
    assert after.keys() == before.keys()
    assert after[zone("gpu")] == 50.0
    assert after[zone("cpu")] is Reason.LOST
    assert after[rail("VDD_IN")] is Reason.LOST
    assert after[CLOCK] is Reason.NOT_SUPPORTED


def test_words_before_the_first_line_are_passed_over(open_sampler):
    """The probe waits for a line that it understands."""
    sampler = open_sampler(printing("WARNING: not run as root", then="sleep 0.1; " + printing(lines.TX2)))
    assert answers(sampler)[LOAD] == 0.0


def test_a_tool_that_prints_nothing_does_not_hold_up_the_probe(open_sampler):
    """After the deadline the channels that every line has are STALE."""
    begin_s = time.monotonic()
    sampler = open_sampler("exec sleep 600", first_line_s=0.2)
    capabilities = sampler.probe()
    assert time.monotonic() - begin_s < 30
    assert [known.channel.key for known in capabilities] == ALWAYS
    assert {known.reason for known in capabilities} == {Reason.STALE}
    assert "no line yet" in capabilities[0].detail


def test_a_flood_of_garbage_does_not_hold_up_the_probe(open_sampler):
    """Lines that nobody understands, without end, are an ERROR after the deadline."""
    begin_s = time.monotonic()
    capabilities = open_sampler("exec yes nonsense", first_line_s=0.2).probe()
    assert time.monotonic() - begin_s < 30
    assert {known.reason for known in capabilities} == {Reason.ERROR}


def test_a_tool_that_dies_at_once_is_lost_without_waiting(open_sampler):
    """Nobody waits ten minutes for the first line of a dead process."""
    begin_s = time.monotonic()
    capabilities = open_sampler("exit 1", first_line_s=600).probe()
    assert time.monotonic() - begin_s < 60
    assert {known.reason for known in capabilities} == {Reason.LOST}


def test_a_tool_that_is_not_there_is_absent(board):
    """Opened all the same, it has reasons and no process."""
    sampler = TegrastatsSampler(board, 1)
    assert {known.reason for known in sampler.probe()} == {Reason.ABSENT}
    assert {reading.reason for reading in sampler.read(Tier.EDGE)} == {Reason.ABSENT}
    sampler.close()


def test_it_is_here_only_on_a_tegra_with_the_tool(board, tmp_path_factory):
    """A board without the tool, a tool that may not be run, a tool on another machine: not here."""
    assert not TegrastatsSampler.is_here(board)
    program = write_program(board / "usr/bin/tegrastats", "")
    assert TegrastatsSampler.is_here(board)
    program.chmod(0o644)
    assert not TegrastatsSampler.is_here(board)
    other = tmp_path_factory.mktemp("x86")
    write_program(other / "usr/bin/tegrastats", "")
    assert not TegrastatsSampler.is_here(other)


def test_it_fills_in_for_a_preferred_source_without_a_value(open_sampler):
    """In a combination it has a channel only when the sampler before it has no value for it."""
    channel = Channel(
        name="hw.gpu.utilization",
        unit="1",
        kind=ChannelKind.GAUGE,
        tier=Tier.FAST,
        source="script",
        attributes=(("hw.id", "gpu0"),),
    )
    for said, expected in ((Reason.NOT_SUPPORTED, "tegrastats GR3D_FREQ"), (0.5, "script")):
        preferred = ScriptedSampler(Path("/"), 1, [Curve(channel=channel, points=((0.0, said),))])
        combined = CombinedSampler([preferred, open_sampler(printing(lines.ORIN_NANO_JP6))])
        assert {known.channel.key: known.channel.source for known in combined.probe()}[LOAD] == expected
        combined.close()


def test_a_read_without_news_costs_little(open_sampler):
    """The median of many reads of all channels stays under 100 microseconds."""
    sampler = open_sampler(printing(lines.ORIN_NANO_JP6))
    sampler.probe()
    costs_ns = []
    for _ in range(200):
        begin_ns = time.perf_counter_ns()
        sampler.read(Tier.SLOW)
        costs_ns.append(time.perf_counter_ns() - begin_ns)
    assert sorted(costs_ns)[100] < 100_000


def test_it_is_registered_under_its_name():
    """`tegrastats` in the table of samplers is this class."""
    assert load("samplers", "tegrastats") is TegrastatsSampler
