import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.errors import ConfigError, PreconditionError
from hilrig.core.frame import Truth
from hilrig.feed.truth_table import read_truths

FILES = ("a.png", "b.png", "c.png")
GOOD = "file,labels\na.png,crack;spatter\nb.png,\nc.png,crack\n"


def read(tmp_path, text, files=FILES):
    path = tmp_path / "truth.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_truths(path, files)


def problems(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return [(problem.line, problem.column, problem.code) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("b.png,\n", '\n"b.png","" \n').replace('"" ', '""'),
        GOOD.replace("crack;spatter", " crack ; spatter "),
        GOOD.removesuffix("\n"),
    ],
)
def test_a_whole_table_is_read(tmp_path, text):
    """Labels are split, no label is a good part; a byte-order mark, blank lines and CRLF do not matter."""
    assert read(tmp_path, text) == {
        "a.png": Truth(labels=("crack", "spatter")),
        "b.png": Truth(labels=()),
        "c.png": Truth(labels=("crack",)),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "d.png,crack\n", [(5, 1, "unknown_file")]),
        (GOOD + "a.png,\n", [(5, 1, "duplicate")]),
        (GOOD.replace("b.png,\n", ""), [(0, 0, "unlisted")]),
        (GOOD.replace("b.png,", "b.png"), [(3, 1, "fields")]),
        (GOOD.replace("b.png,", "b.png,x,y"), [(3, 1, "fields")]),
        (GOOD.replace("crack;spatter", "crack;;spatter"), [(2, 7, "labels")]),
        (GOOD.replace("crack;spatter", "crack;crack"), [(2, 7, "labels")]),
        (GOOD.replace("file,labels", "file"), [(1, 1, "header")]),
        (GOOD.replace("file,labels", "labels,file"), [(1, 1, "header")]),
        (GOOD.replace("a.png", "../a.png"), [(2, 1, "unknown_file"), (0, 0, "unlisted")]),
        (GOOD.replace("a.png", "A.png"), [(2, 1, "unknown_file"), (0, 0, "unlisted")]),
        ("", [(1, 1, "header"), (0, 0, "unlisted"), (0, 0, "unlisted"), (0, 0, "unlisted")]),
        ('file,labels\na.png,"crack\n', [(2, 1, "syntax")]),
        (b"file,labels\na.png,\xff\n", [(0, 0, "syntax")]),
    ],
)
def test_every_mistake_is_told_with_its_place(tmp_path, text, expected):
    """Unknown, double, missing and misshapen rows are refused, all at once, each at its line."""
    assert problems(tmp_path, text) == expected


def test_a_duplicate_names_its_first_line(tmp_path):
    """The message helps to find the other row."""
    with pytest.raises(ConfigError, match=r"truth\.csv:5:1: .*'a\.png' again \(first in line 2\)"):
        read(tmp_path, GOOD + "a.png,\n")


def test_a_missing_table_is_a_precondition(tmp_path):
    """A table that is not there is told with its path and the option that names it."""
    with pytest.raises(PreconditionError, match=r"gone\.csv") as caught:
        read_truths(tmp_path / "gone.csv", FILES)
    assert "option truth" in caught.value.hint


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    """No content makes anything but an answer or a ConfigError."""
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(data)
    try:
        truths = read_truths(path, FILES)
    except ConfigError:
        return
    assert set(truths) == set(FILES)
