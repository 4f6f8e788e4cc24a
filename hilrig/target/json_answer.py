"""JSON from a service that is not trusted to send any."""

import json
from typing import Any, Final

import numpy as np

from hilrig.target.http_connection import quoted
from hilrig.target.outcome import bad_answer

DEPTH_MAX: Final = 64
"""Far beyond any answer; without a bound, a deep one would overflow the stack of whoever walks through it."""
_STEPS: Final = np.zeros(256, np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1


def read_json_object(data: bytes) -> dict[str, Any]:
    """Return the object that `data` holds; NaN and infinities are let through: a score may be one, and fails so.

    Raises:
        FrameError: BAD_ANSWER, it is not JSON, or no object.
    """
    if _depth(data) > DEPTH_MAX:
        raise bad_answer(f"the answer is nested more than {DEPTH_MAX} deep: {quoted(data)}")
    try:
        answer = json.loads(data)
    except ValueError as error:
        raise bad_answer(f"the answer is not JSON: {quoted(data)}") from error
    if not isinstance(answer, dict):
        raise bad_answer(f"the answer is no JSON object: {quoted(data)}")
    return answer


def _depth(data: bytes) -> int:
    """Return the greatest number of open brackets; those in texts are counted too, which only makes it larger."""
    return int(np.cumsum(_STEPS[np.frombuffer(data, np.uint8)], dtype=np.int64).max(initial=0))
