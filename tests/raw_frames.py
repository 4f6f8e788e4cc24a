"""Measured frames for tests of the charts, and what a page's script makes of them, said in numpy."""

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilrig.core.document import MeasuredFrames
from hilrig.core.frame import Outcome
from hilrig.core.units import NS_PER_MS, NS_PER_S, NS_PER_US

EIGHT_HOURS = 864_000
"""Frames of eight hours at 30 fps."""


def make_measured(
    latency_ms: NDArray[np.float64], *, dropped: Any = (), failed: Any = (), period_ns: int = NS_PER_S // 30
) -> MeasuredFrames:
    """Return frames on a grid; those at the indices `dropped` and `failed` got no decision."""
    outcome = np.full(latency_ms.size, Outcome.DECIDED, np.uint8)
    outcome[list(dropped)], outcome[list(failed)] = Outcome.DROPPED, Outcome.FAILED
    latency_ns = np.where(outcome == Outcome.DECIDED, np.round(latency_ms * NS_PER_MS), -1).astype(np.int64)
    return MeasuredFrames(
        due_ns=np.arange(latency_ms.size, dtype=np.int64) * period_ns, latency_ns=latency_ns, outcome=outcome
    )


def ordinary_ms(n: int, *, seed: int = 1) -> NDArray[np.float64]:
    """Return the latencies of a calm pipeline: 11 ms with noise and a tail."""
    rng = np.random.default_rng(seed)
    return 11 + np.abs(rng.normal(0, 0.6, n)) + rng.gamma(2, 0.2, n)


def decoded(value: dict[str, Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return due times and latencies in nanoseconds from a block; latency is -1 dropped, -2 failed, -3 unknown."""
    n = value["n"]
    later, codes = (_numbers(value[name]["data"], n, kind) for name, kind in (("due", "<u4"), ("latency", "<u2")))
    due_ns = np.cumsum(later.astype(np.int64)) * value["due"]["step_us"] * NS_PER_US
    latency_ns = codes.astype(np.int64) * value["latency"]["step_us"] * NS_PER_US
    index, exact_ns = np.array(value["exact"]["index"], int), np.array(value["exact"]["ns"], np.int64)
    latency_ns = np.minimum(latency_ns, exact_ns.max(initial=0))
    latency_ns[index] = exact_ns
    for code, mark in ((0xFFFF, -1), (0xFFFE, -2), (0xFFFD, -3)):
        latency_ns[codes == code] = mark
    return due_ns, latency_ns


def _numbers(data: str, n: int, kind: str) -> NDArray[Any]:
    planes = np.frombuffer(zlib.decompress(base64.b64decode(data)), np.uint8).reshape(-1, n)
    return np.ascontiguousarray(planes.T).view(kind).reshape(n)
