"""A run on the rigs that were asked for: on the first free one, or on each of them with one report."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import typer

from hilrig.cli import options
from hilrig.cli.output import note, print_json
from hilrig.cli.progress import Status
from hilrig.cli.rigs.matrix_output import matrix_json, show_matrix
from hilrig.cli.rigs.options import MAX_PARALLEL, RigChoice
from hilrig.cli.rigs.progress import rigs_progress
from hilrig.core.errors import UsageError
from hilrig.core.files import SUMMARY

if TYPE_CHECKING:
    from hilrig.app.rigs.many_rigs import RigJob
    from hilrig.app.run.request import RunRequest

_T = TypeVar("_T")
OnStatus = Callable[[Status], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RigsAsked:
    """The rigs of a command, how long to wait for a busy one, how many runs at a time (None: not said)."""

    choice: RigChoice
    wait: str | None
    max_parallel: int | None

    @property
    def wait_s(self) -> float:
        """Return how long a busy rig is waited for."""
        return 0.0 if self.wait is None else options.parse_duration(self.wait)


def run_on_one(
    request: "RunRequest",
    asked: RigsAsked,
    attempt: "Callable[[RunRequest, OnStatus], _T]",
    *,
    on_status: OnStatus,
) -> _T:
    """Return what `attempt` returns on the rig that takes the run: the only one, or the first free one."""
    from hilrig.app.rigs.many_rigs import refuse_out_of_service

    rigs = asked.choice.rigs
    if len(rigs) <= 1 and asked.wait is None:
        for rig, _ in rigs:
            refuse_out_of_service(rig)
        return attempt(_on(request, rigs[0][1] if rigs else None), on_status)
    from hilrig.app.rigs.first_free import on_first_free
    from hilrig.core.clock import SystemClock

    return on_first_free(
        _jobs(request, asked.choice),
        attempt,
        wait_s=asked.wait_s,
        clock=SystemClock(),
        on_status=on_status,
        tell=note,
    )


def run_on_all(request: "RunRequest", asked: RigsAsked, *, json: bool) -> NoReturn:
    """Do what several `--rig`, or `--all`, ask for; exits with the code of all rigs together."""
    from hilrig.app.rigs.matrix import run_matrix
    from hilrig.core.clock import SystemClock

    if request.passphrase_fd is not None:
        raise UsageError(
            "a descriptor gives the passphrase once, and every rig's run needs it", hint="--passphrase-file FILE"
        )
    with rigs_progress() as show:
        done = run_matrix(
            _jobs(request, asked.choice),
            max_parallel=asked.max_parallel or MAX_PARALLEL,
            wait_s=asked.wait_s,
            clock=SystemClock(),
            on_states=show,
        )
    append_step_summary(done.folder)
    if json:
        print_json(matrix_json(done.folder, done.matrix))
    show_matrix(done.folder, done.matrix)
    raise typer.Exit(done.matrix.exit_code)


def append_step_summary(folder: Path) -> None:
    """Put a summary where a CI system shows it, if it says where."""
    target = os.environ.get("GITHUB_STEP_SUMMARY")
    if target:
        with Path(target).open("a", encoding="utf-8") as file:
            file.write((folder / SUMMARY).read_text(encoding="utf-8"))


def refuse_for_several(**given: object) -> None:
    """Refuse options that are about one run."""
    for name, value in given.items():
        if value not in {None, False}:
            option = name.replace("_", "-")
            raise UsageError(f"--{option} is about one run: it goes with one rig", hint=f"leave --{option} out")


def _jobs(request: "RunRequest", choice: RigChoice) -> "list[RigJob]":
    from hilrig.app.rigs.many_rigs import RigJob

    if not choice.rigs:
        from hilrig.app.soak.preflight import LOCAL_RIG

        return [RigJob(rig=LOCAL_RIG, request=request)]
    return [RigJob(rig=rig, request=_on(request, path)) for rig, path in choice.rigs]


def _on(request: "RunRequest", rig_file: Path | None) -> "RunRequest":
    return replace(request, rig_file=rig_file)
