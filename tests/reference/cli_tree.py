"""Every command of the command line, as typer has built it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from typer import Context
from typer.main import get_command

from hilrig.cli.main import app


class Command(NamedTuple):
    """A command or a group of commands, by its words after `hilrig`."""

    path: str
    built: Any

    @property
    def is_group(self) -> bool:
        """Return whether it only holds other commands."""
        return hasattr(self.built, "commands")

    @property
    def context(self) -> Context:
        """Return the context that its help is rendered in."""
        return Context(self.built, info_name=f"hilrig {self.path}".strip())


def commands() -> Iterator[Command]:
    """Yield hilrig itself, then every group and command that is not hidden, as its help lists them."""
    yield from _below(Command("", get_command(app)))


def _below(command: Command) -> Iterator[Command]:
    yield command
    if command.is_group:
        for name, built in command.built.commands.items():
            if not built.hidden:
                yield from _below(Command(f"{command.path} {name}".strip(), built))
