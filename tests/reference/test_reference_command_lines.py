import pytest

from reference.command_lines import (
    CommandLine,
    in_blocks,
    in_sentences,
    pages,
    refused,
    unknown_option,
    unknown_word,
)
from reference.printed_commands import printed_commands


def test_what_a_page_tells_to_type_is_taken():
    """A command line in a code block is copied as it is: the real command line knows all its words."""
    lines = [line for page in pages() for line in in_blocks(page)]
    assert len(lines) > 35
    assert [(line, reason) for line in lines if (reason := refused(line))] == []


def test_a_command_in_a_sentence_exists():
    """What a page calls a command of hilrig is one, and so are the options that it names with it."""
    lines = [line for page in pages() for line in in_sentences(page)]
    assert len(lines) > 120
    assert [(line, word) for line in lines if (word := unknown_word(line))] == []


def test_a_command_that_hilrig_prints_exists():
    """A hint, a next step or a sentence names no option that the command lacks."""
    lines = list(printed_commands())
    assert len(lines) > 300
    assert [(line, word) for line in lines if (word := unknown_option(line))] == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("run my-station --duration 10m", ""),
        ("run my-station --durations 10m", "--durations"),
        ("runs my-station", "runs"),
        ("rigs list|show|reap", ""),
        ("rigs list|shown", "rigs shown"),
        ("rigs virtual up --json | jq .name --raw", ""),
        ("gate approve <release> --role quality # --later", ""),
    ],
)
def test_a_word_that_hilrig_does_not_know_is_found(text, word):
    """Commands, options and alternatives are looked up; pipes, comments and placeholders are not."""
    assert unknown_word(CommandLine("page.md", 1, text)) == word


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("init my-station --model model.onnx", ""),
        ("init my-station", "Missing option"),
        ("keys new a b", "unexpected extra argument"),
        ("serve --port many", "valid integer"),
        ("--version", ""),
        ("nodes", "no command"),
    ],
)
def test_a_line_that_cannot_be_typed_is_refused(text, reason):
    """Missing options, words too many and values of another type are seen, though nothing is run."""
    found = refused(CommandLine("page.md", 1, text))
    assert reason in found
    assert bool(found) == bool(reason)
