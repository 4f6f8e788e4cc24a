"""Telemetry over time: shared buckets, true extremes, gaps that stay gaps."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from builders import (
    MIB,
    NS_PER_S,
    Curve,
    edges_ns,
    make_capability,
    make_plan,
    make_record,
    rising,
    steady,
    ticks_ns,
)
from hilrig.core import channels
from hilrig.core.telemetry import ChannelKind, Reason, Tier
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.telemetry.series import N_PER_NAME_MAX, telemetry_series
from hilrig.verdict.time_buckets import BUCKET_NS_MIN, N_BUCKETS_MAX
from hilrig.verdict.window import cut

PLAN = make_plan(n_measured=600)  # 20 s: ten buckets of the shortest length
LONG = make_plan(n_measured=18_000)  # 10 min: as many buckets as there may be


def series_of(*curves, plan=PLAN):
    record = make_record(plan, curves=curves)
    return telemetry_series(Telemetry(record), cut(record))


def gauge(name, *attributes, unit="Cel", tier=Tier.FAST, kind=ChannelKind.GAUGE, reason=None):
    return make_capability(name, unit=unit, kind=kind, tier=tier, attributes=attributes, reason=reason)


def gpu_temperature(hw_id="gpu0"):
    return gauge(channels.TEMPERATURE, (channels.HW_ID, hw_id))


def drawn(capability, points):
    return Curve(capability=capability, points=tuple(points))


def test_buckets_are_of_equal_length_over_the_measured_part() -> None:
    """Ten minutes have 120 buckets of five seconds, the first of which begins with the measured part."""
    (series,) = series_of(steady(LONG, gpu_temperature(), 50.0), plan=LONG)
    assert series.t_s == tuple(5.0 * index for index in range(N_BUCKETS_MAX))
    assert series.mean == (50.0,) * N_BUCKETS_MAX


def test_a_short_run_has_fewer_buckets() -> None:
    """Buckets are never shorter than two readings of the slow tier, so that a late reading leaves no hole."""
    (series,) = series_of(steady(PLAN, gpu_temperature(), 50.0))
    assert series.t_s == tuple(index * BUCKET_NS_MIN / NS_PER_S for index in range(10))


def test_one_hot_reading_is_the_maximum_of_its_bucket() -> None:
    """A spike of one reading is not averaged away: minimum and maximum are those of the raw readings."""
    points = [(t_ns, 90.0 if index == 57 else 50.0) for index, t_ns in enumerate(ticks_ns(PLAN))]
    (series,) = series_of(drawn(gpu_temperature(), points))
    assert [index for index, value in enumerate(series.maximum) if value == 90.0] == [2]
    assert set(series.minimum) == {50.0}
    assert series.mean[2] == 52.0


def test_a_stretch_without_a_reading_is_none() -> None:
    """Where a sensor was offline there is no value, not 0 and not the last one."""
    start_ns, _ = edges_ns(PLAN)
    points = [
        (t_ns, Reason.OFFLINE if 4 * NS_PER_S <= t_ns - start_ns < 8 * NS_PER_S else 50.0)
        for t_ns in ticks_ns(PLAN)
    ]
    (series,) = series_of(drawn(gpu_temperature(), points))
    for values in (series.minimum, series.mean, series.maximum):
        assert [value is None for value in values] == [False] * 2 + [True] * 2 + [False] * 6


def test_readings_outside_the_measured_part_do_not_count() -> None:
    """The warm-up's heat is not on the axis of the frames."""
    start_ns, end_ns = edges_ns(PLAN)
    outside = [(start_ns - 1, 99.0), *((t_ns, 50.0) for t_ns in ticks_ns(PLAN)), (end_ns + 1, 99.0)]
    (series,) = series_of(drawn(gpu_temperature(), outside))
    assert set(series.maximum) == {50.0}


def test_a_channel_without_a_value_has_no_series() -> None:
    """Offline all along, absent at the probe, or read at the edges only: nothing to draw."""
    assert not series_of(
        steady(PLAN, gpu_temperature(), Reason.OFFLINE),
        Curve(capability=gauge(channels.POWER, unit="W", reason=Reason.ABSENT), points=()),
        steady(PLAN, gauge(channels.GPU_MEMORY, unit="By", tier=Tier.EDGE), 7.0),
    )


def test_a_record_without_frames_has_no_series() -> None:
    """No measured part, no axis."""
    plan = make_plan(n_measured=0, n_warmup=0)
    record = make_record(plan, curves=[drawn(gpu_temperature(), [(edges_ns(plan)[0], 50.0)])])
    assert telemetry_series(Telemetry(record), cut(record)) == ()


def test_several_cpus_are_one_series_from_the_slowest_to_the_fastest() -> None:
    """Of 2 CPUs the band shows both extremes; the key says that it is all of them."""
    (series,) = series_of(
        *(
            steady(PLAN, gauge(channels.CPU_FREQUENCY, ("cpu.logical_number", str(cpu)), unit="Hz"), clock_hz)
            for cpu, clock_hz in enumerate((1.0e9, 3.0e9))
        )
    )
    assert series.key == "system.cpu.frequency{cpu.logical_number=*}"
    assert (series.minimum[0], series.mean[0], series.maximum[0]) == (1.0e9, 2.0e9, 3.0e9)


def energy(hw_id, *, watts):
    start_ns, _ = edges_ns(PLAN)
    counter = gauge(channels.ENERGY, (channels.HW_ID, hw_id), unit="J", kind=ChannelKind.COUNTER)
    return drawn(counter, [(t_ns, 1000.0 + watts * (t_ns - start_ns) / NS_PER_S) for t_ns in ticks_ns(PLAN)])


def test_energy_becomes_power_and_says_so() -> None:
    """A package that only counts joules has watts, under a key that names their origin."""
    (series,) = series_of(energy("package-0", watts=42.0))
    assert series.key == "hw.power{hw.id=package-0,from=hw.energy}"
    assert series.unit == "W"
    assert {round(value, 3) for value in series.mean} == {42.0}


def test_energy_is_left_out_where_the_device_tells_its_power() -> None:
    """Two curves of one quantity would be one too many; another device's power is no reason."""
    power = steady(PLAN, gauge(channels.POWER, (channels.HW_ID, "gpu0"), unit="W"), 60.0)
    keys = [series.key for series in series_of(power, energy("gpu0", watts=61.0), energy("package-0", watts=9.0))]
    assert keys == ["hw.power{hw.id=gpu0}", "hw.power{hw.id=package-0,from=hw.energy}"]


def test_power_that_gave_no_value_does_not_hide_the_energy() -> None:
    """A power channel without permission leaves the counter as the only witness."""
    capability = gauge(channels.POWER, (channels.HW_ID, "gpu0"), unit="W", reason=Reason.NO_PERMISSION)
    assert len(series_of(Curve(capability=capability, points=()), energy("gpu0", watts=61.0))) == 1


def test_a_counter_that_fell_is_not_negative_power() -> None:
    """Where the energy counter was reset there is no power, neither negative nor 0."""
    start_ns, _ = edges_ns(PLAN)
    counter = gauge(channels.ENERGY, (channels.HW_ID, "package-0"), unit="J", kind=ChannelKind.COUNTER)
    points = [(start_ns, 500.0), (start_ns + NS_PER_S, 510.0), (start_ns + 3 * NS_PER_S, 1.0)]
    (series,) = series_of(drawn(counter, points))
    assert series.mean == (10.0, *(None,) * 9)


def test_counters_and_states_are_not_drawn() -> None:
    """Cumulative counts and raw masks belong into the table."""
    assert not series_of(
        rising(PLAN, gauge(channels.THROTTLE_EVENTS, unit="{event}", kind=ChannelKind.COUNTER), 0.0, 3.0),
        steady(PLAN, gauge(channels.THROTTLE_REASONS, unit="1", kind=ChannelKind.STATE), 4.0),
    )


def test_of_many_sensors_the_hottest_are_kept_in_the_order_of_the_probe() -> None:
    """A machine of 64 cores does not make result.json endless, and its hottest core is in it."""
    heats = [40.0 + (core * 7) % 64 for core in range(64)]
    found = series_of(
        *(steady(PLAN, gpu_temperature(f"coretemp/Core {core}"), heat) for core, heat in enumerate(heats)),
        steady(PLAN, gauge("process.memory.usage", unit="By"), float(MIB)),
    )
    *cores, memory = found
    assert [series.maximum[0] for series in cores] == [heat for heat in heats if heat > 103 - N_PER_NAME_MAX]
    assert memory.key == "process.memory.usage"


@given(
    values=st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=40),
    moments=st.data(),
)
def test_every_bucket_holds_its_readings_and_no_others(values, moments) -> None:
    """Whatever is read when: the extremes over all buckets are those of the readings, each mean lies between."""
    start_ns, end_ns = edges_ns(PLAN)
    stamps = moments.draw(st.lists(st.integers(start_ns, end_ns), min_size=len(values), max_size=len(values)))
    (series,) = series_of(drawn(gpu_temperature(), zip(stamps, values, strict=True)))
    filled = [row for row in zip(series.minimum, series.mean, series.maximum, strict=True) if row[0] is not None]
    assert len(filled) == len({min((t_ns - start_ns) // BUCKET_NS_MIN, 9) for t_ns in stamps})
    assert min(low for low, _, _ in filled) == min(values)
    assert max(high for _, _, high in filled) == max(values)
    assert all(low <= mean <= high for low, mean, high in filled)


def test_equal_records_give_equal_series() -> None:
    """Means are added in the order of the readings: no machine gives another last digit."""
    values = np.sin(np.arange(len(ticks_ns(PLAN)))) * 1e9 / 3
    curve = drawn(gpu_temperature(), zip(ticks_ns(PLAN), values.tolist(), strict=True))
    assert series_of(curve) == series_of(curve)
