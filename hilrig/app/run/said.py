"""What a run's process says to the one that started it: JSON lines on stdout."""

import json
import os
import sys
from dataclasses import asdict
from typing import Any

from hilrig.core import errors
from hilrig.core.errors import ConfigError, HilrigError


def say(kind: str, **detail: Any) -> None:
    """Tell the process that shows this run what it has reached, as long as it is there."""
    try:
        print(json.dumps({"kind": kind, **detail}), flush=True)  # noqa: T201 - stdout is the channel to the parent
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # else the interpreter tries again at its end


def describe_error(error: HilrigError) -> dict[str, Any]:
    """Return an error as JSON, so that the other process can raise the same: by its nearest public class."""
    kind = next(cls.__name__ for cls in type(error).__mro__ if getattr(errors, cls.__name__, None) is cls)
    described: dict[str, Any] = {"type": kind, "message": error.message, "hint": error.hint}
    if isinstance(error, ConfigError):
        described["problems"] = [asdict(problem) for problem in error.problems]
    return described
