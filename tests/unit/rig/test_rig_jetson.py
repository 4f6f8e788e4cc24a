import pytest

from boards import build, old_orin, orin_nano, thor
from hilrig.rig.jetson import gpu_clock_hz, jetpack_version, l4t_version


def release(root, text):
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/nv_tegra_release").write_text(text)
    return root


def test_the_release_is_that_of_the_line_in_etc(tmp_path):
    """The first line of nv_tegra_release has it."""
    release(tmp_path, "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic\n# KERNEL_VARIANT: oot\n")
    assert l4t_version(tmp_path, {"nvidia-l4t-core": "35.1.0-20220825113828"}) == "36.4.3"


@pytest.mark.parametrize("text", ["", "R36\n", "# R36 (beta)\n", "x # R36 (release), REVISION: 4.3\n"])
def test_an_unknown_release_line_is_not_guessed_at(tmp_path, text):
    """Only the documented form of the line is understood; then the package says it, or nobody."""
    release(tmp_path, text)
    assert l4t_version(tmp_path, {}) is None
    assert l4t_version(tmp_path, {"nvidia-l4t-core": "36.4.3-20250107174145"}) == "36.4.3"
    assert l4t_version(tmp_path, {"nvidia-l4t-core": "unknown"}) is None


@pytest.mark.parametrize(
    ("l4t", "jetpack"),
    [
        ("35.4.1", "5"),
        ("36.4.3", "6"),
        ("38.2", "7"),
        ("39.2", "7"),
        ("37.0", None),
        ("360.1", None),
        (None, None),
    ],
)
def test_jetpack_follows_from_the_release_only_where_it_is_known(l4t, jetpack):
    """A release that is not in NVIDIA's table has no JetPack."""
    assert jetpack_version(l4t, {}) == jetpack


def test_the_package_knows_jetpack_exactly():
    """Where nvidia-jetpack is installed, its version is the answer."""
    assert jetpack_version("36.4.3", {"nvidia-jetpack": "6.2+b77"}) == "6.2+b77"


@pytest.mark.parametrize(
    ("board", "bounds_hz"),
    [
        (orin_nano, (1_020_000_000, 1_020_000_000)),
        (old_orin, (1_020_000_000, 1_020_000_000)),
        (thor, (315_000_000, 1_575_000_000)),
    ],
)
def test_the_bounds_of_the_gpu_clock_are_found_on_every_board(tmp_path, board, bounds_hz):
    """They are in the devfreq folder of the GPU, wherever that is."""
    build(tmp_path, board())
    assert (gpu_clock_hz(tmp_path, "min"), gpu_clock_hz(tmp_path, "max")) == bounds_hz


def test_without_a_gpu_there_are_no_bounds(tmp_path):
    """An x86 machine has no such folder."""
    assert gpu_clock_hz(tmp_path, "min") is None
