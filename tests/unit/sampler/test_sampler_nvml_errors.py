from pathlib import Path

from hilrig.core.telemetry import Reason
from hilrig.sampler.nvml.sampler import NvmlSampler
from nvml_scripts import NOT_SUPPORTED, PID, OpenedNvml, add_discrete, discrete, opened

XIDS = "hw.errors{hw.id=gpu0,error.type=xid}"
LAST = "hilrig.hw.gpu.xid{hw.id=gpu0}"
ECC = "hw.errors{hw.id=gpu0,error.type=ecc_uncorrected}"


def read(nvml, t_s):
    nvml.go(t_s)
    readings = nvml.read()
    return readings[XIDS], readings[LAST]


def test_every_xid_counts_and_the_last_one_is_named():
    """Events that came between two readings are all counted; without a new one both stay."""
    script = discrete().xid(1.0, 31).xid(1.1, 31).xid(3.0, 79)
    with opened(script) as nvml:
        assert read(nvml, 0.9) == (0, 0)
        assert read(nvml, 2.0) == (2, 31)
        assert read(nvml, 2.5) == (2, 31)
        assert read(nvml, 3.0) == (3, 79)


def test_an_xid_of_another_card_is_not_ours():
    """Each device counts its own events."""
    script = add_discrete(discrete(), "second", who=f"pid {PID}").xid(1.0, 79)
    with opened(script) as nvml:
        assert read(nvml, 2.0) == (0, 0)
        assert nvml.read()["hw.errors{hw.id=gpu1,error.type=xid}"] == 1


def test_a_driver_without_events_has_no_count():
    """Where events can't be registered, no event is no evidence."""
    with opened(discrete().fail("nvmlDeviceRegisterEvents", NOT_SUPPORTED)) as nvml:
        assert read(nvml, 1.0) == (Reason.NOT_SUPPORTED, Reason.NOT_SUPPORTED)
        assert "nvmlDeviceRegisterEvents" in nvml.detail(XIDS)


def test_a_storm_of_events_is_taken_over_several_readings():
    """No event of a storm is lost, and no reading is held up for all of them."""
    script = discrete()
    for number in range(60):
        script.xid(1.0 + number / 100, 13)
    with opened(script) as nvml:
        assert read(nvml, 2.0)[0] == 50
        assert read(nvml, 2.1)[0] == 60


def test_uncorrected_memory_errors_are_counted():
    """The driver's own counter, since it was loaded."""
    with opened(discrete().set("ecc_uncorrected", (1.0, 2))) as nvml:
        assert nvml.read()[ECC] == 0.0
        nvml.go(1.5)
        assert nvml.read()[ECC] == 2.0


def test_two_samplers_count_for_themselves():
    """A queue of events is a sampler's own: one that looks does not take them from another."""
    with opened(discrete().xid(1.0, 79)) as first:
        second = NvmlSampler(Path("/"), PID)
        other = OpenedNvml(second, first.clock, first.library)
        assert read(first, 2.0) == (1, 79)
        assert read(other, 2.0) == (1, 79)
        second.close()
