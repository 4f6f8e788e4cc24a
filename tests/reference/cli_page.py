"""The page of the command line: every command with its arguments, options and exit codes."""

import re
from collections.abc import Iterator
from typing import Any

from hilrig.cli.exits import exit_codes
from hilrig.core.topics import EXIT_CODES
from reference.cli_tree import Command, commands
from reference.environment import VARIABLES

_STATED_DEFAULT = re.compile(r" ?\[default: (.+)\]")
_HEAD = """\
# The command line: every command

<!-- made by `make reference` from hilrig/cli; change it there -->

`hilrig COMMAND --help` says the same. `--json` prints one object on stdout, everything for people goes to stderr
then. A default in words is what is taken when the option is left out; `-` means that nothing is asked for.

## Exit codes

| code | meaning | what to do first |
|---|---|---|"""


def cli_page() -> str:
    """Return the page."""
    return "\n".join((_HEAD, *_exit_rows(), *_environment(), *_contents(), *_sections())) + "\n"


def _exit_rows() -> Iterator[str]:
    for code, topic in EXIT_CODES.items():
        yield f"| {int(code)} | {topic.meaning} | {topic.next_step} |"


def _environment() -> Iterator[str]:
    yield from ("", "## Environment variables", "", "| variable | what it sets |", "|---|---|")
    for name, meaning in VARIABLES.items():
        yield f"| `{name}` | {meaning} |"


def _contents() -> Iterator[str]:
    yield from ("", "## Commands", "", "| command | |", "|---|---|")
    for command in commands():
        if not command.is_group:
            anchor = f"hilrig-{command.path}".replace(" ", "-")
            yield f"| [`hilrig {command.path}`](#{anchor}) | {_cell(_paragraphs(command)[0])} |"


def _sections() -> Iterator[str]:
    for command in commands():
        if command.path:
            yield from _group(command) if command.is_group else _command(command)


def _group(command: Command) -> Iterator[str]:
    yield from ("", f"## hilrig {command.path}", "", *_paragraphs(command))


def _command(command: Command) -> Iterator[str]:
    first, *rest = _paragraphs(command)
    yield from ("", f"### hilrig {command.path}", "", first, "", "```", _usage(command), "```")
    for paragraph in rest:
        yield from ("", paragraph)
    rows = [_row(command, one) for one in command.built.params if not getattr(one, "hidden", False)]
    if rows:
        yield from ("", "| argument or option | default | meaning |", "|---|---|---|", *rows)
    codes = ", ".join(str(int(code)) for code in exit_codes(command.path))
    yield from ("", f"Exit codes: {codes}.")


def _usage(command: Command) -> str:
    return f"hilrig {command.path} {' '.join(command.built.collect_usage_pieces(command.context))}"


def _paragraphs(command: Command) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in command.built.help.split("\n\n")]


def _row(command: Command, parameter: Any) -> str:
    name = parameter.get_help_record(command.context)[0]
    meaning = _STATED_DEFAULT.sub("", parameter.help or "")
    if parameter.envvar:
        meaning += f" Environment: `{parameter.envvar}`."
    return f"| `{_cell(name)}` | {_cell(_default(parameter))} | {_cell(meaning.strip())} |"


def _default(parameter: Any) -> str:
    """Return what holds when it is left out: the help's own words first, they know what the code finds out."""
    stated = _STATED_DEFAULT.search(parameter.help or "")
    if stated:
        return stated[1]
    if parameter.required:
        return "required"
    if parameter.default is True:
        return f"`{parameter.opts[0]}`"
    return f"`{parameter.default}`" if parameter.default not in (None, False, "", ()) else "-"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
