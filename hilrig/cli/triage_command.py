"""The command `triage`: a troubleshooting playbook, done step by step on a run, a store or a service."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, print_json, say, word
from hilrig.core.exits import ExitCode

if TYPE_CHECKING:
    from hilrig.core.playbook import StepResult, Triage


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(name="triage")(triage)


def triage(
    subjects: Annotated[
        list[str],
        typer.Argument(
            metavar="SUBJECT...",
            help="A run directory, the folder of a model store, the URL of a service; one of each kind at most.",
            show_default=False,
        ),
    ],
    *,
    playbook: Annotated[
        str | None,
        typer.Option(metavar="ID", help="This playbook; otherwise the one that fits.", show_default=False),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", help="Lines of the node's log, as JSON.", show_default=False),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle", metavar="FILE", help="A golden diagnostic bundle, to be run here.", show_default=False
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Find out what is wrong: go through a playbook's steps, rank the causes, name owner and mitigation.

    Exit codes: 0 a candidate was found, 11 none, 22 a subject cannot be read.
    """
    from hilrig.app.triage.triage import triage as look

    found = look(subjects, playbook_id=playbook, log=log, bundle=bundle)
    if json:
        _print_document(found)
    else:
        _show(found)
    if not found.candidates:
        raise typer.Exit(ExitCode.INCONCLUSIVE)


def _print_document(found: "Triage") -> None:
    from json import loads

    from hilrig.config.noun_json import to_json

    print_json(loads(to_json(found)))


def _show(found: "Triage") -> None:
    say(f"playbook    {found.playbook_id}, because: {found.chosen_because}")
    say(f"do now      {found.mitigation}")
    for number, step in enumerate(found.steps, 1):
        _show_step(number, step)
    say()
    for candidate in found.candidates:
        cause = candidate.cause
        share = f"{len(candidate.found)} of {len(cause.signals)} signals"
        say(f"candidate   {cause.title} ({cause.cause_id}): {share}; owner {cause.owner}")
    if found.candidates:
        next_steps(found.candidates[0].cause.resolution, f"docs/playbooks/{found.playbook_id}.md")
    else:
        say("no cause has a confirming signal")
        next_steps(*[f"{one.title}: {one.collect}" for one in found.steps if one.collect])


def _show_step(number: int, step: "StepResult") -> None:
    say()
    say(f"{number} {word(step.status.value, width=8)} {step.title}: {step.sentence}")
    for line in step.evidence:
        say(f"           {line}")
    if step.collect:
        say(f"           collect: {step.collect}")
