"""The model's files before the first profile: found, whole, copied beside it."""

import filecmp
import re
import shutil
from pathlib import Path
from typing import Any, Final

from hilrig.core.errors import PreconditionError, UsageError
from hilrig.gate.onnx_format import MODEL_MAX_BYTES, external_files, read_model_format
from hilrig.target.onnx_session import first_line

_URL: Final = re.compile(r"([a-z][a-z0-9+.-]+):/+", re.IGNORECASE)
_AGAIN: Final = "copy or export the model again"


def find_model(given: Path) -> Path:
    """Return the model's file; `~` is the user's home, whether the shell saw it or not.

    Raises:
        UsageError: it is an address or a folder.
        PreconditionError: there is no such file.
    """
    is_url = _URL.match(str(given))
    if is_url:
        address = str(given).replace(is_url[0], f"{is_url[1]}://", 1)  # a path has lost one slash
        raise UsageError(
            f"{address} is an address, and hilrig fetches no model", hint=f"curl -LO {address}, then --model FILE"
        )
    model = given.expanduser()
    if model.is_dir():
        raise UsageError(f"{model} is a folder, expected an ONNX file", hint=_models_in(model))
    if not model.is_file():
        raise PreconditionError(f"there is no file {model}", hint=_models_in(model.parent))
    return model


def weights_beside(model: Path) -> tuple[str, ...]:
    """Return the files that the model keeps its weights in, relative to its own folder; none where it has them.

    Raises:
        PreconditionError: it is no ONNX model, or such a file is missing.
    """
    if model.stat().st_size > MODEL_MAX_BYTES:
        raise PreconditionError(f"{model} is larger than 2 GiB, which no ONNX file can be", hint=_AGAIN)
    data = model.read_bytes()
    read_model_format(data, name=str(model))
    names = external_files(data, name=str(model))
    missing = [name for name in names if not (model.parent / name).is_file()]
    if missing:
        raise PreconditionError(
            f"{model} keeps its weights in {', '.join(missing[:3])}, which is missing beside it",
            hint=f"copy {missing[0]} to {model.parent / missing[0]}, then the same command",
        )
    return names


def open_model(model: Path) -> Any:
    """Return a session of ONNX Runtime on the CPU, in one thread as the first profile has it.

    Raises:
        PreconditionError: the runtime does not load it.
    """
    import onnxruntime as ort

    settings = ort.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.log_severity_level = 3  # errors: what it says of unused weights helps nobody here
    try:
        return ort.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        raise PreconditionError(
            f"model file {model} does not load in ONNX Runtime {ort.__version__}: {first_line(error)}",
            hint="check the export: opset and IR version must be within what this runtime supports",
        ) from error


def refuse_other_files(model: Path, names: tuple[str, ...], folder: Path) -> None:
    """Refuse a folder in which a file of the same name has other contents: nothing is overwritten.

    Raises:
        UsageError: there is one.
    """
    for name in names:
        there = folder / name
        if there.exists() and not filecmp.cmp(model.parent / name, there, shallow=False):
            raise UsageError(
                f"{there} exists and is not the model that --model names; it is never overwritten",
                hint="move it away, or name another folder",
            )


def copy_files(model: Path, names: tuple[str, ...], folder: Path) -> None:
    """Copy the model's files into the profile's folder; those that are there already stay."""
    for name in names:
        there = folder / name
        there.parent.mkdir(parents=True, exist_ok=True)
        if not there.exists():
            shutil.copyfile(model.parent / name, there)


def _models_in(folder: Path) -> str:
    """Return what to type next: the models that lie there, if any."""
    names = sorted(file.name for file in folder.glob("*.onnx")) if folder.is_dir() else []
    return f"known there: {', '.join(names[:10])}" if names else "--model takes the path of an ONNX file"
