"""The command `explain`: what a code, a check, a cause or an exit code means."""

from typing import Annotated

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, print_json, say
from hilrig.core.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(name="explain")(explain)


def explain(
    word: Annotated[
        str | None,
        typer.Argument(
            metavar="WORD",
            help="An error code, exit code, check, self-check, cause or playbook: HR-305, 33, p99.",
            show_default=False,
        ),
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--list", help="List every word that can be explained.")] = False,
    json: options.Json = False,
) -> None:
    """Say what a word that hilrig prints means, who owns it, and what to do next."""
    from dataclasses import asdict

    from hilrig.app.triage import explain as known

    if everything:
        found = known.topics().values()
        if json:
            print_json({"topics": [asdict(topic) for topic in found]})
            return
        for topic in found:
            say(f"{topic.name:<36} {topic.kind}")
        return
    if word is None:
        raise UsageError("explain what?", hint="hilrig explain HR-305, or hilrig explain --list")
    topic = known.explain(word)
    if json:
        print_json(asdict(topic))
        return
    say(f"{topic.name} ({topic.kind})")
    say(f"means    {topic.meaning}")
    say(f"owner    {topic.owner}")
    say(f"section  docs/{topic.section}")
    next_steps(topic.next_step)
