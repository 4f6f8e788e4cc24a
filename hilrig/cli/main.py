"""The command line: its commands, what every one of them does with an error."""

import sys
from typing import Annotated, NoReturn

import typer

from hilrig import __version__
from hilrig.cli import (
    baseline_commands,
    compare_command,
    evidence_commands,
    explain_command,
    export_command,
    key_commands,
    list_command,
    powerloss_command,
    profile_commands,
    report_command,
    run_commands,
    serve_command,
    stop_command,
    triage_command,
    watch_command,
)
from hilrig.cli.exits import show_exit_codes
from hilrig.cli.gate import commands as gate_commands
from hilrig.cli.gate import compat_commands, golden_commands, trust_commands
from hilrig.cli.metavars import name_values
from hilrig.cli.node import commands as node_commands
from hilrig.cli.output import fail, state
from hilrig.cli.rigs import commands as rigs_commands
from hilrig.core.errors import HilrigError, of_system
from hilrig.core.exits import ExitCode

app = typer.Typer(
    name="hilrig",
    help="Decide whether an edge AI model may go to a factory line.\n\n"
    "Exit codes: 0 PASS or done, 2 usage or configuration, 10 FAIL, 11 INCONCLUSIVE, 12 aborted, 20 rig busy, "
    "21 rig lost, 22 precondition not met, 30 signature or trust invalid, 31 not passed by the gate, 32 expired, "
    "33 wrong class or stack, 34 approval missing, 40 store unsafe.",
    epilog="First steps: hilrig demo, then hilrig init DIR --model MODEL.onnx, hilrig check DIR, hilrig run DIR.",
    no_args_is_help=True,
    rich_markup_mode=None,  # boxes and colours make CI logs unreadable
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
run_commands.register(app)
profile_commands.register(app)
evidence_commands.register(app)
report_command.register(app)
export_command.register(app)
compare_command.register(app)
list_command.register(app)
watch_command.register(app)
stop_command.register(app)
serve_command.register(app)
powerloss_command.register(app)
explain_command.register(app)
triage_command.register(app)
app.add_typer(key_commands.app, name="keys")
app.add_typer(trust_commands.app, name="trust")
app.add_typer(rigs_commands.app, name="rigs")
app.add_typer(node_commands.app, name="node")
app.add_typer(compat_commands.app, name="compat")
app.add_typer(golden_commands.app, name="golden")
app.add_typer(gate_commands.app, name="gate")
app.add_typer(baseline_commands.app, name="baseline")
show_exit_codes(app)
name_values(app)


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer's form of a callback
    if value:
        typer.echo(f"hilrig {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of hilrig itself."""


def main() -> None:
    """Run the command line; the only place where an error becomes an exit code."""
    state.wants_json = "--json" in sys.argv[1:]
    try:
        app()
    except HilrigError as error:
        _end_with(error)
    except BrokenPipeError:
        sys.exit(ExitCode.OK)  # the reader of our output has had enough
    except OSError as error:
        _end_with(of_system(error))


def _end_with(error: HilrigError) -> NoReturn:
    fail(error)
    sys.exit(error.exit_code)
