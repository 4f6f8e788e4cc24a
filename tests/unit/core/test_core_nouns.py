"""The nouns of hilrig.core: sizes and rules that other modules build on."""

import time

from hilrig.core.clock import ManualClock, SystemClock
from hilrig.core.exits import ExitCode
from hilrig.core.frame import FRAME_DTYPE
from hilrig.core.telemetry import READING_DTYPE, Channel, ChannelKind, Tier
from hilrig.core.verdict import RunStatus


def test_a_frame_record_is_64_bytes():
    """Eight words: processes write records with struct, so every place counts."""
    assert FRAME_DTYPE.itemsize == 64
    assert FRAME_DTYPE.fields["t_dequeue_ns"][1] == 24
    assert FRAME_DTYPE.fields["outcome"][1] == 4
    assert READING_DTYPE.itemsize == 24


def test_only_pass_exits_with_0():
    """The gate is the exit code: nothing that is not a PASS may look like one; 1 stays Python's own crash."""
    assert [status for status in RunStatus if status.exit_code == ExitCode.OK] == [RunStatus.PASS]
    assert 1 not in set(ExitCode)


def test_channel_keys_tell_attributes_apart():
    """Two channels of one name have two keys."""
    kind = {"unit": "s", "kind": ChannelKind.COUNTER, "tier": Tier.FAST, "source": "test"}
    plain = Channel(name="system.cpu.time", **kind)
    steal = Channel(name="system.cpu.time", attributes=(("cpu.mode", "steal"),), **kind)
    assert (plain.key, steal.key) == ("system.cpu.time", "system.cpu.time{cpu.mode=steal}")


def test_the_system_clock_reads_one_moment_three_times():
    """The triple is taken within a moment, and the sleep does not end early."""
    clock = SystemClock()
    before_ns = time.monotonic_ns()
    triple = clock.triple()
    assert before_ns <= triple.monotonic_ns <= clock.monotonic_ns()
    deadline_ns = clock.monotonic_ns() + 1_000_000
    clock.sleep_until(deadline_ns)
    assert clock.monotonic_ns() >= deadline_ns


def test_the_manual_clock_moves_only_by_hand_and_by_sleep():
    """Two readings are equal; a sleep lands on its deadline, a passed one does not go back."""
    clock = ManualClock(5)
    assert clock.monotonic_ns() == clock.monotonic_ns() == 5
    clock.sleep_until(9)
    clock.sleep_until(3)
    assert clock.triple().monotonic_ns == 9
