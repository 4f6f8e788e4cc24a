"""hilrig.run.sampler_loop: the order of the rounds, on a clock that is moved by hand."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import T0_NS, make_plan
from hilrig.core import channels
from hilrig.core.clock import ManualClock
from hilrig.core.run import Pacing, Phase
from hilrig.core.telemetry import TIER_CODES, Channel, ChannelKind, Reason, Tier
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.run.own_channels import OwnSampler
from hilrig.run.rounds import Rounds
from hilrig.run.sampler_loop import read_until_drain
from hilrig.run.shared_block import Layout, SharedBlock, Word
from hilrig.sampler.combined import CombinedSampler
from hilrig.sampler.host import HostSampler
from hilrig.sampler.scripted import Curve, ScriptedSampler

PERIOD_NS = 100 * NS_PER_MS
UNPACED = make_plan(pacing=Pacing.UNPACED)
"""Without a camera's grid a round is due exactly on its tick, and the measured part begins at T0_NS."""

SCRIPT = [
    Curve(
        channel=Channel(name=tier.value, unit="1", kind=ChannelKind.GAUGE, tier=tier, source="script"),
        points=((0.0, 7.0),),
    )
    for tier in Tier
]


class Loop:
    """A run's sampling for `lasts_s`: `costs_ns` says how long each read takes, by tier, cycled."""

    def __init__(self, *, lasts_s, plan=UNPACED, starts_s=-0.05, costs_ns=None):
        self.clock = ManualClock(T0_NS + round(starts_s * NS_PER_S))
        self.end_ns = T0_NS + round(lasts_s * NS_PER_S)
        self.costs_ns = costs_ns or {}
        self.begun = []
        self.scripted = ScriptedSampler(Path("/"), 1, SCRIPT, clock=self.clock)
        self.block = SharedBlock.create(Layout(n_slots=1, height_px=2, width_px=2))
        self.block[Word.T0_NS] = T0_NS
        self.block[Word.PHASE] = int(Phase.MEASURE)
        own = OwnSampler()
        sampler = CombinedSampler([self, own])
        self.names = [known.channel.name for known in sampler.probe()]
        self.begun.clear()
        read_until_drain(Rounds(sampler, own, self.block.readings, self.clock), self.block, plan, self.clock)
        self.table = self.block.readings.drain()

    def probe(self):
        return self.scripted.probe()

    def read(self, tier):
        self.begun.append((tier, self.clock.now_ns - T0_NS))
        costs = self.costs_ns.get(tier, (0,))
        self.clock.now_ns += costs[(len(self.begun) - 1) % len(costs)]
        if self.clock.now_ns >= self.end_ns:
            self.block[Word.PHASE] = int(Phase.DRAIN)
        return self.scripted.read(tier)

    def close(self):
        self.scripted.close()

    def of(self, name, tier=None):
        rows = self.table[self.table["channel"] == self.names.index(name)]
        return rows if tier is None else rows[rows["tier"] == TIER_CODES[tier]]


def test_rounds_come_on_the_grid_and_every_tenth_is_followed_by_a_slow_one():
    """EDGE at the start, nine FAST, the tenth with SLOW after it, and EDGE at the end."""
    loop = Loop(lasts_s=1.05)
    fast = [(Tier.FAST, tick * PERIOD_NS) for tick in range(1, 11)]
    assert loop.begun == [
        (Tier.EDGE, 0),
        *fast,
        (Tier.SLOW, 10 * PERIOD_NS),
        (Tier.FAST, 11 * PERIOD_NS),
        (Tier.EDGE, 11 * PERIOD_NS),
    ]


def test_the_edges_have_every_channel():
    """Counters of all tiers are read at both ends, the sampling's own ones too."""
    loop = Loop(lasts_s=0.5)
    edges = loop.table[loop.table["tier"] == TIER_CODES[Tier.EDGE]]
    assert edges["channel"].tolist() == [*range(len(loop.names))] * 2
    assert loop.names[-2:] == [channels.ROUND_LATENESS, channels.SAMPLER_CPU_TIME]


def test_a_slow_read_makes_later_rounds_late_and_is_never_caught_up_with():
    """A call of 250 ms costs the ticks that it covers; the next round is late by the rest, then all is on time."""
    loop = Loop(lasts_s=1.35, costs_ns={Tier.FAST: (0,) * 5 + (250 * NS_PER_MS,) + (0,) * 20})
    begun_ms = [(tier, at_ns // NS_PER_MS) for tier, at_ns in loop.begun]
    late_ms = (loop.of(channels.ROUND_LATENESS)["value"] / NS_PER_MS).tolist()
    fast_ms = [at_ms for tier, at_ms in begun_ms if tier is Tier.FAST]
    assert fast_ms == [100, 200, 300, 400, 500, 750, *range(800, 1500, 100)]
    assert late_ms == [0, 0, 0, 0, 0, 0, 50, *[0] * 8]


def test_a_read_of_50_ms_shows_in_the_width_and_not_in_the_next_round():
    """A round shorter than the period delays nobody; its readings say how wide they are."""
    loop = Loop(lasts_s=0.95, costs_ns={Tier.FAST: (50 * NS_PER_MS,)})
    fast = loop.of("fast", Tier.FAST)
    assert set(fast["width_ns"].tolist()) == {50 * NS_PER_MS}
    assert ((fast["t_ns"] - T0_NS) % PERIOD_NS == 25 * NS_PER_MS).all()
    assert (loop.of(channels.ROUND_LATENESS)["value"] == 0).all()


def test_a_slow_tier_that_takes_long_spoils_no_fast_round_of_its_tick():
    """The SLOW round comes after the FAST one: that has its own stamp and a narrow one."""
    loop = Loop(lasts_s=2.5, costs_ns={Tier.SLOW: (50 * NS_PER_MS,)})
    assert loop.of("fast", Tier.FAST)["width_ns"].max() == 0
    assert loop.of("slow", Tier.SLOW)["width_ns"].tolist() == [50 * NS_PER_MS] * 2
    assert (loop.of(channels.ROUND_LATENESS)["value"] == 0).all()


def test_a_slow_round_whose_tick_was_missed_is_taken_at_the_next_one():
    """Fast rounds of 150 ms skip every second tick: the slow channels keep about their second all the same."""
    loop = Loop(lasts_s=5.5, costs_ns={Tier.FAST: (150 * NS_PER_MS,)})
    slow_s = (loop.of("slow", Tier.SLOW)["t_ns"] - T0_NS) / NS_PER_S
    assert len(slow_s) == 5
    assert np.diff(slow_s).max() < 1.3


@given(st.lists(st.integers(0, 400), min_size=1, max_size=12))
def test_no_delays_make_a_burst(costs_ms):
    """However long reads take, no two FAST rounds begin in the same tick, and none before it is due."""
    loop = Loop(lasts_s=3, costs_ns={Tier.FAST: tuple(cost * NS_PER_MS for cost in costs_ms)})
    late = loop.of(channels.ROUND_LATENESS, Tier.FAST)["value"]
    begun = np.array([at_ns for tier, at_ns in loop.begun if tier is Tier.FAST])
    assert (late >= 0).all()
    assert (np.diff((begun - late).astype(np.int64)) >= PERIOD_NS).all()
    assert ((begun - late) % PERIOD_NS == 0).all()


def test_sampling_that_begins_late_takes_the_edge_at_once():
    """When the process is ready only after the start, the first edge is late and says so."""
    loop = Loop(lasts_s=1, starts_s=0.33)
    assert loop.begun[0] == (Tier.EDGE, 4 * PERIOD_NS)


def test_a_slower_period_asks_slow_and_fast_together():
    """At one round a second every round is a slow one too."""
    loop = Loop(lasts_s=3.5, plan=replace(UNPACED, telemetry_period_ms=1000))
    assert [tier for tier, _ in loop.begun] == [
        Tier.EDGE,
        *(Tier.FAST, Tier.SLOW) * 4,
        Tier.EDGE,
    ]


def test_a_reason_stays_a_reason_on_its_way():
    """What the sampler could not read arrives without a number."""
    block = SharedBlock.create(Layout(n_slots=1, height_px=2, width_px=2))
    curve = Curve(channel=SCRIPT[0].channel, points=((0.0, Reason.OFFLINE),))
    clock = ManualClock(5)
    rounds = Rounds(ScriptedSampler(Path("/"), 1, [curve], clock=clock), OwnSampler(), block.readings, clock)
    rounds.take(Tier.FAST, due_ns=5)
    rounds.hand_over()
    (row,) = block.readings.drain()
    assert (row["reason"], row["t_ns"], row["width_ns"]) == (Reason.OFFLINE, 5, 0)
    assert np.isnan(row["value"])


def test_a_round_of_minutes_keeps_the_widest_width_that_fits():
    """A suspend in the middle of a read does not wrap around to a narrow round."""
    clock = ManualClock(0)

    class Suspended(ScriptedSampler):
        def read(self, tier):
            clock.now_ns += 100 * NS_PER_S
            return super().read(tier)

    block = SharedBlock.create(Layout(n_slots=1, height_px=2, width_px=2))
    rounds = Rounds(Suspended(Path("/"), 1, SCRIPT, clock=clock), OwnSampler(), block.readings, clock)
    rounds.take(Tier.FAST, due_ns=0)
    rounds.hand_over()
    assert block.readings.drain()["width_ns"].tolist() == [(1 << 32) - 1]


def test_rows_are_handed_over_once():
    """A second hand-over has only what was read since."""
    block, clock = SharedBlock.create(Layout(n_slots=1, height_px=2, width_px=2)), ManualClock(0)
    rounds = Rounds(ScriptedSampler(Path("/"), 1, SCRIPT, clock=clock), OwnSampler(), block.readings, clock)
    for _ in range(2):
        rounds.take(Tier.FAST, due_ns=0)
        rounds.hand_over()
    rounds.hand_over()
    assert len(block.readings.drain()) == 2


def test_the_cpu_time_is_the_one_of_this_process():
    """The counter grows by what the process burnt."""
    own = OwnSampler()
    assert [known.reason for known in own.probe()] == [None, None]
    before_s, used_s = own.read(Tier.SLOW)[0].value, -os.times().user
    while os.times().user + used_s < 0.05:
        sum(range(1000))
    assert own.read(Tier.SLOW)[0].value - before_s == pytest.approx(0.05, abs=0.04)


def test_the_real_host_is_read_on_the_real_grid():
    """With the real sampler every fast channel of this machine has a reading in each fast round."""
    block, clock = SharedBlock.create(Layout(n_slots=1, height_px=2, width_px=2)), ManualClock(0)
    own = OwnSampler()
    sampler = CombinedSampler([HostSampler(Path("/"), os.getpid()), own])
    capabilities = sampler.probe()
    rounds = Rounds(sampler, own, block.readings, clock)
    rounds.take(Tier.FAST, due_ns=0)
    rounds.hand_over()
    sampler.close()
    answered = {known.channel.key for known in capabilities if known.reason is None}
    read = {capabilities[row["channel"]].channel.key for row in block.readings.drain()}
    fast = {known.channel.key for known in capabilities if known.channel.tier is Tier.FAST}
    assert answered & fast <= read <= fast
