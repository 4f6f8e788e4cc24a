"""Times in which something went on, and how much of other times they cover."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NS_PER_MS, Curve, make_capability, make_event, make_record
from hilrig.core.telemetry import Reason
from hilrig.verdict.evidence_spans import (
    Spans,
    spans_of_elapsed,
    spans_of_growth,
    spans_of_lengths,
    spans_of_service,
    spans_of_state,
)
from hilrig.verdict.telemetry.channels import Series, Telemetry

STRETCH = st.tuples(st.integers(0, 40), st.integers(0, 12))


def series(*points) -> tuple[Series, ...]:
    """Return one channel with these (t_ns, value or reason)."""
    curve = Curve(capability=make_capability("one"), points=points)
    return Telemetry(make_record(curves=[curve])).series


def as_pairs(spans: Spans) -> list[tuple[int, int]]:
    """Return begin and end of each span."""
    return list(zip(spans.begin_ns.tolist(), spans.end_ns.tolist(), strict=True))


@given(known=st.lists(STRETCH, max_size=8), asked=st.lists(STRETCH, min_size=1, max_size=5))
def test_overlap_is_what_a_tick_by_tick_count_gives(known, asked):
    """Touching, nested, equal and empty stretches included."""
    begin = np.array([start for start, _ in known], np.int64)
    spans = Spans(begin, begin + np.array([length for _, length in known], np.int64))
    covered = {tick for start, length in known for tick in range(start, start + length)}
    from_ns = np.array([start for start, _ in asked], np.int64)
    to_ns = from_ns + np.array([length for _, length in asked], np.int64)
    counted = [len(covered & set(range(start, start + length))) for start, length in asked]
    assert spans.overlap_ns(from_ns, to_ns).tolist() == counted


def test_a_reading_of_a_start_and_a_length_is_that_span():
    """Overlapping gaps are one; a reading without a value is no gap."""
    found = series((100, 50.0), (120, 60.0), (300, Reason.LOST), (400, 7.0))
    assert as_pairs(spans_of_lengths(found)) == [(100, 180), (400, 407)]


def test_a_state_can_have_held_up_to_the_neighbouring_readings():
    """Nobody looked between two readings, so a state seen once may have lasted from one to the other."""
    found = series((0, 0.0), (100, 0.0), (200, 1.0), (300, 1.0), (400, 0.0), (500, 0.0), (600, 1.0))
    assert as_pairs(spans_of_state(found)) == [(100, 400), (500, 600)]


def test_a_counter_was_at_work_between_the_readings_that_it_grew_between():
    """A reset is no growth."""
    found = series((0, 5.0), (100, 5.0), (200, 6.0), (300, 0.0), (400, 0.0))
    assert as_pairs(spans_of_growth(found)) == [(100, 200)]


def test_time_counted_at_the_end_of_an_episode_reaches_back_to_its_start():
    """An episode of 250 ns that shows at 400 began at 150, before the reading at 300."""
    found = series((0, 0.0), (100, 0.0), (200, 0.0), (300, 0.0), (400, 250.0))
    assert as_pairs(spans_of_elapsed(found)) == [(150, 400)]


@pytest.mark.parametrize("make", [spans_of_lengths, spans_of_state, spans_of_growth, spans_of_elapsed])
@pytest.mark.parametrize("points", [(), ((5, 1.0),), ((5, Reason.ABSENT),)])
def test_too_few_readings_cover_nothing_that_they_did_not_see(make, points):
    """No reading, or a single one, is no error."""
    begin, end = np.array([100]), np.array([200])
    assert make(series(*points)).overlap_ns(begin, end).tolist() == [0]


def test_services_are_active_from_start_to_stop():
    """Two names are kept apart; one that never stops is active to the end; a stop alone is nothing."""
    events = (
        make_event("co_resident", 10, name="a", state="start"),
        make_event("phase", 12, phase="measure"),
        make_event("co_resident", 20, name="b", state="start"),
        make_event("co_resident", 30, name="a", state="stop"),
        make_event("co_resident", 35, name="c", state="stop"),
    )
    spans = spans_of_service(events)
    begin, end = np.array([0, 30, 1000]), np.array([15, 40, 1000 + NS_PER_MS])
    assert list(spans) == ["a", "b"]
    assert spans["a"].overlap_ns(begin, end).tolist() == [5, 0, 0]
    assert spans["b"].overlap_ns(begin, end).tolist() == [0, 10, NS_PER_MS]
