"""The table step: a model's versions held against what a class is known to take.

What is known is of the class's runtime and of its libraries.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hilrig.core.compat import CompatFinding, CompatStep, DeviceClassRow, ModelFormat
from hilrig.core.verdict import CheckStatus
from hilrig.gate.ort_table import (
    OrtRow,
    StackRow,
    Tables,
    nearest_rows,
    ort_row,
    parts,
    stack_rows_of,
    starts_with,
)

OPSET_MIN: Final = 7
"""ONNX Runtime promises operator sets from ONNX 1.2 on. Source: its documentation, "ONNX opset support"."""

LIBRARIES: Final = ("cuda", "tensorrt", "cudnn")
NAMES: Final = {
    "cuda": "CUDA",
    "tensorrt": "TensorRT",
    "cudnn": "cuDNN",
    "l4t": "Jetson Linux",
    "jetpack": "JetPack",
    "onnxruntime": "ONNX Runtime",
    "driver": "driver",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    sentence: str
    hint: str


def table_finding(row: DeviceClassRow, model: ModelFormat, tables: Tables) -> CompatFinding:
    """Return what the tables say of a model on a class; a version that they do not know is not compatible."""
    if row.blocked:
        return _finding(row, CheckStatus.FAIL, f"no model may go to this class: {row.blocked}", _UNBLOCK)
    release = row.stack["onnxruntime"]
    known = ort_row(tables.onnxruntime, release)
    faults = [
        *(_format_faults(model, release, known) if known else [_unknown_release(release, tables)]),
        *_jetpack_faults(row, tables.stacks),
        *_library_faults(row, tables.stacks),
    ]
    if faults:
        newer = [_newer(model, tables.onnxruntime)] if known and _is_too_new(model, known) else []
        sentence = "; ".join(fault.sentence for fault in faults)
        hint = "; ".join(dict.fromkeys([*(fault.hint for fault in faults), *newer]))
        return _finding(row, CheckStatus.FAIL, sentence, hint)
    limits = (
        "" if known is None else f"at most opset {known.opset_max['']} and IR {known.ir_max}, {known.how.value}"
    )
    return _finding(row, CheckStatus.PASS, f"{format_words(model)}; ONNX Runtime {release} takes {limits}")


def format_words(model: ModelFormat) -> str:
    """Return what a model asks for, in words: `opset 17, IR 9`."""
    opsets = [f"opset {version}" + (f" of {domain}" if domain else "") for domain, version in model.opsets.items()]
    return ", ".join([*opsets, f"IR {model.ir_version}"])


_UNBLOCK: Final = "leave this class out of the release; `blocked` in the device matrix says why"


def _finding(row: DeviceClassRow, status: CheckStatus, sentence: str, hint: str = "") -> CompatFinding:
    return CompatFinding(device_class=row.name, step=CompatStep.TABLE, status=status, sentence=sentence, hint=hint)


def _unknown_release(release: str, tables: Tables) -> _Fault:
    near = ", ".join(row.words for row in nearest_rows(tables.onnxruntime, release))
    return _Fault(
        sentence=f"nobody has measured what ONNX Runtime {release} takes; the nearest known are {near}",
        hint=f"use one of these, or measure it: python scripts/measure_onnxruntime.py {release}",
    )


def _format_faults(model: ModelFormat, release: str, known: OrtRow) -> Iterator[_Fault]:
    for domain, version in model.opsets.items():
        name, newest = domain or "ai.onnx", known.opset_max.get(domain)
        if newest is None:
            yield _unknown_domain(domain, release)
        elif version > newest:
            yield _Fault(
                sentence=f"it needs opset {version} of {name}, ONNX Runtime {release} takes {newest} at most",
                hint=_older_opset(domain, newest),
            )
        elif not domain and version < OPSET_MIN:
            yield _Fault(
                sentence=f"it has opset {version}, ONNX Runtime takes {OPSET_MIN} and newer",
                hint=f"onnx.version_converter.convert_version(model, {newest})",
            )
    if model.ir_version > known.ir_max:
        yield _Fault(
            sentence=f"it has IR {model.ir_version}, ONNX Runtime {release} takes {known.ir_max} at most",
            hint=f"onnx.helper.make_model(..., ir_version={known.ir_max}), or model.ir_version = {known.ir_max} "
            "and save it again",
        )


def _unknown_domain(domain: str, release: str) -> _Fault:
    return _Fault(
        sentence=f"it imports the operators of '{domain}'; nobody has measured that ONNX Runtime {release} "
        "has them",
        hint=f"export the model without {domain}, or remove its opset import if no node uses it",
    )


def _older_opset(domain: str, newest: int) -> str:
    if not domain:
        return f"onnx.version_converter.convert_version(model, {newest}), or export it with opset {newest}"
    return f"export it again with {{'{domain}': {newest}}} as target opset"


def _is_too_new(model: ModelFormat, known: OrtRow) -> bool:
    return model.ir_version > known.ir_max or any(
        version > known.opset_max.get(domain, version) for domain, version in model.opsets.items()
    )


def _newer(model: ModelFormat, rows: Iterable[OrtRow]) -> str:
    """Return which measured release takes the model as it is: the oldest that does."""
    fit = [row for row in rows if _takes(row, model)]
    if not fit:
        return "no known ONNX Runtime takes the model as it is"
    return f"or a class with ONNX Runtime {min(fit, key=lambda row: parts(row.ort)).ort}, which takes it as it is"


def _takes(row: OrtRow, model: ModelFormat) -> bool:
    return model.ir_version <= row.ir_max and all(
        version <= row.opset_max.get(domain, 0) for domain, version in model.opsets.items()
    )


def _jetpack_faults(row: DeviceClassRow, rows: Iterable[StackRow]) -> Iterator[_Fault]:
    jetpack = row.stack.get("jetpack")
    if jetpack is None:
        return
    jetpacks = [known for known in rows if known.jetpack]
    known = next((one for one in jetpacks if starts_with(jetpack, one.jetpack)), None)
    if known is None:
        names = ", ".join(one.jetpack for one in jetpacks)
        yield _Fault(
            sentence=f"JetPack {jetpack} is not in the table; known are {names}",
            hint="correct the version, or add a row with its source to hilrig/gate/data/stacks.json",
        )
        return
    for component in (*LIBRARIES, "l4t"):
        stated, brings = row.stack.get(component, ""), known.stated(component)
        if stated and brings and not _agree(stated, brings):
            yield _Fault(
                sentence=f"the class states {NAMES[component]} {stated}, JetPack {jetpack} brings {brings}",
                hint=f"correct the row of {row.name} in the device matrix",
            )


def _library_faults(row: DeviceClassRow, rows: Iterable[StackRow]) -> Iterator[_Fault]:
    """Give what the class's libraries and its runtime do not agree on.

    A library is one with another of its major version: the loader asks for `libcudart.so.12` and
    `libnvinfer.so.10`, and NVIDIA promises as much for CUDA. What differs within it is for the smoke run to find.
    """
    stated = {name: row.stack[name] for name in LIBRARIES if name in row.stack}
    if not stated:
        return
    release = row.stack["onnxruntime"]
    known = stack_rows_of(rows, release)
    for name in stated:
        if not any(one.stated(name) for one in known):
            yield _Fault(
                sentence=f"nobody has written down which {NAMES[name]} ONNX Runtime {release} is built with",
                hint="add a row with its source to hilrig/gate/data/stacks.json",
            )
        elif not any(one.stated(name) and _fits(one, stated) for one in known):
            yield _Fault(
                sentence=f"ONNX Runtime {release} is built with {_choices(known, name)}, the class states "
                f"{_stack_words(stated)}",
                hint=f"correct the row of {row.name} in the device matrix, or choose another ONNX Runtime",
            )


def _fits(known: StackRow, stated: dict[str, str]) -> bool:
    return all(
        not known.stated(name) or parts(known.stated(name))[:1] == parts(version)[:1]
        for name, version in stated.items()
    )


def _agree(stated: str, brings: str) -> bool:
    return starts_with(stated, brings) or starts_with(brings, stated)


def _choices(rows: Sequence[StackRow], name: str) -> str:
    return " or ".join(
        dict.fromkeys(
            _stack_words({part: row.stated(part) for part in LIBRARIES if row.stated(part)})
            for row in rows
            if row.stated(name)
        )
    )


def _stack_words(versions: dict[str, str]) -> str:
    return " with ".join(f"{NAMES[name]} {version}" for name, version in versions.items())
