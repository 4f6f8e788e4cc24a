import pytest

from board_parts import ina3221, power
from boards import agx_orin, build, build_orin, old_orin, thor
from hilrig.core.telemetry import Reason
from hilrig.sampler.jetson.rails import rail_sources


def read(root):
    found = {}
    for source in rail_sources(root):
        (value,) = source.read()
        found[source.channels[0].key] = value
        source.close()
    return found


def test_power_is_voltage_times_current(tmp_path):
    """5016 mV and 2400 mA are 12.0384 W, at VDD_IN the whole board's."""
    found = read(build_orin(tmp_path).root)
    assert found[power("VDD_IN")] == found[power("board")] == 12.0384
    assert found[power("VDD_SOC")] == 5016 * 562 / 1e6
    assert len(found) == 4


def test_an_agx_is_the_sum_of_its_inputs(tmp_path):
    """A rail that hangs on another input is not counted twice; what is not connected is no rail."""
    found = read(build(tmp_path, agx_orin()).root)
    inputs = ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0")
    assert found[power("board")] == pytest.approx(sum(found[power(rail)] for rail in inputs), abs=1e-12)
    assert found.keys() == {power(rail) for rail in (*inputs, "VDDQ_VDD2_1V8AO", "board")}


def test_a_current_just_below_0_is_a_reading(tmp_path):
    """An idle rail reads -8 mA: the monitor's noise, and nothing to hide."""
    assert read(build(tmp_path, old_orin()).root)[power("VDD_CPU_CV")] == 19_768 * -8 / 1e6


def test_a_thor_is_measured_at_its_supply(tmp_path):
    """The INA238 gives microwatts of the whole input."""
    found = read(build(tmp_path, thor()).root)
    assert found[power("VIN")] == found[power("board")] == 150.0
    assert found[power("VDD_GPU")] == pytest.approx(99.682)


def test_rails_of_an_unknown_board_are_not_added_up(tmp_path):
    """Which rails are the whole is not known of every board: then the whole is ABSENT."""
    found = read(build(tmp_path, ina3221(0, [("VDD_5V", 5000, 100), ("VDD_GPU", 900, 100)], whole=[])).root)
    assert found == {power("VDD_5V"): 0.5, power("VDD_GPU"): 0.09, power("board"): Reason.ABSENT}


def test_a_part_of_the_inputs_is_not_the_whole(tmp_path):
    """With one input's current missing the board's power is a reason, never the sum of the rest."""
    board = build(tmp_path, agx_orin())
    (board.root / board.path_of("curr3_input", in3_label="VIN_SYS_5V0")).unlink()
    found = read(board.root)
    assert found[power("board")] is found[power("VIN_SYS_5V0")] is Reason.ABSENT
    assert found[power("VDD_CPU_CV")] > 0


def test_rails_of_one_label_are_two(tmp_path):
    """Two monitors may name a rail alike."""
    facts = {**ina3221(0, [("VDD_X", 1000, 1000)], whole=[]), **ina3221(1, [("VDD_X", 1000, 2000)], whole=[])}
    found = read(build(tmp_path, facts).root)
    assert (found[power("VDD_X")], found[power("VDD_X #2")]) == (1.0, 2.0)


def test_a_rail_without_a_label_is_still_read(tmp_path):
    """It goes by the monitor's input."""
    board = build(tmp_path, ina3221(0, [("VDD_X", 1000, 1000)], whole=[]))
    (board.root / "sys/class/hwmon/hwmon0/in1_label").unlink()
    assert read(board.root)[power("ina3221/in1")] == 1.0


def test_a_board_without_monitors_says_so(tmp_path):
    """No rail: only the whole board's channel, ABSENT."""
    assert read(tmp_path) == {power("board"): Reason.ABSENT}
