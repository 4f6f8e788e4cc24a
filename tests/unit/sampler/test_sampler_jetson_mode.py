import pytest

from board_parts import EMC, FAN, MEMORY_CLOCK, fan, mode, nvpmodel
from boards import build, build_orin, thor
from hilrig.core.telemetry import Reason
from hilrig.sampler.jetson.mode import NvpmodelSource, mode_sources, nvpmodel_mode

STATUS = "var/lib/nvpmodel/status"


def read(root):
    found = {}
    for source in mode_sources(root):
        (value,) = source.read()
        found[source.channels[0].key] = value
        source.close()
    return found


def test_settings_are_numbers(tmp_path):
    """Mode, memory clock and its lock as they stand."""
    found = read(build_orin(tmp_path).root)
    assert found[mode("nvpmodel")] == 2
    assert found[mode("emc_cap")] == found[MEMORY_CLOCK] == 3_199_000_000
    assert found[mode("emc_locked")] == 1


def test_a_file_that_is_replaced_is_read_anew(tmp_path):
    """Nvpmodel may write a new file in the old one's place: the change of mode is seen all the same."""
    path = tmp_path / "status"
    path.write_text("pmode:0002\n")
    source = NvpmodelSource(path)
    assert tuple(source.read()) == (2,)
    (tmp_path / "new").write_text("pmode:0000\n")
    (tmp_path / "new").replace(path)
    assert tuple(source.read()) == (0,)
    path.unlink()
    assert tuple(source.read()) == (Reason.ABSENT,)
    assert str(path) in source.detail()
    source.close()
    assert tuple(source.read()) == (Reason.LOST,)


@pytest.mark.parametrize("content", ["", "pmode:", "pmode:MAXN", "mode:0002"])
def test_a_status_without_a_number_is_no_mode(tmp_path, content):
    """Neither for the run's telemetry nor for the host's record."""
    (tmp_path / STATUS).parent.mkdir(parents=True)
    (tmp_path / STATUS).write_text(content)
    assert isinstance(read(tmp_path)[mode("nvpmodel")], Reason)
    assert nvpmodel_mode(tmp_path) is None


def test_the_mode_has_its_name_for_the_record(tmp_path):
    """Number and name; commented lines of the configuration name nothing."""
    assert nvpmodel_mode(build_orin(tmp_path).root) == "MAXN_SUPER (2)"
    (tmp_path / STATUS).write_text("pmode:0000\n")
    assert nvpmodel_mode(tmp_path) == "15W (0)"
    (tmp_path / STATUS).write_text("pmode:0009\n")
    assert nvpmodel_mode(tmp_path) == "mode (9)"
    (tmp_path / STATUS).unlink()
    assert nvpmodel_mode(tmp_path) is None


def test_a_mode_is_not_taken_for_another(tmp_path):
    """ID 1 is not ID 10."""
    root = build(tmp_path, nvpmodel(1, {10: "TEN", 1: "ONE"})).root
    assert nvpmodel_mode(root) == "ONE (1)"


def test_thor_has_its_memory_clock_elsewhere(tmp_path):
    """Bwmgr instead of the boot processor's debug files, without root."""
    assert read(build(tmp_path, thor()).root)[MEMORY_CLOCK] == 4_266_000_000


def test_a_board_without_the_debug_files_says_so(tmp_path):
    """Unmounted debugfs: ABSENT, never a clock of 0."""
    board = build_orin(tmp_path)
    (board.root / EMC / "rate").unlink()
    assert read(board.root)[MEMORY_CLOCK] is Reason.ABSENT


@pytest.mark.parametrize(("pwm", "share"), [("0", 0.0), ("102", 0.4), ("255", 1.0), ("256", Reason.ERROR)])
def test_a_fans_speed_is_a_share(tmp_path, pwm, share):
    """Of the 255 steps of its duty cycle."""
    board = build(tmp_path, fan(0))
    (board.root / "sys/class/hwmon/hwmon0/pwm1").write_text(pwm)
    assert read(board.root)[FAN] == share


def test_a_board_without_a_fan_has_no_fan(tmp_path):
    """Passive cooling is no gap in the telemetry."""
    assert not [key for key in read(tmp_path) if "fan" in key]
