"""What every sampler owes, asked of the two that listen to another program, alive, silent, dead and absent."""

import math
from pathlib import Path

import pytest

import tegrastats_lines as lines
from fake_jtop import write_jtop
from hilrig.core.telemetry import Reason, Tier
from hilrig.sampler.jtop import JtopSampler
from hilrig.sampler.tegrastats import TegrastatsSampler
from printing_processes import children, printing, until, write_program

SILENCE_S = 0.3  # how long the probe of a silent program may wait here


def tegrastats(root, body, **options):
    write_program(root / "usr/bin/tegrastats", body)
    return TegrastatsSampler(root, 1, **options)


def jtop(root, **script):
    write_jtop(root, **script)
    return JtopSampler(root, 1)


BUILDERS = {
    "tegrastats-root": lambda root: tegrastats(root, printing(lines.AGX_ORIN_JP7)),
    "tegrastats-user": lambda root: tegrastats(root, printing(lines.ORIN_NANO_USER)),
    "tegrastats-silent": lambda root: tegrastats(root, "exec sleep 600", first_line_s=SILENCE_S),
    "tegrastats-dead": lambda root: tegrastats(root, "exit 1"),
    "tegrastats-absent": lambda root: TegrastatsSampler(root, 1),
    "jtop": jtop,
    "jtop-down": lambda root: jtop(root, enter="raise JtopException('The jtop.service is not active.')"),
    "jtop-forbidden": lambda root: jtop(root, enter="raise JtopException('I can\\'t access jtop.service.')"),
    "jtop-dead": lambda root: jtop(root, enter="os.kill(os.getpid(), 9)"),
}


@pytest.fixture(params=BUILDERS)
def build(request, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return lambda: BUILDERS[request.param](tmp_path)


@pytest.fixture
def sampler(build):
    opened = build()
    yield opened
    opened.close()


def open_files():
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sorted(str(link.readlink()) for link in links)


def test_every_reading_has_exactly_one_of_value_and_reason(sampler):
    """A reading is a finite number or a reason, and its channel is one of the probe's."""
    capabilities = sampler.probe()
    for tier in Tier:
        for reading in sampler.read(tier):
            assert (reading.value is None) != (reading.reason is None)
            assert reading.value is None or (type(reading.value) is float and math.isfinite(reading.value))
            assert reading.reason is None or isinstance(reading.reason, Reason)
            assert 0 <= reading.channel < len(capabilities)


def test_channel_keys_are_unique(sampler):
    """No two channels of a sampler have the same key; there are some even when nothing answers."""
    found = [capability.channel.key for capability in sampler.probe()]
    assert found
    assert len(found) == len(set(found))


def test_probe_says_the_same_twice(sampler):
    """Probing again keeps the numbering that readings refer to."""
    first = [capability.channel for capability in sampler.probe()]
    assert first == [capability.channel for capability in sampler.probe()]


def test_each_tier_reads_its_own_channels_and_the_edge_reads_all(sampler):
    """FAST and SLOW give their own channels once each; EDGE gives every channel once."""
    capabilities = sampler.probe()
    for tier in (Tier.FAST, Tier.SLOW):
        expected = [number for number, known in enumerate(capabilities) if known.channel.tier is tier]
        assert sorted(reading.channel for reading in sampler.read(tier)) == expected
    assert sorted(reading.channel for reading in sampler.read(Tier.EDGE)) == list(range(len(capabilities)))


def test_every_reason_of_the_probe_is_in_words(sampler):
    """A channel without a value says why, but for a sensor that is switched off."""
    for known in sampler.probe():
        assert known.reason in {None, Reason.OFFLINE} or known.detail


def test_a_capability_with_a_reason_never_reads_a_number(sampler):
    """What the probe found absent or forbidden does not turn into a number a moment later."""
    capabilities = sampler.probe()
    for reading in sampler.read(Tier.EDGE):
        if capabilities[reading.channel].reason in {Reason.ABSENT, Reason.NO_PERMISSION}:
            assert reading.value is None


def test_nothing_leaks_after_close(build):
    """Closing gives descriptors and processes back, may be repeated, and leaves only reasons to read."""
    before = open_files()
    opened = build()
    opened.probe()
    opened.read(Tier.EDGE)
    opened.close()
    opened.close()
    assert open_files() == before
    assert not children()
    readings = opened.read(Tier.EDGE)
    assert readings
    assert all(reading.value is None for reading in readings)


def test_closing_without_a_probe_starts_nothing(build):
    """A sampler that nobody asked has no process to end and nothing to read."""
    opened = build()
    assert not children()
    assert opened.read(Tier.EDGE) == []
    opened.close()


@pytest.mark.parametrize("build", ["tegrastats-dead", "jtop-down", "jtop-dead"], indirect=True)
def test_a_dead_process_leaves_no_zombie_even_unclosed(sampler):
    """A process that ended is waited for by the reads that follow, whatever their tier."""
    sampler.probe()
    until(lambda: (sampler.read(Tier.FAST), not children())[1])
