import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tegrastats_lines as lines
from hilrig.core.telemetry import Reason
from hilrig.sampler.jetson.tegrastats_line import Unit, parse_tegrastats


def unit(load_pct, *clocks_mhz):
    return Unit(load_pct=load_pct, clocks_mhz=clocks_mhz)


RECORDED = {
    "agx-orin-jp7": (
        lines.AGX_ORIN_JP7,
        {
            "EMC_FREQ": unit(3, 3199),
            "GR3D_FREQ": unit(12, 1300, 1300),
            "NVENC0": Reason.OFFLINE,
            "APE": unit(None, 174),
        },
        {"cpu": 52.968, "gpu": 47.625},
        {"VDD_GPU_SOC": 5139, "VDD_CPU_CV": 3268, "VIN_SYS_5V0": 5500},
        "07-25-2026 09:08:28 RAM 20642/62817MB (lfb 1x2MB) CPU [23%@2201,10%@2201,off,off]",
    ),
    "orin-nano-jp6": (
        lines.ORIN_NANO_JP6,
        {"EMC_FREQ": unit(43, 2133), "GR3D_FREQ": unit(63, 621), "NVDEC": Reason.OFFLINE},
        {"cpu": 53.968, "soc2": 52.437, "soc0": 50.75, "gpu": 53.343, "tj": 53.968, "soc1": 51.656},
        {"VDD_IN": 12479, "VDD_CPU_GPU_CV": 4667, "VDD_SOC": 2817},
        "11-15-2024 08:38:09 RAM 6185/7620MB (lfb 8x2MB) SWAP 851/3810MB (cached 1MB) CPU [15%@729,11%@729]",
    ),
    "not-root": (
        lines.ORIN_NANO_USER,
        {"GR3D_FREQ": unit(0)},
        {"cpu": 53.968, "tj": 53.968},
        {"VDD_IN": 12479},
        "11-15-2024 08:38:09 RAM 6185/7620MB (lfb 8x2MB) CPU [15%@729,11%@729]",
    ),
    "thor-jp7.0": (
        lines.THOR_JP70,
        {"GR3D_FREQ": unit(None, 1000, 1000, 1000)},
        {"tj": 41.5},
        {"VDD_GPU": 4000},
        "RAM 9000/125772MB CPU [1%@972]",
    ),
    "thor-jp7.1": (
        lines.THOR_JP71,
        {"GR3D_FREQ": unit(99, 1098, 1098, 1098)},
        {"tj": 41.5},
        {"VDD_GPU": 4000},
        "RAM 9000/125772MB CPU [1%@972]",
    ),
    "agx-orin-jp5": (
        lines.AGX_ORIN_JP5,
        {
            "EMC_FREQ": unit(0, 2133),
            "GR3D_FREQ": unit(0, 0, 0),
            "VIC_FREQ": unit(None, 729),
            "APE": unit(None, 174),
        },
        {"CV0": Reason.OFFLINE, "CPU": 46.3, "GPU": Reason.OFFLINE},
        {"NC": 0, "VDDQ_VDD2_1V8AO": 301},
        "RAM 2900/30536MB (lfb 5x4MB) CPU [2%@729,off]",
    ),
    "tx2": (
        lines.TX2,
        {"EMC_FREQ": unit(4, 1600), "GR3D_FREQ": unit(0, 114)},
        {"PMIC": 50.0, "GPU": 38.5},
        {"VDD_IN": 5297},
        "RAM 2400/7860MB (lfb 1x4MB) CPU [3%@345,off,off,2%@345]",
    ),
}


@pytest.mark.parametrize(
    ("text", "units", "temperatures_c", "powers_mw", "rest"), RECORDED.values(), ids=RECORDED.keys()
)
def test_every_value_of_a_recorded_line_is_found(text, units, temperatures_c, powers_mw, rest):
    """Units, temperatures and powers of each recorded variant, and the words left over, are what was printed."""
    line = parse_tegrastats(text)
    assert line.units == units
    assert line.temperatures_c == temperatures_c
    assert line.powers_mw == powers_mw
    assert line.rest == rest.split()


def test_a_load_that_is_not_printed_is_not_zero():
    """`GR3D_FREQ @[1000,1000,1000]` has clocks and no load."""
    assert parse_tegrastats(lines.THOR_JP70).units["GR3D_FREQ"].load_pct is None


@pytest.mark.parametrize(
    "text",
    [
        "GR3D_FREQ",
        "GR3D_FREQ 101%",
        "GR3D_FREQ -5%",
        "GR3D_FREQ 5%@[]",
        "GR3D_FREQ 5%@[1,]",
        "GR3D_FREQ nan%",
        "GR3D_FREQ 5%@1000x",
        "GR3D_FREQ ٣%",
        "GR3D_FREQ 99999999999%",
        "cpu@nanC",
        "cpu@-300C",
        "cpu@C",
        "cpu@52,968C",
        "VDD_IN 5W/5W",
        "VDD_IN -5mW/5mW",
        "VDD_IN 5297",
    ],
)
def test_what_is_not_understood_is_kept_and_has_no_value(text):
    """An impossible or unknown form gives neither load, temperature nor power, and its words are not lost."""
    line = parse_tegrastats(text)
    assert not line.temperatures_c
    assert not line.powers_mw
    assert line.rest == text.split() or line.units == {"VDD_IN": unit(None, 5297)}


def test_an_unknown_word_does_not_shift_the_others():
    """New words between known ones leave the known ones as they are."""
    line = parse_tegrastats("NEW GR3D_FREQ 5% NPU_FREQ ?%@[x] (new thing) cpu@50C VDD_IN 1mW/1mW")
    assert line.units == {"GR3D_FREQ": unit(5)}
    assert line.temperatures_c == {"cpu": 50.0}
    assert line.powers_mw == {"VDD_IN": 1}
    assert line.rest == ["NEW", "NPU_FREQ", "?%@[x]", "(new", "thing)"]


def test_the_first_of_two_equal_names_counts():
    """A name that comes twice is not overwritten."""
    line = parse_tegrastats("cpu@50C cpu@60C NC 1mW/1mW NC 2mW/2mW GR3D_FREQ 1% GR3D_FREQ 2%")
    assert line.temperatures_c == {"cpu": 50.0}
    assert line.powers_mw == {"NC": 1}
    assert line.units == {"GR3D_FREQ": unit(1)}


WORDS = st.one_of(
    st.sampled_from([word for text, *_ in RECORDED.values() for word in text.split()]),
    st.text(alphabet="@%[],/.-C0129mWGR3D_FEQoff ", max_size=30),
    st.text(max_size=10),
)


@given(st.lists(WORDS, max_size=20).map(" ".join))
def test_no_text_raises_or_gives_an_impossible_number(text):
    """Whatever words in whatever order: loads are 0 to 100, all numbers finite, nothing is made up."""
    line = parse_tegrastats(text)
    for found in line.units.values():
        assert found is Reason.OFFLINE or found.load_pct is None or 0 <= found.load_pct <= 100
        assert found is Reason.OFFLINE or all(clock >= 0 for clock in found.clocks_mhz)
    for celsius in line.temperatures_c.values():
        assert celsius is Reason.OFFLINE or (math.isfinite(celsius) and celsius >= -273.15)
    assert all(milliwatts >= 0 for milliwatts in line.powers_mw.values())
    assert set(line.rest) <= set(text.split())


@given(text=st.sampled_from([text for text, *_ in RECORDED.values()]), length=st.integers(0, 400))
def test_a_line_cut_anywhere_gives_no_wrong_name(text, length):
    """A line that broke off names nothing that the whole one does not, but for its last word."""
    cut, whole = parse_tegrastats(text[:length].rpartition(" ")[0]), parse_tegrastats(text)
    assert cut.temperatures_c.items() <= whole.temperatures_c.items()
    assert cut.powers_mw.items() <= whole.powers_mw.items()
    assert cut.units.items() <= whole.units.items()
