"""A model against every class of the device matrix: the table first, then a smoke run where one can be made."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from hilrig import __version__
from hilrig.app.compat.model import StagedModel, staged_model
from hilrig.app.compat.rig import try_on_rig
from hilrig.app.compat.smoke import MEMORY_MIB, try_here
from hilrig.app.folders import lease_folder
from hilrig.app.rigs.held import held_here
from hilrig.config.device_matrix import CPU_PROVIDER, load_device_matrix
from hilrig.config.key_tree import nearest
from hilrig.core.clock import Clock
from hilrig.core.compat import CompatFinding, CompatReport, DeviceClassRow, DeviceMatrix
from hilrig.core.errors import HilrigError, RigBusyError, UsageError
from hilrig.core.exits import ExitCode
from hilrig.core.verdict import CheckStatus
from hilrig.gate.compat import table_finding
from hilrig.gate.ort_table import shipped_tables
from hilrig.gate.smoke import Tried, not_tried, smoke_finding
from hilrig.record.utc import utc_text
from hilrig.rig.device_class import device_classes
from hilrig.target.model_files import refuse_changed

THIS_MACHINE = "this machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompatRequest:
    """What is to be checked.

    Args:
        target: an `.onnx` file, or a profile's folder or file.
        matrix: the device matrix.
        classes: only these; empty: all of the matrix.
        rigs: the folder of rig files.
        memory_mib: what a smoke run may allocate.
    """

    target: Path
    matrix: Path
    classes: tuple[str, ...]
    rigs: Path
    memory_mib: int = MEMORY_MIB


def check_compatibility(request: CompatRequest, *, clock: Clock, on_class: Callable[[str], None]) -> CompatReport:
    """Return what table and smoke run say of a model for each class.

    Args:
        request: what is to be checked.
        clock: for the time in the report.
        on_class: told of each class before it, in words.

    Raises:
        ConfigError: the matrix or the profile has mistakes.
        UsageError: the matrix has no such class, or there is no such model.
        PreconditionError: the model is none.
    """
    matrix = load_device_matrix(request.matrix)
    rows = _chosen(matrix, request.classes)
    findings: list[CompatFinding] = []
    with staged_model(request.target) as model:
        trial = _Trial(model, request)
        for number, row in enumerate(rows, start=1):
            on_class(f"{row.name} ({number} of {len(rows)}): {trial.plan_for(row)}")
            findings.append(table_finding(row, model.model_format, shipped_tables()))
            if not row.blocked:
                findings.append(trial.of(row))
        return CompatReport(
            hilrig_version=__version__,
            made_at_utc=utc_text(clock.triple().realtime_ns),
            bundle_sha256=model.bundle_sha256,
            model_files_sha256=model.files_sha256,
            model_format=model.model_format,
            matrix_sha256=matrix.sha256,
            classes=tuple(row.name for row in matrix.rows),
            blocked={row.name: row.blocked for row in matrix.rows if row.blocked},
            findings=tuple(findings),
        )


def exit_code(report: CompatReport, classes: Iterable[str]) -> ExitCode:
    """Return what `hilrig compat check` ends with.

    A blocked class fails only who asks for it by name: that the matrix lists it is as it should be.
    """
    asked = set(classes)
    counted = [
        one for one in report.findings if one.device_class in asked or one.device_class not in report.blocked
    ]
    if any(one.status is CheckStatus.FAIL for one in counted):
        return ExitCode.FAIL
    if not counted or any(one.status is not CheckStatus.PASS for one in counted):
        return ExitCode.INCONCLUSIVE
    return ExitCode.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reference:
    """What the golden input gives on the CPU of this machine; `values` None: nothing, and `trouble` says why."""

    values: tuple[float, ...] | None
    trouble: str = ""


class _Trial:
    """Smoke runs of one model."""

    def __init__(self, model: StagedModel, request: CompatRequest) -> None:
        self._model, self._request = model, request
        self._own = device_classes(Path("/"))
        self._reference: _Reference | None = None

    def plan_for(self, row: DeviceClassRow) -> str:
        """Return in words what is going to be done for a class."""
        if row.blocked:
            return "blocked, not tried"
        if row.rig:
            return f"a smoke run on rig {row.rig}"
        return "a smoke run here" if row.name in self._own else "table only, no machine of it"

    def of(self, row: DeviceClassRow) -> CompatFinding:
        """Return what a smoke run on a machine of this class finds; NOT_MEASURED where there is no machine."""
        if not row.rig and row.name not in self._own:
            return not_tried(
                row,
                f"no machine to try it on: this one is {' or '.join(self._own) or 'of no known class'}, and the "
                "device matrix names no rig for this class",
                f"write `rig: NAME` below {row.name} (hilrig rigs list), or run this on a machine of the class",
            )
        try:
            tried = self._tried(row)
        except HilrigError as error:
            return not_tried(row, error.message, error.hint)
        return self._judged(row, tried, f"rig {row.rig}" if row.rig else THIS_MACHINE)

    def _judged(self, row: DeviceClassRow, tried: Tried, where: str) -> CompatFinding:
        if tried.found is None:
            return smoke_finding(row, tried, None, where=where)
        refuse_changed(self._model.placed_sha256, tried.found.files_sha256)
        if self._model.golden is None:
            return smoke_finding(row, tried, None, where=where)
        reference = self._reference = self._reference or self._made_reference()
        finding = smoke_finding(row, tried, reference.values, where=where)
        if finding.status is CheckStatus.PASS and reference.values is None:
            why = f"{where}: the model runs, but there is no reference for its golden input: {reference.trouble}"
            return not_tried(
                row, why, "the reference comes from this machine's CPU: pip install 'hilrig[cpu]' here"
            )
        return finding

    def _tried(self, row: DeviceClassRow) -> Tried:
        asked = self._model.asked(row.providers, memory_mib=self._request.memory_mib)
        if row.rig:
            return try_on_rig(asked, row.name, row.rig, self._request.rigs)
        held = held_here(lease_folder())
        if held is not None:
            raise RigBusyError(
                f"this machine is in the midst of a run of {held.holder}: a smoke run would spoil it",
                hint="try again when it has ended: hilrig watch",
            )
        return try_here(asked)

    def _made_reference(self) -> _Reference:
        tried = try_here(self._model.asked((CPU_PROVIDER,), memory_mib=self._request.memory_mib))
        if tried.found is None or tried.found.refused:
            trouble = tried.trouble if tried.found is None else tried.found.refused
            return _Reference(values=None, trouble=trouble)
        values = [value for output in tried.found.outputs for value in output.values]
        finite = tuple(value for value in values if value is not None)
        if not finite or len(finite) < len(values):
            return _Reference(values=None, trouble="the CPU gives outputs that are not finite")
        return _Reference(values=finite)


def _chosen(matrix: DeviceMatrix, classes: tuple[str, ...]) -> tuple[DeviceClassRow, ...]:
    by_name = {row.name: row for row in matrix.rows}
    for name in classes:
        if name not in by_name:
            raise UsageError(f"the device matrix has no class '{name}'", hint=nearest(name, list(by_name)))
    return tuple(by_name[name] for name in dict.fromkeys(classes)) or matrix.rows
