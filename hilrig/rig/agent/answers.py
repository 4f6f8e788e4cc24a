"""What the agent writes: an answer as a line, an error as the last one."""

import json
import traceback
from collections.abc import Mapping
from typing import Any

from hilrig.core.errors import HilrigError, PreconditionError


def line(answer: Mapping[str, Any]) -> bytes:
    """Return an answer as it is written."""
    return json.dumps(answer, separators=(",", ":")).encode() + b"\n"


def described(error: Exception) -> dict[str, str]:
    """Return an error as JSON, so that the client can raise the same; one that is not ours goes to stderr too."""
    if not isinstance(error, HilrigError):
        traceback.print_exception(error)
        error = _unforeseen(error)
    return {"type": type(error).__name__, "message": error.message, "hint": error.hint}


def _unforeseen(error: Exception) -> HilrigError:
    if isinstance(error, OSError):
        where = f"{error.filename} on the rig" if error.filename else "the rig"
        return PreconditionError(
            f"{where}: {error.strerror or error}", hint="look at the rig's disk and its rights"
        )
    return PreconditionError(
        f"the agent on the rig failed: {type(error).__name__}: {error}",
        hint="this is a fault of hilrig: report it",
    )
