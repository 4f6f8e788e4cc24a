"""The scores that a model gives, seen by asking it about a few pictures."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hilrig.app.init.picture import OWN_PIPELINE, Picture
from hilrig.core.errors import PreconditionError, UsageError
from hilrig.target.onnx_session import first_line

N_LABELS_MAX: Final = 1024
"""The most that a profile takes."""

N_TIMED: Final = 3
_SUM_TOLERANCE: Final = 0.01  # float16 softmax over a thousand classes is off by some thousandths
_SCORE_TYPES: Final = ("tensor(float)", "tensor(float16)", "tensor(double)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """One output of a model.

    Args:
        name: of the output.
        shape: as it came for one picture.
        n: how many scores there are.
        others: the names of the model's other outputs.
        kind: what the numbers look like, in words for a person.
        is_share: they lie within 0 to 1, as thresholds do.
        infer_ms: the fastest of some inferences on this machine, in one thread, the model alone.
    """

    name: str
    shape: tuple[int, ...]
    n: int
    others: tuple[str, ...]
    kind: str
    is_share: bool
    infer_ms: float


def ask_for_scores(session: Any, picture: Picture, model: str, *, output: str | None) -> Scores:
    """Return the output that holds one score per label, and how fast it came.

    Raises:
        UsageError: no output, or none but by name, is one score per label.
        PreconditionError: the model does not run.
    """
    declared = {item.name: item for item in session.get_outputs()}
    answers, infer_ms = _asked(session, picture, list(declared), model)
    fit = [name for name in declared if _fits(declared[name].type, answers[0][name])]
    name = _chosen(fit, answers[0], model, output)
    values = np.stack([answer[name].reshape(-1) for answer in answers]).astype(np.float64)
    kind, is_share = _kind(values)
    return Scores(
        name=name,
        shape=answers[0][name].shape,
        n=values.shape[1],
        others=tuple(other for other in declared if other != name),
        kind=kind,
        is_share=is_share,
        infer_ms=infer_ms,
    )


def _asked(
    session: Any, picture: Picture, names: list[str], model: str
) -> tuple[list[dict[str, NDArray[Any]]], float]:
    """Return the outputs for a black and some noisy pictures, by name; the shortest time of the latter in ms."""
    answers, times_ms = [], []
    chance = np.random.default_rng(1)
    for index in range(1 + N_TIMED):
        top = 256 if picture.dtype == "uint8" else 1
        pixels = (chance.random(picture.shape) * top * min(index, 1)).astype(picture.dtype)
        begin_ns = time.monotonic_ns()
        try:
            outputs = session.run(names, {picture.name: pixels})
        except Exception as error:  # onnxruntime's own exceptions share no public base class
            size = f"{picture.width_px}x{picture.height_px}"
            raise PreconditionError(
                f"{model} does not run on a picture of {size}: {first_line(error)}",
                hint="try another --size, or export the model again",
            ) from error
        times_ms.append((time.monotonic_ns() - begin_ns) / 1e6)
        answers.append({name: np.asarray(value) for name, value in zip(names, outputs, strict=True)})
    return answers, min(times_ms[1:])


def _fits(kind: str, values: NDArray[Any]) -> bool:
    """Return whether this is a row of scores: at most one dimension is longer than 1."""
    return kind in _SCORE_TYPES and values.size > 0 and sum(size > 1 for size in values.shape) <= 1


def _chosen(fit: Sequence[str], answer: Mapping[str, NDArray[Any]], model: str, output: str | None) -> str:
    shown = ", ".join(f"{name} {list(value.shape)}" for name, value in answer.items())
    if output is not None and output not in answer:
        raise UsageError(f"{model} has no output '{output}'", hint=f"it has {shown}")
    if not fit or (output is not None and output not in fit):
        raise UsageError(
            f"{model} gives {shown if output is None else f'{output} {list(answer[output].shape)}'}, expected one "
            "score per label: [1, n]",
            hint=f"a detector or a segmentation needs its decoding: {OWN_PIPELINE}",
        )
    if output is None and len(fit) > 1:
        raise UsageError(
            f"{model} has {len(fit)} outputs that may be the scores: {shown}",
            hint=f"the same command with --output {fit[0]}, or another of them",
        )
    name = output or fit[0]
    if answer[name].size > N_LABELS_MAX:
        raise UsageError(
            f"{model} gives {answer[name].size} scores, a profile takes at most {N_LABELS_MAX} labels",
            hint=f"let the model end in the classes that the station knows, or {OWN_PIPELINE}",
        )
    return name


def _kind(values: NDArray[np.float64]) -> tuple[str, bool]:
    """Return what scores look like, pictures x labels, and whether they lie within 0 to 1."""
    if not np.isfinite(values).all():
        return "not all of them numbers: a frame with such a score has failed", False
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1 + _SUM_TOLERANCE:
        return f"from {low:.3g} to {high:.3g}, so logits, not shares", False
    if values.shape[1] > 1 and np.allclose(values.sum(axis=1), 1, atol=_SUM_TOLERANCE):
        return "which add up to 1, as after a softmax", True
    return "within 0 to 1", True
