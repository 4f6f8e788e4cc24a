"""Command lines of hilrig in the documentation, and whether the real command line takes them."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import typer
from typer.exceptions import TyperException

from reference.cli_tree import Command, commands

ROOT = Path(__file__).parents[2]
_NOT_SHELL = {"mermaid", "python", "cpp", "c", "json", "text"}
_CALLED = re.compile(r"(?:^|[\s;&|(\"'$]|bin/)hilrig[ \t]+((?:-|[a-z])[^\n]*)")
_SPAN = re.compile(r"`(?:\.venv/bin/)?hilrig\s(?!\{)([^`]{1,200})`")
_SPLITS = {"|", "||", "&&", ";", "&", ">", ">>", "<", "2>", "2>&1", "…"}


class CommandLine(NamedTuple):
    """What stands after `hilrig` on one line of a page."""

    page: str
    line: int
    text: str

    @property
    def words(self) -> list[str]:
        """Return its words up to what the shell takes for itself: a pipe, a comment, the next command."""
        words = shlex.split(_placeholders(self.text), comments=True)
        end = next((at for at, word in enumerate(words) if word in _SPLITS), len(words))
        return words[:end]


def pages() -> list[Path]:
    """Return every page that tells people what to type."""
    folders = [ROOT / name for name in ("feeds", "profiles", "reports", "rigs", "tests/bench", "tests/gpu", ".")]
    found = {*(ROOT / "docs").rglob("*.md"), *(page for one in folders for page in one.glob("*.md"))}
    return sorted(found - {ROOT / "docs" / "reference" / "cli.md"})  # its usage lines are patterns, not commands


def in_blocks(page: Path) -> Iterator[CommandLine]:
    """Yield the lines of a page's code blocks that start hilrig: a person copies them as they are."""
    fence = None
    lines = page.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        mark = re.match(r"\s*```(\w*)", line)
        if mark:
            fence = mark[1] or "sh" if fence is None else None
        elif _is_typed(line, fence):
            whole = _continued(lines, number - 1)
            yield from (CommandLine(_name(page), number, found[1]) for found in _CALLED.finditer(whole))


def _is_typed(line: str, fence: str | None) -> bool:
    """Return whether a line is one to type: in a block for it, in a console after the prompt, or set in."""
    if fence == "console":
        return line.startswith("$ ")
    return line.startswith("    ") if fence is None else fence not in _NOT_SHELL


def in_sentences(page: Path) -> Iterator[CommandLine]:
    """Yield what a page's sentences call a command of hilrig, over a line's end too."""
    text = re.sub(r"(?ms)^\s*```.*?^\s*```$", lambda block: re.sub(r"[^\n]", "", block[0]), page.read_text())
    for found in _SPAN.finditer(text):
        yield CommandLine(_name(page), text.count("\n", 0, found.start()) + 1, " ".join(found[1].split()))


def unknown_word(line: CommandLine) -> str:
    """Return the first word of a command line that hilrig has no command or option for; empty: none."""
    path, words = _command_path(line.words)
    if _known()[path].is_group and words and not words[0].startswith("-"):
        given = [f"{path} {one}".strip() for one in words[0].split("|")]  # `rigs list|show`
        return next((one for one in given if one not in _known()), "")
    return _unknown_option(path, words)


def unknown_option(line: CommandLine) -> str:
    """Return the first option that the command of a line lacks; empty: none, or the line names no command."""
    path, words = _command_path(line.words)
    return "" if _known()[path].is_group else _unknown_option(path, words)


def _unknown_option(path: str, words: list[str]) -> str:
    options = _options(_known()[path])
    return next((word for word in words if _is_option(word) and word.partition("=")[0] not in options), "")


def refused(line: CommandLine) -> str:
    """Return why the real command line does not take a whole command line; empty: it does."""
    path, words = _command_path(line.words)
    if _known()[path].is_group:
        return "" if words in (["--help"], ["--version"]) else f"no command: {' '.join(words)}"
    return _refusal(_known()[path].built, [word for word in words if word != "--help"])


def _command_path(words: list[str]) -> tuple[str, list[str]]:
    """Return the command that the first words name, and the words after it."""
    path = ""
    while words and f"{path} {words[0]}".strip() in _known():
        path, words = f"{path} {words[0]}".strip(), words[1:]
    return path, words


@cache
def _known() -> dict[str, Command]:
    return {command.path: command for command in commands()}


def _refusal(built: Any, words: list[str]) -> str:
    try:
        built.make_context("hilrig", words)
    except typer.Exit:
        return ""  # --help, --version
    except TyperException as error:
        return str(getattr(error, "format_message", error.__str__)())
    return ""


def _options(command: Command) -> set[str]:
    options = {name for one in command.built.params for name in (*one.opts, *one.secondary_opts)}
    return {*options, "--help", "-h"}


def _is_option(word: str) -> bool:
    return bool(re.match(r"--?[a-z]", word))


def _placeholders(text: str) -> str:
    """Return the text without `<run>` and `[--optional X]`, which a shell would not take as words."""
    text = re.sub(r"<([^<>]*)>", lambda found: found[1].upper().replace(" ", "-"), text)
    return re.sub(r"\[(--[^\]]*)\]", r"\1", text).replace("...", "")


def _continued(lines: list[str], at: int) -> str:
    whole = lines[at]
    while whole.endswith("\\") and at + 1 < len(lines):
        at += 1
        whole = f"{whole[:-1]} {lines[at].strip()}"
    return whole


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))
