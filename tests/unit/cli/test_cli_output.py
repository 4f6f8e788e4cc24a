"""hilrig.cli.output: errors as a technician and a CI job read them."""

import json

import pytest

from hilrig.cli import output
from hilrig.core.errors import ConfigError, PreconditionError, Problem


@pytest.fixture(autouse=True)
def plain_state(monkeypatch):
    """Start every test without --json."""
    monkeypatch.setattr(output.state, "wants_json", False)


def problem(path, **changes):
    return Problem(
        **({"file": str(path), "line": 2, "column": 3, "code": "x", "message": "no", "hint": "try"} | changes)
    )


def test_an_error_ends_with_the_next_step(capsys):
    """The message first, then what to type."""
    output.fail(PreconditionError("the key is missing", hint="hilrig keys new"))
    assert capsys.readouterr().err == "error: the key is missing\nnext: hilrig keys new\n"


def test_a_stranger_s_words_do_not_reach_the_terminal_as_commands(tmp_path, capsys):
    """A key that clears the screen or turns the line round is shown escaped, in mistakes, messages and hints."""
    path = tmp_path / "p.yaml"
    path.write_text("a: 1\nb: no\n")
    output.fail(ConfigError([problem(path, message="unknown key 'a\u202eb'", hint="\x1b[2J")]))
    output.fail(PreconditionError("no file \x1b[31mred", hint="mv \x07bell\nnext line"))
    said = capsys.readouterr().err
    assert "unknown key 'a\\u202eb'" in said
    assert "no file \\x1b[31mred" in said
    assert all(character.isprintable() or character == "\n" for character in said)
    assert said.endswith("next: mv \\x07bell\nnext line\n")


def test_a_mistake_is_shown_in_its_line(tmp_path, capsys):
    """File, line and column, the line itself, a mark under the place, the remedy."""
    path = tmp_path / "p.yaml"
    path.write_text("a: 1\nb: no\n")
    output.fail(ConfigError([problem(path)]))
    assert capsys.readouterr().err.splitlines() == [
        f"error: {path}:2:3: no",
        "  2 | b: no",
        "    |   ^",
        "  help: try",
        "1 mistake",
    ]


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path, capsys):
    """A profile cannot paint the screen of whoever reads its error."""
    path = tmp_path / "p.yaml"
    path.write_text("a: 1\nb: \x1b[2Jgone\n")
    output.fail(ConfigError([problem(path)]))
    assert "\x1b" not in capsys.readouterr().err


def test_a_mistake_without_a_place_is_named_by_its_file(tmp_path, capsys):
    """A file that cannot be read has no line to show."""
    output.fail(ConfigError([problem(tmp_path / "gone.yaml", line=0, column=0)]))
    assert f"error: {tmp_path / 'gone.yaml'}: no" in capsys.readouterr().err


def test_github_gets_an_annotation_at_the_line(tmp_path, capsys, monkeypatch):
    """In a GitHub job the mistake turns up in the diff."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    path = tmp_path / "p.yaml"
    path.write_text("a: 1\nb: no\n")
    output.fail(ConfigError([problem(path)]))
    assert f"::error file={path},line=2,col=3::no" in capsys.readouterr().err


def test_json_errors_are_one_object_on_stdout(capsys, monkeypatch):
    """A CI job that asked for JSON gets JSON, with the exit code in it."""
    monkeypatch.setattr(output.state, "wants_json", True)
    output.fail(PreconditionError("no", hint="do"))
    assert json.loads(capsys.readouterr().out) == {"error": "no", "hint": "do", "exit_code": 22}


def test_colours_do_not_move_the_columns(monkeypatch):
    """On a terminal a status word is as wide as without colours, and NO_COLOR takes them away."""
    monkeypatch.setattr(output.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = output.word("FAIL", width=13)
    assert coloured.startswith("\x1b[")
    assert "FAIL         " in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert output.word("FAIL", width=13) == "FAIL         "


def test_a_note_does_not_land_in_a_bar(capsys):
    """While a bar has the terminal it tells the notes; afterwards they go to stderr again."""
    told = []
    with output.notes_told_by(told.append):
        output.note("the run goes on")
    output.note("the end")
    assert told == ["the run goes on"]
    assert capsys.readouterr().err == "the end\n"
