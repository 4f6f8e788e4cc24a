"""The smoke step: what a model did when it was run on a machine of a class."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hilrig.core.compat import CompatFinding, CompatStep, DeviceClassRow
from hilrig.core.verdict import CheckStatus
from hilrig.gate.compat import NAMES
from hilrig.gate.ort_table import starts_with
from hilrig.target.smoke_exchange import SmokeFound, SmokeOutput

TIME_SHARE_MIN_PCT: Final = 90.0
"""Of the node time, what the first provider has to take; the default of a profile's accelerator probe."""

TOLERANCE: Final = 1e-3
"""Of a score, absolute or relative, whichever is more: kernels of another class add in another order."""

_FACTS: Final = {"driver": "nvidia_driver"}
"""Names of facts of a machine that differ from those in a stack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A smoke run with the machine it was made on.

    Args:
        found: None when nothing came back; `trouble` then says why.
        trouble: a crash, a time that ran out: the model's, unless `is_ours`.
        is_ours: the machine could not try: it says nothing about the model.
        facts: of the machine, as `RigInfo.facts`.
    """

    found: SmokeFound | None
    trouble: str = ""
    is_ours: bool = False
    facts: Mapping[str, Any]


def smoke_finding(
    row: DeviceClassRow, tried: Tried, expected: Sequence[float] | None, *, where: str
) -> CompatFinding:
    """Return what a smoke run says of a model on a class.

    Args:
        row: the class.
        tried: what was tried and found.
        expected: the reference outputs for the golden input; None: there are none to compare with.
        where: the machine it was made on, in words.
    """
    if tried.found is None:
        status = CheckStatus.NOT_MEASURED if tried.is_ours else CheckStatus.FAIL
        return _finding(row, status, f"{where}: {tried.trouble}", _TRY_BY_HAND)
    found = tried.found
    differing, unknown = stack_differences(row.stack, tried.facts, found.runtime_version)
    if differing:
        hint = f"install the class's versions there, or correct the row of {row.name} in the device matrix"
        return _finding(row, CheckStatus.FAIL, f"{where}: {'; '.join(differing)}", hint)
    fault = next(_faults(row, found, expected), None)
    if fault is not None:
        return _finding(row, CheckStatus.FAIL, f"{where}: {fault}", _TRY_BY_HAND)
    if unknown:
        sentence = f"{where}: the model runs, but nobody can tell the version of {', '.join(unknown)} there"
        hint = f"leave out of the stack of {row.name} what cannot be told, or mend the machine: hilrig doctor"
        return _finding(row, CheckStatus.NOT_MEASURED, sentence, hint)
    return _finding(row, CheckStatus.PASS, f"{where}: {_passed_words(row, found, expected)}")


def stack_differences(
    stack: Mapping[str, str], facts: Mapping[str, Any], runtime_version: str
) -> tuple[list[str], list[str]]:
    """Return in words what a machine has other than the stack says, and the components that it cannot tell."""
    differing, unknown = [], []
    for component, stated in stack.items():
        found = [runtime_version] if component == "onnxruntime" else _versions(facts, component)
        if not found:
            unknown.append(NAMES[component])
        elif any(starts_with(version, stated) for version in found):
            continue
        elif any(starts_with(stated, version) for version in found):  # only the first part is known, as of JetPack
            unknown.append(NAMES[component])
        else:
            differing.append(f"{NAMES[component]} is {' and '.join(found)}, the class states {stated}")
    return differing, unknown


def not_tried(row: DeviceClassRow, why: str, hint: str) -> CompatFinding:
    """Return that nobody could try the model for a class."""
    return _finding(row, CheckStatus.NOT_MEASURED, why, hint)


_TRY_BY_HAND: Final = (
    "see whether the model runs there at all: hilrig doctor, then hilrig run with this class's profile"
)


def _finding(row: DeviceClassRow, status: CheckStatus, sentence: str, hint: str = "") -> CompatFinding:
    return CompatFinding(device_class=row.name, step=CompatStep.SMOKE, status=status, sentence=sentence, hint=hint)


def _versions(facts: Mapping[str, Any], component: str) -> list[str]:
    found = facts.get(_FACTS.get(component, component))
    if isinstance(found, Mapping):
        return sorted({str(version) for version in found.values()})
    return [found] if isinstance(found, str) and found else []


def _faults(row: DeviceClassRow, found: SmokeFound, expected: Sequence[float] | None) -> Iterator[str]:
    """Give what is wrong, the cause before its consequences."""
    missing = [name for name in row.providers if name not in found.available]
    if missing:
        there = ", ".join(found.available)
        yield f"ONNX Runtime {found.runtime_version} has no {', '.join(missing)} there, only {there}"
    if found.refused:
        yield f"ONNX Runtime {found.runtime_version} does not run the model: {found.refused}"
    if found.active[:1] != row.providers[:1]:
        came_up = ", ".join(found.active) or "nothing"
        yield f"{row.providers[0]} was asked for first, the session came up on {came_up}"
    share_pct = sum(share.time_share_pct for share in found.shares if share.provider == row.providers[0])
    if share_pct < TIME_SHARE_MIN_PCT:
        yield f"{row.providers[0]} did {share_pct:.0f} % of the work, expected {TIME_SHARE_MIN_PCT:.0f} % at least"
    if not found.outputs:
        yield "nothing was shown to the model"
    for output in found.outputs:
        yield from _output_faults(output, expected)


def _output_faults(output: SmokeOutput, expected: Sequence[float] | None) -> Iterator[str]:
    if not output.n_values:
        yield "the model gives no numbers"
    if output.n_not_finite:
        count = f"{output.n_not_finite} of {output.n_values}"
        yield f"{count} outputs for the {output.shown} input are NaN or infinite"
    elif expected is not None:
        yield from _difference(output, expected)


def _difference(output: SmokeOutput, expected: Sequence[float]) -> Iterator[str]:
    values = [value for value in output.values if value is not None]
    if len(values) != len(expected):
        yield f"the golden input gives {len(values)} outputs, {len(expected)} are expected"
        return
    tolerance = TOLERANCE * max([1.0, *(abs(value) for value in expected)])
    worst = max((abs(value - wanted) for value, wanted in zip(values, expected, strict=True)), default=0.0)
    if worst > tolerance:
        yield f"the golden input gives outputs {worst:.3g} off the reference, {tolerance:.3g} is allowed"


def _passed_words(row: DeviceClassRow, found: SmokeFound, expected: Sequence[float] | None) -> str:
    runtime = f"{row.providers[0]} with ONNX Runtime {found.runtime_version}"
    shown = " and ".join(output.shown for output in found.outputs)
    compared = "within 0.1 % of the reference" if expected is not None else "finite, compared with nothing"
    return f"runs on {runtime}; outputs for the {shown} input {compared}"
