"""A smoke run on this machine, in a process of its own.

It has a bound on its time and on its memory.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hilrig.config.noun_json import from_json, to_json
from hilrig.core.errors import RecordError
from hilrig.core.units import format_duration
from hilrig.gate.smoke import Tried
from hilrig.rig.local import inspect_local
from hilrig.target.smoke_exchange import SmokeAsked, SmokeFound

MODULE: Final = "hilrig.target.smoke_run"
NO_RUNTIME: Final = 3  # of that module, which needs ONNX Runtime to be imported

DEADLINE_S: Final = 120.0
"""For loading and six inferences on a slow board that is busy with other things."""

ENGINE_BUILD_DEADLINE_S: Final = 900.0
"""TensorRT tries out kernels for every layer when it builds an engine: minutes on a Jetson."""

MEMORY_MIB: Final = 4096
"""More than any station has to spare for one model; `--memory-mib` sets another."""

_ANSWER_BYTES_MAX: Final = 4 << 20
_LAST_WORDS_MAX: Final = 300


def deadline_s(asked: SmokeAsked) -> float:
    """Return how long a smoke run may take."""
    is_built = any(name.startswith("Tensorrt") for name in asked.options.get("providers", ()))
    return ENGINE_BUILD_DEADLINE_S if is_built else DEADLINE_S


def try_here(asked: SmokeAsked, *, limit_s: float | None = None, module: str = MODULE) -> Tried:
    """Return what a smoke run on this machine found, and what this machine is.

    Args:
        asked: the model, and how it is tried.
        limit_s: when it is ended; None: what the providers need.
        module: what is started.
    """
    facts = inspect_local().facts
    seconds = deadline_s(asked) if limit_s is None else limit_s
    with tempfile.TemporaryDirectory(prefix="hilrig-smoke-") as name:
        folder = Path(name)
        status = _run(folder, asked, module, seconds)
        words = _last_words(folder)
        if status is None:
            return Tried(found=None, trouble=f"no answer within {format_duration(seconds)}{words}", facts=facts)
        if status == NO_RUNTIME:
            return Tried(
                found=None, trouble=f"this Python cannot import onnxruntime{words}", is_ours=True, facts=facts
            )
        if status:
            return Tried(found=None, trouble=f"it {_how_ended(status, asked)}{words}", facts=facts)
        return _answered(folder, words, facts)


def _run(folder: Path, asked: SmokeAsked, module: str, seconds: float) -> int | None:
    """Return the exit status; None when it was ended because its time was over."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-c", f"import runpy; runpy.run_module({module!r}, None, '__main__', True)"],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            start_new_session=True,
        )
    try:
        process.communicate(to_json(asked) + b"\n", timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end(process)
    return process.returncode


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process with whatever it has started: its group is its own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _answered(folder: Path, words: str, facts: Mapping[str, Any]) -> Tried:
    with (folder / "out").open("rb") as file:
        data = file.read(_ANSWER_BYTES_MAX + 1)
    try:
        return Tried(found=from_json(SmokeFound, data, what="the answer"), facts=facts)
    except RecordError as error:
        return Tried(
            found=None, trouble=f"it answered nothing that can be read: {error.message}{words}", facts=facts
        )


def _how_ended(status: int, asked: SmokeAsked) -> str:
    if status >= 0:
        return f"ended with status {status}"
    name = signal.Signals(-status).name
    memory = f" (it may have {asked.memory_mib} MiB here)" if name in ("SIGKILL", "SIGABRT", "SIGSEGV") else ""
    return f"was killed by {name}{memory}"


def _last_words(folder: Path) -> str:
    lines = (folder / "err").read_bytes().decode(errors="replace").strip().splitlines()
    words = "".join(c for c in lines[-1] if c.isprintable())[:_LAST_WORDS_MAX] if lines else ""
    return f"; its last words: {words}" if words else ""
