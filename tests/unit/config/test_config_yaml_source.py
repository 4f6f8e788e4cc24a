import time

import pytest

from hilrig.config.document import Mark
from hilrig.config.yaml_source import read_yaml
from hilrig.core.errors import ConfigError, Problem

BROKEN_SEED_BLOCK = """\
hil_validation:
  latency:
    p99_max_ms: 45  # derived from station actuation budget
    p95_max_ms: 30
    duration_minutes: 10
    frame_rate_fps: 30 resources:
    gpu_memory_max_mb: 3072
"""


def faults(text: str | bytes) -> list[Problem]:
    data = text if isinstance(text, bytes) else text.encode()
    try:
        return read_yaml(data, file="f.yaml").problems
    except ConfigError as error:
        return list(error.problems)


def only(text: str | bytes) -> tuple[int, int, str, str]:
    (problem,) = faults(text)
    return problem.line, problem.column, problem.code, f"{problem.message} | {problem.hint}"


def test_values_and_places():
    """Values are plain, each scalar is placed at itself, each block at its key."""
    document = read_yaml(b"a:\n  b: [1, x]\n  'c d': {e: 2}\n", file="f.yaml")
    assert document.data == {"a": {"b": [1, "x"], "c d": {"e": 2}}}
    assert document.problems == []
    assert document.mark(("a", "b")) == Mark(2, 3)
    assert document.mark(("a", "b", 1)) == Mark(2, 10)
    assert document.mark(("a", "c d", "e")) == Mark(3, 14)
    assert document.keys["a", "c d"] == Mark(3, 3)
    assert document.mark(("a", "missing", "deeper")) == Mark(1, 1)


def test_quoted_scalars_are_text():
    """Quotes and block scalars make text of whatever is in them."""
    assert read_yaml(b"a: '1'\nb: \"true\"\nc: |\n  2\n", file="f").data == {"a": "1", "b": "true", "c": "2\n"}


def test_the_seeds_broken_line_is_named():
    """Two keys in one line, as in the published block, are named with the line's text at the second colon."""
    line, column, code, text = only(BROKEN_SEED_BLOCK)
    assert (line, column, code) == (6, 33, "syntax")
    assert "two keys in one line: 'frame_rate_fps: 30 resources:'" in text
    assert "a line of its own" in text


def test_a_comment_that_runs_on_is_named():
    """A comment broken into a second line is reported at that line, not where the parser gave up."""
    line, column, code, text = only("a: 45  # derived from station\nactuation budget\nb: 30\n")
    assert (line, column, code) == (2, 1, "syntax")
    assert "without ':'" in text
    assert "comment" in text


@pytest.mark.parametrize(
    ("text", "place", "code", "words"),
    [
        ("", (1, 1), "empty_file", "empty"),
        ("# only a comment\n", (1, 1), "empty_file", "empty"),
        ("- 1\n", (1, 1), "wrong_type", "found a list"),
        ("just text\n", (1, 1), "wrong_type", "found a single value"),
        ("a: 1\na: 2\n", (2, 1), "duplicate_key", "first in line 1"),
        ("a: {b: 1, b: {c: [2]}}\n", (1, 11), "duplicate_key", "'b' is given twice"),
        ("'a': 1\na: 2\n", (2, 1), "duplicate_key", "'a'"),
        ("a: &x 1\n", (1, 4), "anchor", "&x"),
        ("a: *x\n", (1, 4), "anchor", "*x"),
        ("<<: {a: 1}\n", (1, 1), "bad_key", "merge"),
        ("a: !!python/object:os.system x\n", (1, 4), "tag", "!!python/object:os.system"),
        ("a: !!str 1\n", (1, 4), "tag", "!!str"),
        ("a: ! 1\n", (1, 4), "tag", "'!'"),
        ("1: x\n", (1, 1), "bad_key", '"1"'),
        ("true: x\n", (1, 1), "bad_key", '"true"'),
        (".nan: x\n", (1, 1), "bad_key", '".nan"'),
        ("?\n: x\n", (1, 2), "bad_key", "missing before ':'"),
        ("? [a, b]\n: 1\n", (1, 3), "bad_key", "can't be a key"),
        ("a: .nan\n", (1, 4), "bad_number", "finite"),
        ("a: 1e999\n", (1, 4), "bad_number", "too large"),
        ('a: "\\ud800"\n', (1, 4), "bad_text", "surrogate"),
        ('"\\ud800": a\n', (1, 1), "bad_text", "surrogate"),
        ("a: 1\n---\nb: 2\n", (2, 1), "syntax", "second document"),
        ("a:\n\tb: 1\n", (2, 1), "syntax", "tab"),
        ("a: [1, 2\nb: 3\n", (1, 4), "syntax", "does not close"),
        ("a: 'x\nb: 3\n", (1, 4), "syntax", "quote opens here"),
        ("a: 1\n  b: 2\n", (2, 4), "syntax", "indented deeper"),
        ("a:\n  b: 1\n c: 2\n", (3, 2), "syntax", "does not fit the lines above"),
        ("a: @x\n", (1, 4), "syntax", "quotes"),
        ('a: "\\q"\n', (1, 6), "syntax", "backslash"),
        ("%YAML 2.0\n---\na: 1\n", (1, 1), "syntax", "%YAML"),
        (b"\xff\xfea\x00", (1, 1), "encoding", "UTF-16"),
        (b"\xef\xbb\xbfa: 1", (1, 1), "encoding", "byte order mark"),
        ("a: ü\nbc: ".encode() + b"\xfc", (2, 5), "encoding", "0xfc is not UTF-8"),
        (b"a: b\nc: \x00", (2, 4), "encoding", "U+0000"),
        (b"a: \x1b[2J", (1, 4), "encoding", "U+001B"),
    ],
)
def test_each_mistake_has_its_place_and_words(text: str | bytes, place: tuple[int, int], code: str, words: str):
    """Each way to misuse YAML is one problem, at the place a person must look at, in words for a person."""
    line, column, found_code, found_text = only(text)
    assert ((line, column), found_code) == (place, code)
    assert words in found_text


def test_an_escape_beyond_unicode_is_located():
    """PyYAML's crash on an escape above U+10FFFF is a located problem here."""
    problem = faults('a: 1\nb: "\\UFFFFFFFF"\n')[-1]
    assert (problem.line, problem.code) == (2, "bad_text")


def test_all_smaller_mistakes_at_once_before_a_syntax_error():
    """Mistakes found before the structure breaks are reported along with the break."""
    assert [problem.code for problem in faults("a: 1\na: 2\nb: *x\nc: [\n")] == [
        "duplicate_key",
        "anchor",
        "syntax",
    ]


def test_what_is_refused_is_passed_over_whole():
    """The value of a key given twice is skipped with all that is in it, and reading goes on behind it."""
    document = read_yaml(b"a: 1\na: {b: [1, {c: 2}]}\nd: 3\n", file="f")
    assert document.data == {"a": 1, "d": 3}


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "{a: " * 100_000,
        "- " * 300_000,
        "? " * 300_000,
        "a: 1\n" * 200_000,
        "k: [" + "a," * 400_000,
        "".join(f"k{i}: 1\n" for i in range(80_000)),
        "a: &a [*a]\n" * 50_000,
    ],
    ids=["lists", "blocks", "dashes", "question marks", "one key", "long list", "many keys", "aliases"],
)
def test_hostile_files_end_quickly(text: str):
    """A file built to exhaust the parser is refused in time that does not grow with it."""
    started = time.process_time()
    assert faults(text)
    assert time.process_time() - started < 5


def test_a_file_over_one_mebibyte_is_refused_unread():
    """Size is checked before anything else."""
    assert only(b"#" * ((1 << 20) + 1))[2] == "too_large"


def test_anything_after_the_document_end_is_refused():
    """Content behind the document's end mark does not pass unseen."""
    assert faults("a: 1\n...\nb: 2\n")
