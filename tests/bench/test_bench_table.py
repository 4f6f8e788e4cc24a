"""The table of the benchmarks: which side of a goal is good, what is written down. No figure is measured here."""

import json
import math

import pytest

from bench import cyclictest
from bench.row import Row, Sense, figure, no_figure
from bench.rows import BENCHES
from bench.table import (
    TABLE_BEGIN,
    TABLE_END,
    as_markdown,
    as_text,
    merge,
    put_table,
    read_results,
    to_json,
    write_results,
)


def a_row(*, sense=Sense.RATIO_AT_MOST, reach=1.0, stretch=0.5, name="cost per frame"):
    return Row(name=name, against="a peer", key="us", unit="us", reach=reach, stretch=stretch, sense=sense)


def rounds(*pairs):
    return [({"us": ours}, {"us": peer}) for ours, peer in pairs]


def item(one):
    return to_json(one, date="2026-01-01T00:00:00+00:00", machine="2 x a CPU")


@pytest.mark.parametrize(
    ("sense", "reach", "stretch", "ours", "grade"),
    [
        (Sense.RATIO_AT_MOST, 1.0, 0.5, 10.0, "reached"),
        (Sense.RATIO_AT_MOST, 1.0, 0.5, 5.0, "stretch"),
        (Sense.RATIO_AT_MOST, 1.0, 0.5, 10.1, "missed"),
        (Sense.RATIO_AT_MOST, 1.0, None, 0.1, "reached"),
        (Sense.RATIO_AT_LEAST, 2.0, 4.0, 20.0, "reached"),
        (Sense.RATIO_AT_LEAST, 2.0, 4.0, 40.0, "stretch"),
        (Sense.RATIO_AT_LEAST, 2.0, 4.0, 19.9, "missed"),
        (Sense.OURS_AT_MOST, 2.0, 0.3, 2.0, "reached"),
        (Sense.OURS_AT_MOST, 2.0, 0.3, 2.1, "missed"),
    ],
)
def test_the_side_of_a_goal(sense, reach, stretch, ours, grade):
    """A cost is good when it is low, a rate when it is high, a wait by itself; the peer measured 10."""
    assert figure(a_row(sense=sense, reach=reach, stretch=stretch), rounds((ours, 10.0))).grade == grade


def test_a_ratio_is_the_median_of_the_rounds_own_ratios():
    """A minute in which both sides were ten times slower moves no ratio."""
    one = figure(a_row(), rounds((1.0, 2.0), (30.0, 20.0), (2.0, 2.0)))
    assert (one.ours, one.peer, one.ratio, one.n_rounds) == (2.0, 2.0, 1.0, 3)


def test_what_was_not_measured_is_no_zero():
    """No peer on this machine: nulls in the JSON, the reason in the table."""
    told = item(no_figure(a_row(), "FileNotFoundError: cyclictest"))
    assert told["ours"] is told["peer"] is told["ratio"] is None
    assert told["grade"] == "not measured: FileNotFoundError: cyclictest"
    assert "not measured: FileNotFoundError: cyclictest" in as_text([told])


def test_a_wait_without_a_peer_is_judged_by_itself():
    """Ten minutes of the station have nobody to be compared with."""
    one = figure(a_row(sense=Sense.OURS_AT_MOST), [({"us": 0.7}, {})])
    assert (one.grade, one.peer, one.ratio) == ("reached", None, None)


def test_a_peer_that_measured_nothing_grades_nothing():
    """A ratio to zero is no ratio."""
    assert figure(a_row(), rounds((1.0, 0.0))).grade.startswith("not measured")


def test_an_endless_figure_is_missed_and_still_json():
    """More than 1 % of frames without decision: p99 is infinite, which JSON does not know."""
    told = item(figure(a_row(), rounds((math.inf, 2.0))))
    assert (told["ours"], told["grade"]) == (None, "missed")
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_results_survive_the_disk_and_a_second_run(tmp_path):
    """A row that was measured again takes its old place; a row that no longer exists goes."""
    path = tmp_path / "results.json"
    assert read_results(path) == []
    old = [item(figure(a_row(name=name), rounds((1.0, 2.0)))) for name in ("first", "second", "gone")]
    write_results(path, old)
    again = item(figure(a_row(name="second"), rounds((3.0, 2.0))))
    merged = merge(read_results(path), [again], ["first", "second", "never measured"])
    assert merged == [old[0], again]


def test_a_page_keeps_what_stands_around_its_table(tmp_path):
    """Only what is between the marks is replaced, however often."""
    page = tmp_path / "README.md"
    page.write_text(f"before\n{TABLE_BEGIN}\nold\n{TABLE_END}\nafter\n")
    told = item(figure(a_row(), rounds((1.0, 2.0))))
    for _ in range(2):
        put_table(page, as_markdown([told]))
    assert page.read_text() == f"before\n{TABLE_BEGIN}\n{as_markdown([told])}\n{TABLE_END}\nafter\n"
    assert "| cost per frame, against a peer | 1 | 2 | us | 0.5x | <= 1x | <= 0.5x | stretch |" in page.read_text()


def test_a_page_without_marks_is_left_alone(tmp_path):
    """Better no table than one in the wrong place."""
    page = tmp_path / "README.md"
    page.write_text("text")
    with pytest.raises(ValueError, match="has no"):
        put_table(page, "table")
    assert page.read_text() == "text"


def test_cyclictest_histogram():
    """Percentiles by nearest rank; wake-ups beyond the histogram are infinitely late, not left out."""
    counts = cyclictest.read_histogram(
        "# /dev/cpu_dma_latency set to 0us\n# Histogram\n000000 000000\n000012 000090\n000040 000008\n"
        "# Total: 000000098\n# Histogram Overflows: 00002\n# Thread 0:\n"
    )
    assert cyclictest.rank_us(counts, 500) == 12
    assert cyclictest.rank_us(counts, 980) == 40
    assert cyclictest.rank_us(counts, 990) == math.inf


def test_an_empty_histogram_has_no_percentile():
    """A cyclictest that was stopped at once says nothing, not zero."""
    with pytest.raises(ValueError, match="empty"):
        cyclictest.rank_us(cyclictest.read_histogram("# Histogram Overflows: 00000\n"), 990)


def test_every_row_has_its_own_name_and_a_stretch_beyond_its_goal():
    """Names are keys in results.json; a stretch goal that is easier than the goal is a slip."""
    rows = [row for bench in BENCHES for row in bench.rows]
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        if row.stretch is not None:
            assert (row.stretch > row.reach) == (row.sense is Sense.RATIO_AT_LEAST), row.name
