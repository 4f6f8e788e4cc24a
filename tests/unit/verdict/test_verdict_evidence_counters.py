"""What counters and gauges, read now and then, say of a stretch of time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import Curve, make_capability, make_record
from hilrig.core.telemetry import Reason
from hilrig.verdict.attribution.evidence_counters import grown, lowest_share
from hilrig.verdict.statistics.typical import LOWER_QUARTILE, MEDIAN, SAMPLE_MAX, typical
from hilrig.verdict.telemetry.channels import Series, Telemetry


def channels(*values, step_ns=100) -> tuple[Series, ...]:
    """Return channels read every 100 ns, one for each list of values."""
    curves = [
        Curve(
            capability=make_capability("one", attributes=(("n", str(number)),)),
            points=tuple((step_ns * index, value) for index, value in enumerate(column)),
        )
        for number, column in enumerate(values)
    ]
    return Telemetry(make_record(curves=curves)).series


def at(begin_ns, end_ns):
    """Return one stretch."""
    return np.array([begin_ns]), np.array([end_ns])


def test_growth_is_that_of_the_readings_around_a_stretch():
    """From the last reading before its beginning to the first one after its end."""
    found = channels([0.0, 0.0, 0.0, 7.0, 9.0, 9.0, 9.0, 9.0])
    assert grown(found, *at(210, 290)) == [7.0]
    assert grown(found, *at(210, 310)) == [9.0]
    assert grown(found, *at(200, 300)) == [7.0]
    assert grown(found, *at(0, 200)) == [0.0]


def test_usual_growth_is_not_counted():
    """A counter that always grows says something only where it grows faster."""
    values = np.cumsum([0, 5, 5, 5, 25, 5, 5, 5]).tolist()
    assert grown(channels(values), *at(310, 390)) == [20.0]
    assert grown(channels(values), *at(410, 490)) == [0.0]


def test_a_disturbance_over_half_of_the_run_still_stands_out():
    """Usual is the lower quartile, not the median."""
    values = np.cumsum([0, 1, 1, 1, 1, 30, 30, 30, 30, 30]).tolist()
    assert grown(channels(values), *at(610, 690)) == [29.0]


def test_a_reset_is_no_negative_growth():
    """A counter that went back explains nothing, and hides nothing of another one."""
    assert grown(channels([9.0, 9.0, 0.0, 0.0], [0.0, 0.0, 3.0, 3.0]), *at(110, 190)) == [3.0]


def test_beyond_the_readings_the_nearest_ones_stand_in():
    """Too little is said there, never too much."""
    found = channels([0.0, 4.0, 4.0, 4.0, 4.0])
    assert grown(found, *at(-500, 50)) == [4.0]
    assert grown(found, *at(350, 5000)) == [0.0]


@pytest.mark.parametrize("values", [[], [1.0], [Reason.ABSENT, Reason.ABSENT], [Reason.LOST, 3.0]])
def test_a_counter_without_two_readings_says_nothing(values):
    """A missing channel is no growth and no error."""
    assert grown(channels(values), *at(0, 50)) == [0.0]


def test_the_lowest_reading_counts_as_a_share_of_the_median():
    """A dip between the ends of a stretch is seen."""
    found = channels([2.0, 2.0, 1.0, 2.0, 2.0, 2.0])
    assert lowest_share(found, *at(150, 350)) == [0.5]
    assert lowest_share(found, *at(310, 420)) == [1.0]


def test_the_fastest_of_several_clocks_counts():
    """Only when every clock falls is it sure that the target's did."""
    assert lowest_share(channels([2.0] * 5, [2.0, 1.0, 1.0, 2.0, 2.0]), *at(110, 190)) == [1.0]
    assert lowest_share(channels([4.0, 1.0, 1.0, 4.0, 4.0], [2.0] * 5), *at(110, 190)) == [0.5]


@pytest.mark.parametrize("found", [(), channels([]), channels([Reason.ABSENT])])
def test_without_readings_nothing_fell(found):
    """A machine that shows no clocks is not one with low clocks."""
    assert lowest_share(found, *at(0, 50)) == [1.0]


@given(values=st.lists(st.integers(-1000, 1000), min_size=1, max_size=200), permille=st.sampled_from([250, 500]))
def test_few_values_have_their_exact_percentile(values, permille):
    """Nearest rank, as everywhere in hilrig."""
    assert typical(np.array(values), permille) == sorted(values)[-(-len(values) * permille // 1000) - 1]


def test_many_values_are_sampled_evenly_and_out_of_step():
    """A trend is seen whole, and a pool of four frames does not stand for its first one."""
    n = 8 * SAMPLE_MAX
    assert typical(np.arange(n), LOWER_QUARTILE) == pytest.approx(n / 4, rel=0.01)
    assert typical(np.arange(n) % 4, MEDIAN) == 1
