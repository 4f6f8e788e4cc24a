"""hilrig.app.export.window: which part of a run is meant, in words and in seconds."""

from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import make_frames, make_plan, make_record
from hilrig.app.export.window import (
    AROUND_S,
    EVERYTHING,
    Span,
    Worst,
    measured_part,
    merged,
    n_frames_in,
    parse_window,
    spans_of,
)
from hilrig.core.errors import UsageError

PLAN = make_plan()  # a minute at 30 fps after a second of warm-up


def record_with(*, slow=(), dropped=()):
    """Return a minute in which some frames (of the measured part) take 40 ms and some are dropped."""
    latency_ms = np.full(PLAN.n_frames, 10.0)
    latency_ms[[PLAN.n_warmup_frames + one for one in slow]] = 40.0
    frames = make_frames(PLAN, latency_ms=latency_ms, dropped=[PLAN.n_warmup_frames + one for one in dropped])
    return make_record(PLAN, frames=frames)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("worst:20", Worst(n=20)),
        ("worst:1000", Worst(n=1000)),
        ("01:10..01:20", Span(begin_s=4200, end_s=4800)),
        ("0:00..0:00:01.5", Span(begin_s=0, end_s=1.5)),
        ("7:59:59..8:00", Span(begin_s=28799, end_s=28800)),
    ],
)
def test_a_window_is_read(text, window):
    """Times are hours:minutes[:seconds]."""
    assert parse_window(text) == window


@pytest.mark.parametrize(
    "text",
    [
        "",
        "worst",
        "worst:0",
        "worst:1001",
        "worst:-1",
        "1..2",
        "01:20..01:10",
        "1:10..1:10",
        "1:60..2:00",
        "..",
        "1:1..2:00",
    ],
)
def test_what_is_no_window_is_refused_with_an_example(text):
    """A window read wrongly would show another part of the run."""
    with pytest.raises(UsageError) as caught:
        parse_window(text)
    assert "worst:20" in caught.value.hint


@given(st.text(max_size=30))
def test_any_text_is_a_window_or_refused(text):
    """Nothing else is raised."""
    with suppress(UsageError):
        parse_window(text)


def test_a_second_around_each_of_the_worst_is_taken():
    """Frames 300 and 900 are due at 10 s and 30 s."""
    spans = spans_of(record_with(slow=[300, 900]), Worst(n=2))
    assert [(span.begin_s, span.end_s) for span in spans] == [pytest.approx((9, 11)), pytest.approx((29, 31))]


def test_neighbours_are_one_stretch():
    """Frames half a second apart: what is between them is not written twice."""
    (span,) = spans_of(record_with(slow=[300, 315]), Worst(n=2))
    assert (span.begin_s, span.end_s) == pytest.approx((9, 11.5))


def test_nothing_of_the_warm_up_is_taken():
    """The first measured frame is the worst."""
    (span,) = spans_of(record_with(slow=[0]), Worst(n=1))
    assert (span.begin_s, span.end_s) == (0, AROUND_S)


def test_dropped_frames_do_not_hide_the_slow_ones():
    """At most half of the worst are undecided, as in the report."""
    spans = spans_of(record_with(slow=[300], dropped=range(900, 960)), Worst(n=4))
    assert any(span.begin_s < 10 < span.end_s for span in spans)
    assert any(span.begin_s < 30 < span.end_s for span in spans)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), max_size=12))
def test_merged_stretches_are_apart_and_cover_the_same(pairs):
    """Every moment of a given stretch is in one of the merged ones, and no moment in two."""
    spans = [Span(begin_s=begin, end_s=begin + length) for begin, length in pairs]
    joined = merged(spans)
    assert all(one.end_s < other.begin_s for one, other in pairwise(joined))
    covered = {moment for span in joined for moment in range(int(span.begin_s), int(span.end_s))}
    assert covered == {moment for span in spans for moment in range(int(span.begin_s), int(span.end_s))}


def test_frames_are_counted():
    """The measured part, and all of it with the warm-up."""
    record = record_with()
    assert n_frames_in(record, [measured_part(record)]) == PLAN.n_measured_frames
    assert n_frames_in(record, [EVERYTHING]) == PLAN.n_frames
    assert n_frames_in(record, [Span(begin_s=100, end_s=200)]) == 0
