import pytest

from board_parts import GPU_CLOCK, GPU_LOAD, ORIN_DEVFREQ, ORIN_GPU, devfreq
from boards import build, build_orin, old_orin
from hilrig.core.telemetry import Reason
from hilrig.sampler.jetson.gpu import gpu_sources

LIMIT = "hilrig.hw.gpu.clock.limit{hw.id=gpu0,bound=%s}"
MODE = "hilrig.host.power_mode{setting=gpu_clock_%s}"


def read(root):
    found = {}
    for source in gpu_sources(root):
        for channel, value in zip(source.channels, source.read(), strict=True):
            found[channel.key] = value
        source.close()
    return found


def test_the_load_is_a_share_and_clocks_are_in_hertz(tmp_path):
    """774 per mille are 0.774; devfreq counts in Hz already."""
    found = read(build_orin(tmp_path).root)
    assert found[GPU_LOAD] == 0.774
    assert found[GPU_CLOCK] == found[LIMIT % "min"] == found[LIMIT % "max"] == 1_020_000_000


def test_a_bound_is_also_a_setting_of_the_machine(tmp_path):
    """Unlocking the clock during a run shows as a changed setting."""
    board = build_orin(tmp_path)
    (board.root / ORIN_DEVFREQ / "min_freq").write_text("306000000\n")
    found = read(board.root)
    assert (found[MODE % "min"], found[MODE % "max"]) == (306_000_000, 1_020_000_000)


def test_a_gpu_at_rest_has_a_load_of_0(tmp_path):
    """0 is a reading where the file says 0: the GPU of an old Orin without power."""
    found = read(build(tmp_path, old_orin()).root)
    assert (found[GPU_LOAD], found[GPU_CLOCK]) == (0.0, 0)


@pytest.mark.parametrize("content", ["1001", "-1", "", "77.4", "774 1000"])
def test_a_load_that_cannot_be_is_an_error(tmp_path, content):
    """More than 1000 per mille, or no number at all, is no load."""
    board = build_orin(tmp_path)
    (board.root / ORIN_GPU / "load").write_text(content)
    assert read(board.root)[GPU_LOAD] is Reason.ERROR


def test_the_node_is_found_under_any_number(tmp_path):
    """A GPU is known by its node in the device tree, whatever its folder is called."""
    for folder, node in (("1.vic", "vic"), ("2.unknown", "gv11b"), ("3.nvdla", "nvdla")):
        base = tmp_path / "sys/class/devfreq" / folder
        (base / "device/of_node").mkdir(parents=True)
        (base / "device/of_node/name").write_text(f"{node}\0")
        (base / "device/load").write_text(folder[0])
        (base / "cur_freq").write_text(f"{folder[0]}000\n")
    found = read(tmp_path)
    assert (found[GPU_LOAD], found[GPU_CLOCK]) == (0.002, 2000)


def test_the_alias_of_the_device_stands_in(tmp_path):
    """Where devfreq leads to no load file, the platform's gpu.0 does."""
    for path, fact in devfreq("sys/class/devfreq/gpu-gpc-0", cur_hz=1, min_hz=1, max_hz=2).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(fact.content)
    assert read(tmp_path)[GPU_LOAD] is Reason.NOT_SUPPORTED
    (tmp_path / "sys/devices/platform/gpu.0").mkdir(parents=True)
    (tmp_path / "sys/devices/platform/gpu.0/load").write_text("51\n")
    assert read(tmp_path)[GPU_LOAD] == 0.051


def test_of_several_clusters_the_slowest_counts(tmp_path):
    """Clusters work on one job: its speed is that of the slowest, its bounds are the widest."""
    for number, (cur_hz, min_hz, max_hz) in enumerate([(900, 300, 1500), (700, 200, 1400)]):
        folder = f"sys/class/devfreq/gpu-gpc-{number}"
        for path, fact in devfreq(folder, cur_hz=cur_hz, min_hz=min_hz, max_hz=max_hz).items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(fact.content)
    found = read(tmp_path)
    assert (found[GPU_CLOCK], found[LIMIT % "min"], found[LIMIT % "max"]) == (700, 200, 1500)


def test_without_a_gpu_all_is_absent(tmp_path):
    """No devfreq folder of a GPU: every channel is ABSENT, none is missing from the list."""
    found = read(tmp_path)
    assert len(found) == 6
    assert set(found.values()) == {Reason.ABSENT}
