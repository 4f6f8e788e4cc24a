"""The tables of what ONNX Runtime takes: complete, sourced, and looked up without guessing."""

from datetime import date

import onnxruntime
import pytest

from hilrig.gate.ort_table import How, nearest_rows, ort_row, parts, shipped_tables, stack_rows_of, starts_with

TABLES = shipped_tables()


def test_every_row_says_where_it_is_from_and_when_it_was_checked():
    """A number without a source is a guess."""
    for row in (*TABLES.onnxruntime, *TABLES.stacks):
        assert row.source
        assert date.fromisoformat(row.checked_on)


def test_the_measured_rows_are_those_of_the_notes():
    """The facts that the table was made from, release by release."""
    measured = {
        row.ort: (row.opset_max[""], row.ir_max, row.opset_max["ai.onnx.ml"]) for row in TABLES.onnxruntime
    }
    assert measured["1.15.1"] == (18, 9, 3)
    assert measured["1.16.3"] == (19, 9, 3)
    assert measured["1.17.3"] == (20, 9, 4)
    assert measured["1.18.1"] == measured["1.19.2"] == measured["1.20.1"] == (21, 10, 5)
    assert measured["1.21.1"] == measured["1.22.1"] == (22, 10, 5)
    assert measured["1.23.2"] == (23, 11, 5)
    assert measured["1.24.4"] == (25, 13, 5)
    assert measured["1.25.1"] == measured["1.31.1"] == (26, 13, 5)


def test_no_release_has_two_rows():
    """One release, one row: else the order of the file would decide."""
    names = [row.ort for row in TABLES.onnxruntime]
    assert len(set(names)) == len(names)


def test_the_runtime_of_this_environment_has_a_measured_row():
    """What the lock file installs must be known, or no class of this machine could ever pass."""
    row = ort_row(TABLES.onnxruntime, onnxruntime.__version__)
    assert row is not None
    assert row.how is How.MEASURED


def test_a_release_is_found_by_itself_before_its_line():
    """1.17.3 was measured; of 1.17.2 only what the documentation says of the line 1.17 is known."""
    own, line = (ort_row(TABLES.onnxruntime, release) for release in ("1.17.3", "1.17.2"))
    assert own is not None
    assert line is not None
    assert (own.ort, own.how) == ("1.17.3", How.MEASURED)
    assert (line.ort, line.how) == ("1.17", How.DOC)


@pytest.mark.parametrize("release", ["1.15.0", "1.14.1", "1.32.0", "2.0.0", "1.31.9", "1.3.1", "17.3"])
def test_a_release_that_nobody_looked_at_has_no_row(release):
    """Not even one whose neighbours are known."""
    assert ort_row(TABLES.onnxruntime, release) is None


def test_the_nearest_rows_of_an_unknown_release_are_named():
    """1.32.0 is nearest to the newest three."""
    assert [row.ort for row in nearest_rows(TABLES.onnxruntime, "1.32.0")][-1] == "1.31.1"
    assert "1.15.1" in [row.ort for row in nearest_rows(TABLES.onnxruntime, "1.14.0")]


@pytest.mark.parametrize(
    ("version", "stated", "agrees"),
    [
        ("12.2.140", "12.2", True),
        ("12.20", "12.2", False),
        ("8.6.2.3-1+cuda12.2", "8.6", True),
        ("6.0+b106", "6.0", True),
        ("8.6", "8.6.1", False),
        ("", "12", False),
        ("12", "", False),
        ("1.17.3", "1.17.3", True),
    ],
)
def test_a_version_agrees_as_far_as_the_stated_one_goes(version, stated, agrees):
    """Part by part as numbers, never as text."""
    assert starts_with(version, stated) is agrees


def test_parts_end_where_the_numbers_end():
    """Packages write more behind their version."""
    assert parts("8.9.4.25-1+cuda12.2") == (8, 9, 4, 25)
    assert parts("36.4.3-20250107") == (36, 4, 3)
    assert parts("abc") == ()


@pytest.mark.parametrize(
    ("release", "cudas"),
    [
        ("1.17.3", {"11", "12"}),
        ("1.18.0", {"11", "12"}),
        ("1.26.0", {"12"}),
        ("1.31.1", {"13"}),
        ("1.40.0", set()),
    ],
)
def test_a_range_of_releases_holds_both_of_its_ends_and_no_other(release, cudas):
    """CUDA 13 begins with ONNX Runtime 1.27."""
    found = {row.cuda.partition(".")[0] for row in stack_rows_of(TABLES.stacks, release)}
    assert found == cudas
