import pytest

from board_parts import limit, zone
from boards import build, build_orin, thor
from hilrig.core.telemetry import Reason, Tier
from hilrig.sampler.jetson.trips import trip_sources

KEY = limit("tj-thermal")


def read(root):
    found = {}
    for source in trip_sources(root):
        assert {channel.tier for channel in source.channels} == {Tier.EDGE}
        (value,) = source.read()
        found[source.channels[0].key] = value
        source.close()
    return found


def of_trips(root, trips):
    return read(build(root, zone(8, "tj-thermal", 50_000, trips)).root)[KEY]


@pytest.mark.parametrize(
    ("trips", "limit_c"),
    [
        ([("critical", 104_500, ""), ("hot", 103_500, ""), ("passive", 99_000, "")], 99.0),
        ([("passive", 99_000, ""), ("passive", 95_500, ""), ("active", 51_000, "")], 95.5),
        ([("critical", 104_500, ""), ("hot", 103_500, "")], 103.5),
        ([("critical", 104_500, "")], 104.5),
    ],
)
def test_the_limit_is_where_slowing_down_begins(tmp_path, trips, limit_c):
    """The lowest passive trip point, else the hot one, else the critical one."""
    assert of_trips(tmp_path, trips) == limit_c


def test_a_warning_of_a_hot_housing_is_no_limit(tmp_path):
    """An Orin's trip point at 70 C only warns whoever touches it: its clocks go down at 99 C."""
    trips = [("passive", 99_000, "cpu-throttle-alert"), ("passive", 70_000, "hot-surface-alert")]
    assert of_trips(tmp_path, trips) == 99.0


def test_a_trip_point_whose_devices_are_not_known_counts(tmp_path):
    """A warning is left out only where it is known to be one: else the lower limit stands."""
    board = build(
        tmp_path,
        zone(8, "tj-thermal", 50_000, [("passive", 99_000, ""), ("passive", 70_000, "hot-surface-alert")]),
    )
    (board.root / board.path_of("type", type="hot-surface-alert")).unlink()
    assert read(board.root)[KEY] == 70.0


def test_a_trip_point_that_is_switched_off_counts_for_nothing(tmp_path):
    """-274 C is how the kernel writes "not set"; 0 is no temperature to slow down at either."""
    assert of_trips(tmp_path, [("passive", -274_000, ""), ("passive", 0, ""), ("critical", 105_000, "")]) == 105.0


def test_a_zone_that_only_drives_a_fan_has_no_limit(tmp_path):
    """Active trip points cost no performance: NOT_SUPPORTED, not the temperature of the fan."""
    assert of_trips(tmp_path, [("active", 51_000, "")]) is Reason.NOT_SUPPORTED


def test_a_zone_without_trip_points_has_no_limit(tmp_path):
    """It never slows anything down, which is known: no limit is missing."""
    assert of_trips(tmp_path, []) is Reason.NOT_SUPPORTED


@pytest.mark.parametrize("half", ["type", "temp"])
def test_half_a_trip_point_is_one_that_is_not_known(tmp_path, half):
    """ABSENT is not the NOT_SUPPORTED of a zone that has none."""
    trips = [("passive", 99_000, ""), ("critical", 105_000, "")]
    board = build(tmp_path, zone(8, "tj-thermal", 50_000, trips))
    (board.root / f"sys/class/thermal/thermal_zone8/trip_point_0_{half}").unlink()
    assert read(board.root)[KEY] is Reason.ABSENT


@pytest.mark.parametrize("temp", ["", "99", "hot", "--99000", "9" * 30])
def test_a_trip_point_that_is_no_number_is_an_error(tmp_path, temp):
    """No limit is made of nonsense, nor of the other trip points; 99 millidegrees are a number."""
    board = build(tmp_path, zone(8, "tj-thermal", 50_000, [("passive", 99_000, ""), ("hot", 103_500, "")]))
    (board.root / "sys/class/thermal/thermal_zone8/trip_point_0_temp").write_text(temp)
    assert read(board.root)[KEY] == (0.099 if temp == "99" else Reason.ERROR)


def test_every_zone_of_a_board_has_its_limit(tmp_path):
    """Nine zones of an Orin slow down at 99 C, four of a Thor at 105 C."""
    orin = read(build_orin(tmp_path / "orin").root)
    assert (len(orin), set(orin.values())) == (9, {99.0})
    four = read(build(tmp_path / "thor", thor()).root)
    assert (len(four), set(four.values())) == (4, {105.0})


def test_a_zone_that_the_kernel_mirrors_as_a_chip_has_the_chips_name(tmp_path):
    """Sensor and limit keep one name where the temperature is read from hwmon."""
    board = build(tmp_path, zone(8, "tj-thermal", 50_000, [("passive", 99_000, "")]))
    (board.root / "sys/class/hwmon/hwmon0").mkdir(parents=True)
    (board.root / "sys/class/hwmon/hwmon0/name").write_text("tj_thermal\n")
    assert read(board.root) == {"hw.temperature.limit{hw.id=tj_thermal/temp1}": 99.0}
