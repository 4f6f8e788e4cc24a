import pytest

from hilrig.core.telemetry import Reason, Tier
from nvml_scripts import NOT_SUPPORTED, discrete, opened

KEY = "hw.gpu.utilization{hw.id=gpu0}"


def card(*points, period_ms=100):
    """Return a card with this load, and a driver that samples it at this period."""
    script = discrete()
    script.lines = [line for line in script.lines if "utilization_pct" not in line and "sample_period" not in line]
    return script.set("sample_period_ms", (0, period_ms)).set("utilization_pct", *points)


def load(nvml, t_s):
    nvml.go(t_s)
    return nvml.read(Tier.FAST)[KEY]


def test_all_samples_since_the_last_reading_count():
    """A reading is the mean of the driver's own samples: a burst between two readings is in it."""
    with opened(card((0, 10), (0.35, 90), (0.45, 10))) as nvml:
        assert load(nvml, 0.3) == pytest.approx(0.10)
        assert load(nvml, 0.6) == pytest.approx((0.90 + 0.10 + 0.10) / 3)
        assert load(nvml, 0.7) == pytest.approx(0.10)


def test_the_first_reading_is_about_now():
    """The ring remembers many seconds from before the run: only its last second is the load of now."""
    with opened(card((0, 100), (8.0, 20)), at_s=9.5) as nvml:
        assert nvml.read()[KEY] == 0.2


def test_without_a_new_sample_the_last_one_holds_for_a_second():
    """A driver that samples less often than it is asked repeats itself, but not for longer than its window."""
    with opened(card((0, 50), period_ms=1500)) as nvml:
        assert load(nvml, 0.9) == 0.5
        assert load(nvml, 1.0) is Reason.STALE
        assert load(nvml, 1.5) == 0.5
        assert load(nvml, 2.4) == 0.5
        assert load(nvml, 2.5) is Reason.STALE


def test_a_ring_that_stops_goes_stale():
    """When samples cease in the middle of a run, the load is unknown from a second later on."""
    with opened(card((0, 50)).fail("nvmlDeviceGetSamples", 6, from_s=2.0)) as nvml:
        assert load(nvml, 1.9) == 0.5
        assert load(nvml, 2.8) == 0.5
        assert load(nvml, 2.9) is Reason.STALE


def test_without_a_ring_the_rate_is_taken():
    """A driver without the ring still tells the load of its last window, and the channel says which it is."""
    with opened(card((0, 50), (1.0, 70)).fail("nvmlDeviceGetSamples", NOT_SUPPORTED)) as nvml:
        assert nvml.source(KEY) == "nvml nvmlDeviceGetUtilizationRates"
        assert load(nvml, 0.5) == 0.5
        assert load(nvml, 1.0) == 0.7


@pytest.mark.parametrize("status", [0, NOT_SUPPORTED], ids=["ring", "rate"])
def test_more_than_all_is_an_error(status):
    """A load over 100 % is no load."""
    script = card((0, 50), (1.0, 101))
    if status:
        script.fail("nvmlDeviceGetSamples", status)
    with opened(script) as nvml:
        assert load(nvml, 0.9) == 0.5
        assert load(nvml, 1.5) is Reason.ERROR


def test_an_idle_card_is_zero_and_not_missing():
    """A load of 0 is a number."""
    with opened(card((0, 0))) as nvml:
        assert load(nvml, 1.0) == 0.0
