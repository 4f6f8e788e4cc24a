"""What the telemetry said at a moment: fresh values only, the ones that matter first."""

import numpy as np

from builders import NS_PER_MS, NS_PER_S, T0_NS, Curve, make_capability, make_plan, make_record
from hilrig.core import channels
from hilrig.core.telemetry import ChannelKind, Reason, Tier
from hilrig.verdict.attribution.moments import N_READINGS_MAX, readings_at
from hilrig.verdict.telemetry.channels import Telemetry

PLAN = make_plan()
MOMENT_NS = T0_NS + 10 * NS_PER_S


def channel(name, *attributes, value=1.0, ago_ms=50.0, tier=Tier.FAST, kind=ChannelKind.GAUGE, unit="Cel"):
    """Return a channel with one reading, some ms before the moment."""
    capability = make_capability(name, unit=unit, kind=kind, tier=tier, attributes=attributes)
    return Curve(capability=capability, points=((MOMENT_NS - round(ago_ms * NS_PER_MS), value),))


def sensor(name, value, **more):
    return channel(channels.TEMPERATURE, (channels.HW_ID, name), value=value, **more)


def state(cause, value):
    attributes = ((channels.HW_ID, "gpu0"), (channels.CAUSE, cause))
    return channel(channels.THROTTLE_STATE, *attributes, value=value, kind=ChannelKind.STATE, unit="1")


def at_moment(*curves, moment_ns=MOMENT_NS):
    (found,) = readings_at(Telemetry(make_record(PLAN, curves=curves)), PLAN, np.array([moment_ns]))
    return found


def test_a_reading_has_its_value_and_its_age() -> None:
    """What a person needs to judge it: how hot, and how long before."""
    (reading,) = at_moment(sensor("gpu0", 71.5, ago_ms=80))
    assert (reading.key, reading.unit) == ("hw.temperature{hw.id=gpu0}", "Cel")
    assert (reading.value, reading.age_ms) == (71.5, 80.0)


def test_the_last_reading_before_the_moment_counts() -> None:
    """Not the first one after it; one at the moment itself is known by then."""
    points = tuple((MOMENT_NS + step * 100 * NS_PER_MS, 50.0 + step) for step in range(-5, 6))
    curve = Curve(capability=make_capability(channels.TEMPERATURE, unit="Cel"), points=points)
    assert at_moment(curve, moment_ns=MOMENT_NS - 1)[0].value == 49.0
    assert at_moment(curve)[0].value == 50.0
    assert at_moment(curve)[0].age_ms == 0.0


def test_old_readings_are_left_out() -> None:
    """Three periods of its tier, 0.3 s or 3 s, and no nanosecond more."""
    assert at_moment(sensor("a", 1.0, ago_ms=300))
    assert not at_moment(sensor("a", 1.0, ago_ms=300.000001))
    assert at_moment(sensor("a", 1.0, ago_ms=3000, tier=Tier.SLOW))
    assert not at_moment(sensor("a", 1.0, ago_ms=3000.000001, tier=Tier.SLOW))


def test_what_is_missing_is_left_out() -> None:
    """Offline just then, not a number, nothing before the moment, no reading ever: not 0, and not an older one."""
    offline = Curve(
        capability=make_capability(channels.TEMPERATURE, unit="Cel", attributes=((channels.HW_ID, "a"),)),
        points=((MOMENT_NS - 200 * NS_PER_MS, 60.0), (MOMENT_NS - 100 * NS_PER_MS, Reason.OFFLINE)),
    )
    silent = Curve(capability=make_capability(channels.POWER, unit="W", reason=Reason.ABSENT), points=())
    assert not at_moment(offline, sensor("b", float("nan")), sensor("c", 60.0, ago_ms=-1), silent)


def test_channels_that_are_not_worth_seeing_are_left_out() -> None:
    """Limits, counters, what is read at the edges, and peaks of current, which sound boards have too."""
    assert not at_moment(
        channel(channels.TEMPERATURE_LIMIT, value=90.0),
        channel(channels.ENERGY, value=1e6, kind=ChannelKind.COUNTER),
        channel(channels.GPU_MEMORY, tier=Tier.EDGE),
        state(channels.CAUSE_CURRENT_PEAK, 1.0),
    )


def test_the_hottest_sensors_come_first_and_clocks_slowest_first() -> None:
    """Temperature, clocks, power, load, memory, throttling: in this order, whatever the order of the probe."""
    found = at_moment(
        state(channels.CAUSE_THERMAL, 0.0),
        state(channels.CAUSE_POWER, 1.0),
        channel(channels.GPU_UTILIZATION, value=0.9),
        channel(channels.POWER, value=60.0),
        *(
            channel(channels.GPU_CLOCK, ("domain", name), value=hz)
            for name, hz in (("memory", 9e9), ("graphics", 1e9))
        ),
        *(sensor(name, value) for name, value in (("cool", 40.0), ("hot", 90.0), ("warm", 60.0), ("cold", 20.0))),
    )
    assert [one.value for one in found] == [90.0, 60.0, 40.0, 1e9, 9e9, 60.0, 0.9, 1.0, 0.0]


def test_many_sensors_do_not_crowd_out_the_others() -> None:
    """Every name has its first reading before any has its second, and there are no more than twelve."""
    cpus = [
        channel(channels.CPU_FREQUENCY, ("cpu.logical_number", str(cpu)), value=1e9 + cpu) for cpu in range(64)
    ]
    heats = [sensor(f"core{core}", 40.0 + core) for core in range(64)]
    powers = [channel(channels.POWER, (channels.HW_ID, f"rail{rail}"), value=float(rail)) for rail in range(5)]
    memory = [channel(name) for name in ("process.memory.usage", "system.memory.usage", channels.GPU_MEMORY)]
    throttled = [state(cause, 0.0) for cause in (channels.CAUSE_THERMAL, channels.CAUSE_POWER)]
    found = at_moment(*cpus, *heats, *powers, *memory, *throttled)
    names = [one.key.partition("{")[0] for one in found]
    assert len(found) == N_READINGS_MAX
    assert names.count(channels.THROTTLE_STATE) == 2
    assert [one.value for one in found[:2]] == [103.0, 102.0]
    assert {"process.memory.usage", "system.memory.usage", channels.GPU_MEMORY} < set(names)


def test_every_moment_has_its_own_readings() -> None:
    """In the order asked for, also when that is not the order of time."""
    points = tuple((T0_NS + second * NS_PER_S, float(second)) for second in range(20))
    curve = Curve(capability=make_capability(channels.TEMPERATURE, unit="Cel", tier=Tier.SLOW), points=points)
    moments_ns = np.array([T0_NS + 7 * NS_PER_S, T0_NS - 1, T0_NS + 3 * NS_PER_S])
    found = readings_at(Telemetry(make_record(PLAN, curves=[curve])), PLAN, moments_ns)
    assert [[one.value for one in each] for each in found] == [[7.0], [], [3.0]]
