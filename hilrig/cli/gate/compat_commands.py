"""The commands `compat check`, `compat table`: will this model run on every device class?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, note, print_json, say, word

if TYPE_CHECKING:
    from hilrig.core.compat import CompatReport
    from hilrig.gate.ort_table import Tables

MATRIX: Final = Path("config/device_compatibility_matrix.yaml")
MEMORY_MIB: Final = 4096  # of hilrig.app.compat.smoke, which this module must not import for --help

app = typer.Typer(
    help="Check that a model can run on each device class, before it goes there.", no_args_is_help=True
)

Target = Annotated[
    Path, typer.Argument(metavar="MODEL|PROFILE", help="An .onnx file, or a profile's folder.", show_default=False)
]
Matrix = Annotated[
    Path, typer.Option("--device-matrix", metavar="FILE", help="The device classes and their versions.")
]
Classes = Annotated[
    list[str] | None,
    typer.Option("--device-class", metavar="CLASS", help="Only this class; may be given again. [default: all]"),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Where the result goes: compatibility.json.", show_default=False),
]
Rigs = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The folder of rig files. [default: $HILRIG_RIGS, or rigs]")
]
Memory = Annotated[int, typer.Option("--memory-mib", min=64, help="What a smoke run may allocate.")]


@app.command()
def check(
    target: Target,
    *,
    device_matrix: Matrix = MATRIX,
    classes: Classes = None,
    out: Out = None,
    rigs: Rigs = None,
    memory_mib: Memory = MEMORY_MIB,
    json: options.Json = False,
) -> None:
    """Check a model against every device class: by the table of versions, then by loading and running it.

    The smoke run is made on this machine for its own class, on a rig where the class names one. With a profile its
    first golden frame is compared with what the CPU here gives; a model alone is shown zeros and random numbers.

    Exit codes: 0 every class PASS, 10 a class FAILs, 11 a class could not be tried.
    """
    from hilrig.app.compat.check import CompatRequest, check_compatibility, exit_code
    from hilrig.app.rigs.files import rigs_folder
    from hilrig.core.clock import SystemClock

    chosen = tuple(classes or ())
    request = CompatRequest(
        target=target, matrix=device_matrix, classes=chosen, rigs=rigs_folder(rigs), memory_mib=memory_mib
    )
    report = check_compatibility(request, clock=SystemClock(), on_class=note)
    if out is not None:
        _write(out, report)
    _show(report, out, json=json)
    raise typer.Exit(exit_code(report, chosen))


@app.command()
def table(*, json: options.Json = False) -> None:
    """Show what releases of ONNX Runtime take and are built with: each row with how it is known."""
    from hilrig.config.noun_json import to_json
    from hilrig.gate.ort_table import shipped_tables

    tables = shipped_tables()
    if json:
        import json as json_module

        print_json(json_module.loads(to_json(tables)))
    else:
        _show_tables(tables)


def _write(out: Path, report: "CompatReport") -> None:
    from hilrig.config.noun_json import to_json
    from hilrig.core.errors import UsageError

    try:
        out.write_bytes(to_json(report) + b"\n")
    except OSError as error:
        raise UsageError(
            f"{out} cannot be written: {error.strerror}", hint="choose another file with --out"
        ) from error


def _show(report: "CompatReport", out: Path | None, *, json: bool) -> None:
    if json:
        import json as json_module

        from hilrig.config.noun_json import to_json

        print_json(json_module.loads(to_json(report)))
        return
    for finding in report.findings:
        is_blocked = finding.device_class in report.blocked
        status = "blocked" if is_blocked else finding.status.value
        say(f"{word(status, width=13)}{finding.device_class}, {finding.step.value}: {finding.sentence}")
        if finding.hint and not is_blocked:
            say(f"{'':13}next: {finding.hint}")
    if out is not None:
        next_steps(f"hilrig gate manifest PROFILE --evidence {out.parent} --out RELEASE")


def _show_tables(tables: "Tables") -> None:
    say("ONNX Runtime   opset    ml    IR   known by")
    for row in tables.onnxruntime:
        ml = row.opset_max.get("ai.onnx.ml", "")
        say(f"{row.ort:<13}{row.opset_max['']:>7}{ml:>6}{row.ir_max:>6}   {row.how.value}, {row.checked_on}")
    say()
    say("built with, or brought by")
    for stack in tables.stacks:
        whose = (
            f"JetPack {stack.jetpack}"
            if stack.jetpack
            else f"ONNX Runtime {' to '.join(dict.fromkeys(stack.ort))}"
        )
        names = {"CUDA": stack.cuda, "TensorRT": stack.tensorrt, "cuDNN": stack.cudnn, "Jetson Linux": stack.l4t}
        libraries = ", ".join(f"{name} {version}" for name, version in names.items() if version)
        say(f"{whose:<30}{libraries}; {stack.how.value}, {stack.checked_on}")
