import json
import math
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_jtop import ORIN
from hilrig.core.telemetry import Reason
from hilrig.sampler.jetson.jtop_line import GPU_HZ, GPU_LOAD, MEMORY_HZ, values_of
from hilrig.sampler.line_sampler import RefusedError
from hilrig.sampler.source import CONTENT_ERRORS

SNAPSHOT = {name: ORIN[name] for name in ("gpu", "temperature", "power")} | {"emc": ORIN["memory"]["EMC"]}


def parsed(**parts):
    return values_of(json.dumps(SNAPSHOT | parts).encode())


def gpu(*, load="absent", freq=None, power_control="auto", kind="integrated"):
    status = {} if load == "absent" else {"load": load}
    return {"gpu": {"type": kind, "status": status, "freq": freq or {}, "power_control": power_control}}


RUNNING = {"cur": 621000}


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (gpu(load=63.4, freq=RUNNING), 0.634),
        (gpu(load=63.4), 0.634),
        (gpu(load=100.0, power_control="nvml", freq={"cur": 1098}), 1.0),
        (gpu(load=0.0, freq=RUNNING), 0.0),
        (gpu(load=0, freq=RUNNING), 0.0),
        (gpu(load=0.0, freq={"cur": 0}), Reason.OFFLINE),
        (gpu(load=0.0), Reason.ERROR),
        (gpu(load=0.0, freq={"cur": "?"}), Reason.ERROR),
        (gpu(load=0.0, power_control="nvml", freq={"cur": 0}), Reason.ERROR),
        (gpu(load=0.0, power_control="nvml", freq={"cur": 1098000, "GPC": [1098000]}), Reason.ERROR),
        (gpu(freq=RUNNING), Reason.NOT_SUPPORTED),
        (gpu(load=None, freq=RUNNING), Reason.ERROR),
        (gpu(load=-1, freq=RUNNING), Reason.ERROR),
        (gpu(load=100.1, freq=RUNNING), Reason.ERROR),
        (gpu(load=True, freq=RUNNING), Reason.ERROR),
        (gpu(load="63", freq=RUNNING), Reason.ERROR),
        (gpu(load=50.0, freq=RUNNING, kind="discrete"), Reason.NOT_SUPPORTED),
        ({}, Reason.NOT_SUPPORTED),
        (None, Reason.NOT_SUPPORTED),
    ],
)
def test_a_load_of_zero_needs_a_running_clock_from_the_kernel(device, expected):
    """Jtop replaces a failed NVML call by 0: such a 0 is no reading, nor is any impossible load."""
    assert parsed(gpu=device)[GPU_LOAD] == expected


@pytest.mark.parametrize(
    ("freq", "power_control", "expected"),
    [
        ({"cur": 621000}, "auto", 621e6),
        ({"cur": 621000, "GPC": [1300000, 1200000]}, "auto", 1.2e9),
        ({"cur": 621000, "GPC": [1300000, 0]}, "auto", 1.3e9),
        ({"cur": 621000, "GPC": []}, "auto", 621e6),
        ({"GPC": [0, 0]}, "auto", Reason.OFFLINE),
        ({"cur": 0}, "auto", Reason.OFFLINE),
        ({}, "auto", Reason.NOT_SUPPORTED),
        ({"cur": 1098}, "nvml", Reason.NOT_SUPPORTED),
        ({"cur": 1098, "GPC": [1098000]}, "nvml", 1.098e9),
        ({"cur": 1098, "GPC": [0]}, "nvml", Reason.ERROR),
        ({"cur": -5}, "auto", Reason.ERROR),
        ({"cur": 6.5}, "auto", Reason.ERROR),
        ({"cur": 1 << 50}, "auto", Reason.ERROR),
        ({"GPC": "1300000"}, "auto", Reason.ERROR),
        ({"GPC": [None]}, "auto", Reason.ERROR),
    ],
)
def test_a_clock_is_in_hz_or_a_reason(freq, power_control, expected):
    """Of several clusters the slowest that runs; NVML's clock in MHz between kHz, and its 0, are not believed."""
    assert parsed(gpu=gpu(load=50.0, freq=freq, power_control=power_control))[GPU_HZ] == expected


@pytest.mark.parametrize(
    ("emc", "expected"),
    [
        ({"cur": 2133000}, 2.133e9),
        ({}, Reason.NOT_SUPPORTED),
        (None, Reason.NOT_SUPPORTED),
        ({"cur": 1}, Reason.NOT_SUPPORTED),
        ({"cur": 0}, Reason.ERROR),
        ({"cur": [2]}, Reason.ERROR),
    ],
)
def test_a_memory_clock_that_nobody_offers_is_not_one_kilohertz(emc, expected):
    """Jtop starts from 1 kHz before it looks for a source."""
    assert parsed(emc=emc)[MEMORY_HZ] == expected


@pytest.mark.parametrize(
    ("sensor", "expected"),
    [
        ({"temp": 50.5, "online": True}, 50.5),
        ({"temp": -256, "online": False}, Reason.OFFLINE),
        ({"temp": -256}, Reason.OFFLINE),
        ({"temp": 50.5, "online": False}, Reason.OFFLINE),
        ({"temp": -300.0, "online": True}, Reason.ERROR),
        ({"temp": None, "online": True}, Reason.ERROR),
        ({}, Reason.ERROR),
        (7, Reason.ERROR),
    ],
)
def test_a_temperature_is_a_value_or_a_reason(sensor, expected):
    """-256 and `online` False are a sensor without power."""
    (value,) = [value for channel, value in parsed(temperature={"cpu": sensor}).items() if channel.unit == "Cel"]
    assert value == expected


def test_a_total_without_a_name_is_no_rail():
    """A sum that jtop made over rails, some of which feed others, is not offered; a rail that carries all is."""
    rails = {"VDD_SOC": {"power": 1000}}
    watts = {c.key: v for c, v in parsed(power={"rail": rails, "tot": {"power": 1000}}).items() if c.unit == "W"}
    assert watts == {"hw.power{hw.id=VDD_SOC}": 1.0}


def test_a_refusal_carries_its_reason_and_advice():
    """What the process says of itself is passed on."""
    with pytest.raises(RefusedError) as caught:
        values_of(b'{"refused": {"reason": "NO_PERMISSION", "detail": "join the group"}}')
    assert caught.value.fault == (Reason.NO_PERMISSION, "join the group")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"7",
        b"{}",
        b'{"other": 1}',
        b'{"gpu": NaN}',
        b'{"gpu": Infinity}',
        b'{"gpu": {}',
        b"\xff",
        b'{"refused": {"reason": "NEW", "detail": ""}}',
        b'{"refused": 7}',
        b"[" * 16000,
    ],
)
def test_a_line_that_is_not_ours_is_an_error(data):
    """It raises what the sampler takes for wrong content, and nothing else."""
    with pytest.raises(CONTENT_ERRORS):
        values_of(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def paths(document, here=()):
    yield here
    if isinstance(document, dict):
        for name, inner in document.items():
            yield from paths(inner, (*here, name))


@given(path=st.sampled_from(sorted(paths(SNAPSHOT))), put=JSON)
def test_anything_in_the_place_of_anything_gives_no_impossible_number(path, put):
    """One part of a real snapshot replaced by any JSON: a finite value or a reason for each, or a wrong line."""
    document = {"snapshot": deepcopy(SNAPSHOT)}
    *above, last = ("snapshot", *path)
    place = document
    for name in above:
        place = place[name]
    place[last] = put
    try:
        values = values_of(json.dumps(document["snapshot"]).encode())
    except CONTENT_ERRORS:
        return
    for channel, value in values.items():
        if isinstance(value, Reason):
            continue
        assert math.isfinite(value)
        assert channel.unit != "1" or 0 <= value <= 1
        assert channel.unit != "Hz" or value > 0
        assert channel.unit != "Cel" or value >= -273.15
    assert len({channel.key for channel in values}) == len(values)
