"""Every measured frame inside the page, in about ten bits each, so that zooming cuts real frames anew.

A latency is a whole number of steps, rounded up: what is drawn is never lower than what was measured, by less than
one step higher, and is over a limit in whole steps exactly when the frame was. The slowest frames and those that
do not fit 16 bits keep their nanoseconds, so the highest point of the run is exact.
"""

import base64
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.document import MeasuredFrames
from hilrig.core.frame import Outcome
from hilrig.core.units import NS_PER_US

STEPS_US: Final = (1, 10, 100)
"""The finest one that fits is taken. In coarser ones nobody sees a tail: a page keeps its buckets then."""

BASE64_BYTES_MAX: Final = 1_300_000
"""What raw frames may take of a page that has to stay under 2 MB with everything else in it."""

N_EXACT: Final = 500
"""Frames that keep their nanoseconds, the slowest of the run: 8 kB."""

MISFIT_SHARE_MAX: Final = 0.001
"""A step is too fine when more frames than this do not fit 16 bits: they cost ten times as much each."""

DROPPED: Final = 0xFFFF
FAILED: Final = 0xFFFE
UNKNOWN: Final = 0xFFFD
"""In place of a latency: neither decided, dropped nor failed."""

STEPS_MAX: Final = 0xFFFC
"""The highest latency in steps; a frame beyond it is among the exact ones."""

_LEVEL: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFrames:
    """What the data block holds, and at which resolution."""

    n: int
    step_us: int
    value: dict[str, Any]


def encode(frames: MeasuredFrames) -> RawFrames | None:
    """Return the frames as a data block's value; None when there are none, or more than a page can hold.

    The value has `n`; `due` and `latency`, each with `step_us` and `data`: base64 of a zlib stream of numbers by
    byte planes, all lowest bytes first; `exact`: the `index` of each exact frame and its `ns`. `due` is 32 bits:
    how much later each frame was due than the one before, of moments rounded down to the step. `latency` is 16
    bits: steps, never to be drawn above the slowest exact frame, or DROPPED, FAILED, UNKNOWN.
    """
    is_timed = (frames.outcome == Outcome.DECIDED) & (frames.latency_ns >= 0)
    n = int(frames.latency_ns.size)
    due = _finest(partial(_due_planes, frames), BASE64_BYTES_MAX // 2) if n else None
    room = BASE64_BYTES_MAX - len(due["data"]) if due else 0
    latency = _finest(partial(_latency_planes, frames, is_timed), room) if due else None
    if latency is None:
        return None
    exact = _exact(frames.latency_ns, is_timed, latency["step_us"])
    value = {
        "n": n,
        "due": due,
        "latency": latency,
        "exact": {"index": exact.tolist(), "ns": frames.latency_ns[exact].tolist()},
    }
    return RawFrames(n=n, step_us=latency["step_us"], value=value)


def _finest(pack: Callable[[int], bytes | None], room: int) -> dict[str, Any] | None:
    """Return what `pack` makes of the finest step that it can do and that fits `room` bytes of base64."""
    for step_us in STEPS_US:
        packed = pack(step_us)
        data = "" if packed is None else base64.b64encode(zlib.compress(packed, _LEVEL)).decode()
        if packed is not None and len(data) <= room:
            return {"step_us": step_us, "data": data}
    return None


def _due_planes(frames: MeasuredFrames, step_us: int) -> bytes | None:
    later = np.diff(frames.due_ns // (step_us * NS_PER_US), prepend=0)
    is_fit = int(later.min()) >= 0 and int(later.max()) < 1 << 32
    return _planes(later.astype("<u4")) if is_fit else None


def _latency_planes(frames: MeasuredFrames, is_timed: NDArray[np.bool_], step_us: int) -> bytes | None:
    steps = _steps(frames.latency_ns, step_us)
    if np.count_nonzero(is_timed & (steps > STEPS_MAX)) > max(N_EXACT, MISFIT_SHARE_MAX * steps.size):
        return None
    codes = np.full(steps.size, UNKNOWN, "<u2")
    codes[frames.outcome == Outcome.DROPPED] = DROPPED
    codes[frames.outcome == Outcome.FAILED] = FAILED
    codes[is_timed] = np.minimum(steps[is_timed], STEPS_MAX)
    return _planes(codes)


def _exact(latency_ns: NDArray[np.int64], is_timed: NDArray[np.bool_], step_us: int) -> NDArray[np.int64]:
    """Return the indices, ascending, of the slowest frames and of those that do not fit."""
    timed = np.flatnonzero(is_timed)
    slowest = timed[np.argsort(-latency_ns[timed], kind="stable")[:N_EXACT]]
    misfits = timed[_steps(latency_ns[timed], step_us) > STEPS_MAX]
    return np.union1d(slowest, misfits)


def _steps(latency_ns: NDArray[np.int64], step_us: int) -> NDArray[np.int64]:
    return -(-latency_ns // (step_us * NS_PER_US))


def _planes(numbers: NDArray[Any]) -> bytes:
    """Return the lowest bytes of all numbers, then the next ones: high bytes hardly change and cost nothing."""
    planes: bytes = numbers.view(np.uint8).reshape(numbers.size, -1).T.tobytes()
    return planes
