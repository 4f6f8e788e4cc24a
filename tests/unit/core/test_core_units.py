"""hilrig.core.units: conversions, durations for people."""

import pytest

from hilrig.core import units


@pytest.mark.parametrize(
    ("s", "text"),
    [
        (0, "0 s"),
        (0.25, "250 ms"),
        (45, "45 s"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (29_100, "8 h 05 min"),
        (59.6, "1 min"),
    ],
)
def test_durations_read_as_people_say_them(s, text):
    """Two units at most, none of them zero."""
    assert units.format_duration(s) == text


def test_conversions_agree_with_each_other():
    """A millisecond is a million nanoseconds, a second a thousand of those; a MiB is 2^20 bytes."""
    assert units.ms_to_ns(1.5) == 1_500_000
    assert units.s_to_ns(1.5) == units.ms_to_ns(1500)
    assert units.bytes_to_mib(1 << 20) == 1
