import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.telemetry import Reason
from hilrig.sampler.cpufreq import GovernorChanges, cpufreq_sources
from hilrig.sampler.rapl import Unwrapped, rapl_sources
from hilrig.sampler.temperature import temperature_sources
from hilrig.sampler.throttle import throttle_sources

CPU = "sys/devices/system/cpu"


def write(root, files):
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{content}\n")


def read(sources):
    found = {}
    for source in sources:
        for channel, value in zip(source.channels, source.read(), strict=True):
            found[channel.key] = value
        source.close()
    return found


def temperatures(root):
    return {
        key.removeprefix("hw.temperature{hw.id=").removesuffix("}"): value
        for key, value in read(temperature_sources(root)).items()
    }


def throttle_cpu(number, package, core, count, *, package_count=0, total_ms=0):
    base = f"{CPU}/cpu{number}"
    return {
        f"{base}/topology/physical_package_id": package,
        f"{base}/topology/core_id": core,
        f"{base}/thermal_throttle/core_throttle_count": count,
        f"{base}/thermal_throttle/core_throttle_total_time_ms": total_ms,
        f"{base}/thermal_throttle/package_throttle_count": package_count,
        f"{base}/thermal_throttle/package_throttle_total_time_ms": total_ms,
    }


def events(root, part):
    return read(throttle_sources(root))[f"hilrig.hw.throttle.events{{cause=thermal,source={part}}}"]


def test_sensors_are_named_by_chip_and_label(tmp_path):
    """The numbers in /sys move between boots: names and labels do not."""
    write(
        tmp_path,
        {
            "sys/class/hwmon/hwmon3/name": "coretemp",
            "sys/class/hwmon/hwmon3/temp1_input": 54000,
            "sys/class/hwmon/hwmon3/temp1_label": "Package id 0",
            "sys/class/hwmon/hwmon3/temp2_input": 51500,
            "sys/class/hwmon/hwmon3/in0_input": 1200,
        },
    )
    assert temperatures(tmp_path) == {"coretemp/Package id 0": 54.0, "coretemp/temp2": 51.5}


def test_equal_names_are_numbered_and_never_collide(tmp_path):
    """Two disks of one model are two channels, even where a label already looks like a numbered name."""
    for number, label in enumerate(["Composite #2", "Composite", "Composite"]):
        folder = f"sys/class/hwmon/hwmon{number + 9}"
        write(
            tmp_path,
            {f"{folder}/name": "nvme", f"{folder}/temp1_label": label, f"{folder}/temp1_input": number * 1000},
        )
    assert temperatures(tmp_path) == {
        "nvme/Composite #2": 0.0,
        "nvme/Composite": 1.0,
        "nvme/Composite #3": 2.0,
    }


def test_the_zones_of_a_jetson_are_matched_by_type(tmp_path):
    """An Orin's zones are read by type; a sensor without power is OFFLINE, not -256 degrees."""
    zones = {"cpu-thermal": 53968, "gpu-thermal": 51312, "cv0-thermal": -256000, "tj-thermal": 54812}
    for number, (kind, temp) in enumerate(zones.items()):
        folder = f"sys/class/thermal/thermal_zone{number}"
        write(tmp_path, {f"{folder}/type": kind, f"{folder}/temp": temp})
    assert temperatures(tmp_path) == {
        "zone/cpu-thermal": 53.968,
        "zone/gpu-thermal": 51.312,
        "zone/cv0-thermal": Reason.OFFLINE,
        "zone/tj-thermal": 54.812,
    }


def test_a_zone_that_is_also_a_chip_is_read_once(tmp_path):
    """The kernel's mirror of a zone as a chip does not double the sensor."""
    write(
        tmp_path,
        {
            "sys/class/hwmon/hwmon0/name": "cpu_thermal",
            "sys/class/hwmon/hwmon0/temp1_input": 40000,
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
            "sys/class/thermal/thermal_zone0/temp": 40000,
        },
    )
    assert temperatures(tmp_path) == {"cpu_thermal/temp1": 40.0}


@pytest.mark.parametrize(
    ("content", "expected"),
    [("-20000", -20.0), ("0", 0.0), ("-300000", Reason.ERROR), ("--5", Reason.ERROR), ("4_0", Reason.ERROR)],
)
def test_cold_is_a_value_and_nonsense_is_not(tmp_path, content, expected):
    """Frost is real; below absolute zero, or unreadable, is not."""
    write(tmp_path, {"sys/class/hwmon/hwmon0/name": "k10temp", "sys/class/hwmon/hwmon0/temp1_input": content})
    assert temperatures(tmp_path) == {"k10temp/temp1": expected}


def test_a_core_is_counted_once_for_its_two_threads(tmp_path):
    """Hyper-threads repeat the counter of their core, and every CPU that of its package."""
    write(tmp_path, throttle_cpu(0, 0, 0, 5, package_count=8))
    write(tmp_path, throttle_cpu(1, 0, 1, 2, package_count=8))
    write(tmp_path, throttle_cpu(10, 0, 0, 5, package_count=8))
    assert (events(tmp_path, "core"), events(tmp_path, "package")) == (7, 8)


def test_equal_core_numbers_of_two_packages_or_dies_are_two_cores(tmp_path):
    """Core 0 of the second socket, and core 0 of another die, have counters of their own."""
    write(tmp_path, throttle_cpu(0, 0, 0, 1, package_count=10))
    write(tmp_path, throttle_cpu(1, 1, 0, 2, package_count=20))
    write(tmp_path, throttle_cpu(2, 1, 0, 4, package_count=20) | {f"{CPU}/cpu2/topology/die_id": 1})
    assert (events(tmp_path, "core"), events(tmp_path, "package")) == (7, 30)


def test_throttled_time_is_in_nanoseconds(tmp_path):
    """Milliseconds of the kernel become nanoseconds."""
    write(tmp_path, throttle_cpu(0, 0, 0, 1, total_ms=733))
    found = read(throttle_sources(tmp_path))
    assert found["hilrig.hw.throttle.time{cause=thermal,source=core}"] == 733_000_000


def test_a_cpu_that_is_offline_is_not_missed(tmp_path):
    """An offline CPU has no counters; the others still answer."""
    write(tmp_path, throttle_cpu(0, 0, 0, 1) | {f"{CPU}/cpu1/online": 0, f"{CPU}/cpu2/online": 1})
    write(tmp_path, throttle_cpu(2, 0, 2, 1))
    assert events(tmp_path, "core") == 2


def test_a_machine_without_throttle_counters_says_absent(tmp_path):
    """AMD and ARM have no such files: ABSENT, not 0 events."""
    write(tmp_path, {f"{CPU}/cpu0/topology/core_id": 0})
    assert set(read(throttle_sources(tmp_path)).values()) == {Reason.ABSENT}


def test_clocks_are_in_hertz_by_cpu_number(tmp_path):
    """Kilohertz become hertz, and cpu10 comes after cpu2."""
    write(tmp_path, {f"{CPU}/cpu{number}/cpufreq/scaling_cur_freq": number * 1000 for number in (2, 10)})
    found = read(cpufreq_sources(tmp_path))
    assert list(found.items())[:2] == [
        ("system.cpu.frequency{cpu.logical_number=2}", 2e6),
        ("system.cpu.frequency{cpu.logical_number=10}", 1e7),
    ]


def test_a_changed_governor_is_counted_until_it_is_back(tmp_path):
    """The power mode is 0 while all is as at the start, else the number of CPUs that differ."""
    path = f"{CPU}/cpu%d/cpufreq/scaling_governor"
    write(tmp_path, {path % 0: "performance", path % 1: "powersave"})
    *_, source = cpufreq_sources(tmp_path)
    assert source.read() == (0,)
    write(tmp_path, {path % 0: "powersave", path % 1: "performance"})
    assert source.read() == (2,)
    write(tmp_path, {path % 0: "performance"})
    assert source.read() == (1,)
    write(tmp_path, {path % 1: "powersave"})
    assert source.read() == (0,)
    source.close()


def test_a_governor_without_a_name_is_an_error():
    """An empty file is no governor to compare with."""
    with pytest.raises(ValueError, match="without a name"):
        GovernorChanges().count([b"performance", b""])


def test_energy_comes_from_packages_not_from_their_parts(tmp_path):
    """Domains inside a package would count its energy twice."""
    base = "sys/class/powercap/intel-rapl"
    for domain, name in {":0": "package-0", ":0:0": "core", ":1": "psys"}.items():
        write(tmp_path, {f"{base}{domain}/name": name, f"{base}{domain}/energy_uj": 2_500_000})
    assert read(rapl_sources(tmp_path)) == {"hw.energy{hw.id=package-0}": 2.5, "hw.energy{hw.id=psys}": 2.5}


@given(
    range_uj=st.integers(min_value=1, max_value=10**6),
    steps=st.lists(st.floats(min_value=0, max_value=0.99), max_size=20),
)
def test_energy_grows_over_a_wrap(range_uj, steps):
    """However often the counter wraps, joules are the true sum, as long as no wrap is skipped."""
    counter, true_uj = Unwrapped(str(range_uj)), 0
    for step in steps:
        true_uj += int(step * range_uj)
        (joules,) = counter.parse(str(true_uj % range_uj).encode())
        assert joules == pytest.approx(true_uj / 1e6)


def test_energy_that_falls_without_a_known_range_is_an_error():
    """Where the counter wraps is not guessed."""
    counter = Unwrapped(None)
    counter.parse(b"10")
    with pytest.raises(ValueError, match="natural"):
        counter.parse(b"9")
