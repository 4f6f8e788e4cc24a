import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.report.values import aligned, missing, moment, number, one_line, plain, quantity, since_start


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (25.9, "25.9"),
        (18_000.0, "18,000"),
        (1234.56, "1,234.6"),
        (-1.5, "-1.5"),
        (0.00042, "0.00042"),
        (0.012345, "0.01235"),
    ],
)
def test_a_number_keeps_four_digits_or_all_of_a_whole_number(value: float, text: str) -> None:
    """Whole numbers are written exactly, others to four significant digits."""
    assert number(value) == text


@given(st.floats(-1e300, 1e300))
def test_a_number_reads_back_as_nearly_itself(value: float) -> None:
    """What is printed is within the precision that is promised, whatever the magnitude."""
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=5.1e-4)


@given(st.integers(-(10**12), 10**12))
def test_equal_numbers_are_printed_alike(value: int) -> None:
    """An integer from one JSON reader and the same float from another give the same text."""
    assert number(value) == number(float(value))


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), float("-inf")])
def test_a_missing_number_says_why(value: float | None) -> None:
    """No value, no number and no finite number are printed as missing with the reason, never as a figure."""
    assert quantity(value, "ms", "ABSENT: no sensor") == "not measured: ABSENT: no sensor"


def test_a_missing_number_without_a_reason_says_that() -> None:
    """A blank reason does not lead to a blank cell."""
    assert missing(" \n") == "not measured: no reason was recorded"


def test_infinite_is_not_called_unmeasured() -> None:
    """A latency that is infinite was measured: the words must not say otherwise."""
    assert quantity(None, "ms", "infinite: 3 % of frames were lost") == "infinite: 3 % of frames were lost"


def test_units_are_written_as_people_write_them() -> None:
    """Bytes become MiB, UCUM's Cel °C and its {event} events, a pure number has no unit, a bool is a word."""
    written = [quantity(3 << 20, "By"), quantity(41.5, "Cel"), quantity(0.5, "1"), quantity(0.0, "bool")]
    assert written == ["3 MiB", "41.5 °C", "0.5", "no"]
    assert quantity(12.0, "{event}") == "12 events"


def test_times_in_a_column_keep_their_microseconds() -> None:
    """A decide stage of 50 microseconds is not rounded to zero."""
    assert [aligned(0.05, "ms"), aligned(1022.0, "ms"), aligned(903.4, "us")] == [
        "0.050 ms",
        "1,022.000 ms",
        "903 µs",
    ]


@given(st.text(st.characters(codec=None), max_size=60))
def test_plain_text_can_always_be_encoded(text: str) -> None:
    """Nothing that a hostile string holds survives that UTF-8 can't carry or a terminal would obey."""
    kept = plain(text).encode().decode()
    assert not set(kept) & {"\x00", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\ufffe"}


def test_reversed_text_cannot_disguise_a_verdict() -> None:
    """A right-to-left override in a name is dropped, so that it can't turn what follows."""
    assert plain("rig\u202ePASS\u202c") == "rigPASS"


@given(st.text(max_size=60))
def test_one_line_is_one_line(text: str) -> None:
    """However a text is broken, it comes out on one line without outer or double spaces."""
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line == " ".join(line.split())


def test_a_time_is_read_to_the_second():
    """Nobody reads microseconds of a start; a text that is no time stays as it is."""
    assert moment("2026-11-21T06:34:39.997692Z") == "2026-11-21 06:34:39 UTC"
    assert moment("") == ""
    assert moment("unknown") == "unknown"


@pytest.mark.parametrize(
    ("t_s", "n_decimals", "text"),
    [
        (0.0, 1, "0.0 s"),
        (59.94, 1, "59.9 s"),
        (59.96, 1, "1:00.0"),
        (125.0, 0, "2:05"),
        (3599.9996, 3, "1:00:00.000"),
        (22392.367, 3, "6:13:12.367"),
    ],
)
def test_a_moment_reads_as_on_the_charts(t_s, n_decimals, text):
    """Hours, minutes and seconds, rounded once, so that no minute has sixty seconds."""
    assert since_start(t_s, n_decimals) == text
