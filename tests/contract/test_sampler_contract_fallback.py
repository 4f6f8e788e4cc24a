"""What every sampler owes, asked of the two that listen to another program, alive, silent, dead and absent."""

import pytest

import tegrastats_lines as lines
from fake_jtop import write_jtop
from hilrig.core.telemetry import Reason, Tier
from hilrig.sampler.jetson.jtop import JtopSampler
from hilrig.sampler.jetson.tegrastats import TegrastatsSampler
from printing_processes import children, printing, until, write_program
from sampler_contract import SamplerContract

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


class TestSamplerContract(SamplerContract):
    """Asked of both, and what they owe beside it because a process of their own answers."""

    wordless = frozenset({Reason.OFFLINE})  # a sensor that is switched off

    @pytest.fixture(params=BUILDERS)
    def build(self, request, tmp_path, monkeypatch):
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return lambda: BUILDERS[request.param](tmp_path)

    def test_a_tier_reads_its_own_channels_even_if_they_cannot_answer(self, sampler):
        """FAST and SLOW give their own channels once each, whatever the probe said of them."""
        capabilities = sampler.probe()
        for tier in (Tier.FAST, Tier.SLOW):
            own = [number for number, known in enumerate(capabilities) if known.channel.tier is tier]
            assert sorted(reading.channel for reading in sampler.read(tier)) == own

    def test_closing_without_a_probe_starts_nothing(self, build):
        """A sampler that nobody asked has no process to end and nothing to read."""
        opened = build()
        assert not children()
        assert opened.read(Tier.EDGE) == []
        opened.close()

    @pytest.mark.parametrize("build", ["tegrastats-dead", "jtop-down", "jtop-dead"], indirect=True)
    def test_a_dead_process_leaves_no_zombie_even_unclosed(self, sampler):
        """A process that ended is waited for by the reads that follow, whatever their tier."""
        sampler.probe()
        until(lambda: (sampler.read(Tier.FAST), not children())[1])
