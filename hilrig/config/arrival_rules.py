"""What the keys of `arrivals` forbid together.

What they forbid together with the frame rate belongs to it.
"""

import json
from collections.abc import Iterator
from fractions import Fraction
from math import log
from typing import Final

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from hilrig.config.arrival_model import ArrivalKeys
from hilrig.config.document import Document, Path
from hilrig.config.limit_model import (
    DECISION_GAP_MS,
    DECISION_GAP_PERIODS,
    FRAME_RATE_MAX_FPS,
    read_frame_rate,
)
from hilrig.core.arrivals import grid_of
from hilrig.core.errors import Problem
from hilrig.core.profile import ArrivalModel, ArrivalSpec
from hilrig.core.units import NS_PER_MS, NS_PER_S, S_PER_MIN, ms_to_ns

_LATENCY: Final = ("hil_validation", "latency")
_NEEDED_BY: Final = {
    "burst_frames": ArrivalModel.BURST,
    "burst_spacing_ms": ArrivalModel.BURST,
    "jitter_ms": ArrivalModel.JITTER,
    "trace": ArrivalModel.TRACE,
}
_ALLOWED_WITH: Final = {
    "camera_offsets_ms": (ArrivalModel.FIXED, ArrivalModel.JITTER),
    "seed": (ArrivalModel.JITTER, ArrivalModel.POISSON),
    **{key: (model,) for key, model in _NEEDED_BY.items()},
}
_CHANCE_NATS: Final = 7.0  # e^-7: one run in a thousand meets a longer pause


def broken_arrival_rules(document: Document) -> list[Problem]:
    """Return every contradiction; nothing while the block or the frame rate has a mistake of its own."""
    keys, rate_fps = _keys(document), _rate_fps(document)
    if keys is None or rate_fps is None:
        return []
    misplaced = list(_misplaced_keys(document, keys.model))
    return misplaced or list(_broken(document, keys.spec(), rate_fps))


def decision_gap_problems(document: Document, longest_ms: float, *, rate_fps: Fraction) -> Iterator[Problem]:
    """Say so when frames can be further apart than decisions may be: such a run fails whatever the model does."""
    where: Path = (*_LATENCY, "decision_gap_max_ms")
    gap_ms = document.get(where)
    if isinstance(gap_ms, int | float) and not isinstance(gap_ms, bool):
        if 0 < gap_ms < longest_ms:
            message = f"'{where[-1]}' {gap_ms:g} is shorter than the time between frames, {longest_ms:.4g} ms"
            yield document.problem(where, "contradiction", message, "no run could pass it")
    elif longest_ms > max(float(DECISION_GAP_MS), float(DECISION_GAP_PERIODS * 1000 / rate_fps)):
        message = f"frames can be {longest_ms:.4g} ms apart, more than the decision gap that holds unless stated"
        hint = f"state hil_validation.latency.{where[-1]}, more than that"
        yield document.problem(("arrivals",), "contradiction", message, hint)


def _keys(document: Document) -> ArrivalKeys | None:
    """Return the block, its defaults if it is left out, None when it has a mistake."""
    try:
        return ArrivalKeys.model_validate_json(json.dumps(document.get(("arrivals",)) or {}))
    except ValidationError:
        return None


def _rate_fps(document: Document) -> Fraction | None:
    try:
        return read_frame_rate(document.get((*_LATENCY, "frame_rate_fps")))
    except PydanticCustomError:
        return None


def _misplaced_keys(document: Document, model: ArrivalModel) -> Iterator[Problem]:
    for key, needed_by in _NEEDED_BY.items():
        if needed_by is model and ("arrivals", key) not in document.keys:
            message = f"'arrivals.{key}' is missing, which the model {model.value} needs"
            yield document.key_problem(("arrivals",), "missing_key", message)
    for key, models in _ALLOWED_WITH.items():
        if model not in models and ("arrivals", key) in document.keys:
            message = f"'arrivals.{key}' has no meaning with the model {model.value}"
            hint = f"leave it out, or model: {' or '.join(known.value for known in models)}"
            yield document.key_problem(("arrivals", key), "contradiction", message, hint)


def _broken(document: Document, arrivals: ArrivalSpec, rate_fps: Fraction) -> Iterator[Problem]:
    if arrivals.model is ArrivalModel.TRACE:
        return  # its gaps are in its file
    if arrivals.model is ArrivalModel.POISSON:
        longest_ms = _longest_chance_ms(document, rate_fps)
    else:
        found = list(_off_grid(document, arrivals, rate_fps))
        yield from found
        if found:
            return
        longest_ms = _longest_ms(arrivals, rate_fps)
    yield from decision_gap_problems(document, longest_ms, rate_fps=rate_fps)


def _off_grid(document: Document, arrivals: ArrivalSpec, rate_fps: Fraction) -> Iterator[Problem]:
    """Say where a frame would be due before the one that precedes it."""
    n_cameras = len(arrivals.camera_offsets_ms)
    grid = grid_of(arrivals, period_ns=NS_PER_S / (rate_fps * n_cameras))
    period_ms = float(grid.period_ns / NS_PER_MS)
    if n_cameras * rate_fps > FRAME_RATE_MAX_FPS:
        message = f"{n_cameras} cameras at {float(rate_fps):g} fps are over {FRAME_RATE_MAX_FPS} fps together"
        yield document.key_problem(("arrivals", "camera_offsets_ms"), "contradiction", message)
    elif not grid.is_ordered and arrivals.model is ArrivalModel.BURST:
        message = (
            f"{arrivals.burst_frames} frames {arrivals.burst_spacing_ms:g} ms apart do not fit between triggers, "
            f"{period_ms:.4g} ms apart at {float(rate_fps):g} fps"
        )
        yield document.key_problem(("arrivals", "burst_spacing_ms"), "contradiction", message)
    elif not grid.is_ordered:
        message = f"'arrivals.camera_offsets_ms' must ascend and stay below the period, {period_ms:.4g} ms"
        hint = "cameras that fire together: 0.001 apart"
        yield document.problem(("arrivals", "camera_offsets_ms"), "contradiction", message, hint)
    elif 2 * ms_to_ns(arrivals.jitter_ms) >= min(grid.gaps_ns):
        shortest_ms = min(grid.gaps_ns) / NS_PER_MS
        message = (
            f"'jitter_ms' {arrivals.jitter_ms:g} is not below half the time between frames, {shortest_ms:.4g} ms"
        )
        yield document.problem(
            ("arrivals", "jitter_ms"), "contradiction", message, "frames would overtake each other"
        )


def _longest_ms(arrivals: ArrivalSpec, rate_fps: Fraction) -> float:
    """Return the longest time between two frames."""
    grid = grid_of(arrivals, period_ns=NS_PER_S / (rate_fps * len(arrivals.camera_offsets_ms)))
    return max(grid.gaps_ns) / NS_PER_MS + 2 * arrivals.jitter_ms


def _longest_chance_ms(document: Document, rate_fps: Fraction) -> float:
    """Return the pause that one run in a thousand exceeds: a gap is over g with probability exp(-g / mean)."""
    minutes = document.get((*_LATENCY, "duration_minutes"))
    is_time = isinstance(minutes, int | float) and not isinstance(minutes, bool) and minutes > 0
    n_frames = max(1.0, float(minutes * S_PER_MIN * rate_fps)) if is_time else 1.0
    return (log(n_frames) + _CHANCE_NATS) * float(1000 / rate_fps)
