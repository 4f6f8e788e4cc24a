"""Every command that playbooks and explanations name can be typed."""

import re

import typer

from hilrig.app.triage.explain import topics
from hilrig.app.triage.playbook_pages import pages
from hilrig.cli.main import app

COMMAND = re.compile(r"hilrig ([a-z]+)(?: ([a-z]+))?")
TEXTS = {
    **pages(),
    **{topic.name: topic.next_step for topic in topics().values()},
}
ROOT = typer.main.get_command(app)


def unknown_commands(text: str) -> list[str]:
    """Return the commands of a text that hilrig does not have."""
    return [" ".join(filter(None, found)) for found in COMMAND.findall(text) if not is_known(*found)]


def is_known(verb: str, below: str) -> bool:
    command = ROOT.commands.get(verb)
    if command is None:
        return False
    return not hasattr(command, "commands") or below in command.commands


def test_every_command_that_is_named_exists():
    """At six in the morning a command that is not there costs an hour."""
    unknown = {name: unknown_commands(text) for name, text in TEXTS.items()}
    assert {name: commands for name, commands in unknown.items() if commands} == {}


def test_the_check_can_fail():
    """An invented verb, and an invented word below a group, are both found."""
    assert unknown_commands("hilrig mend STORE; hilrig node heal") == ["mend", "node heal"]
