"""What several keys of a profile together forbid.

The rules read the plain values, not the validated ones, so that a mistake in one block hides none in another. A
value of the wrong type is not their business: `profile_model` speaks of it.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from pydantic_core import PydanticCustomError

from hilrig.config.actuation_rules import broken_actuation_rules
from hilrig.config.arrival_rules import broken_arrival_rules
from hilrig.config.companion_rules import broken_companion_rules
from hilrig.config.document import Document, Path, dotted
from hilrig.config.fault_rules import broken_fault_rules
from hilrig.config.key_tree import nearest
from hilrig.config.limit_model import read_frame_rate
from hilrig.config.power_loss_model import broken_power_loss_rules
from hilrig.core.errors import Problem
from hilrig.core.frame import N_LABELS_MAX

_LATENCY: Final = ("hil_validation", "latency")
_PERCENTILES: Final = ("p50_max_ms", "p95_max_ms", "p99_max_ms", "p99_9_max_ms")
_LISTS_OF_UNIQUES: Final[tuple[Path, ...]] = (("model", "labels"), ("model", "files"), ("device_class",))
_PREPROCESS: Final = ("pipeline", "preprocess")
_GOLDEN_LIMITS: Final = ("min_precision", "min_recall", "max_false_reject")
_UNCHANGED: Final = {"scale": 1, "mean": [0, 0, 0], "std": [1, 1, 1]}
_SHAPE: Final = ("model", "input", "shape")
_BLOCKS: Final[tuple[Path, ...]] = (
    ("pipeline", "preprocess"),
    ("pipeline", "backend"),
    ("model", "input"),
    ("model", "output"),
)
_NEEDED_BY: Final[dict[str, tuple[Path, ...]]] = {
    "in_process": _BLOCKS,
    "open_inference": (("pipeline", "preprocess"), ("model", "input"), ("model", "output")),
}
_UNREAD_BY: Final[dict[str, tuple[Path, ...]]] = {
    **dict.fromkeys(("python", "ring", "infer_service"), (("pipeline", "preprocess"), ("pipeline", "backend"))),
    "open_inference": (("pipeline", "backend"),),
}


def broken_rules(document: Document) -> list[Problem]:
    """Return every contradiction between keys."""
    rules = (
        _some_check,
        _percentile_order,
        _frame_budget,
        _target_blocks,
        _repeated_items,
        _threshold_labels,
        _input_shape,
        _whole_pixels,
        _model_files,
        _golden_judges,
        broken_arrival_rules,
        broken_fault_rules,
        broken_companion_rules,
        broken_actuation_rules,
        broken_power_loss_rules,
    )
    return [problem for rule in rules for problem in rule(document)]


def _some_check(document: Document) -> Iterator[Problem]:
    if ("hil_validation",) in document.keys and not document.get(("hil_validation",)):
        message = "'hil_validation' is empty: with no checks at all, any model would pass"
        yield document.problem(("hil_validation",), "no_checks", message, "state at least 'latency' with a limit")


def _percentile_order(document: Document) -> Iterator[Problem]:
    """A higher percentile is never faster, so its limit must not be tighter than that of a lower one."""
    stated = [(key, limit) for key in _PERCENTILES if (limit := _number(document, (*_LATENCY, key))) is not None]
    for (lower, lower_ms), (higher, higher_ms) in pairwise(stated):
        if lower_ms > higher_ms:
            message = f"'{lower}' ({lower_ms:g} ms) must not be over '{higher}' ({higher_ms:g} ms)"
            yield document.problem((*_LATENCY, lower), "contradiction", message, "are the two swapped?")


def _frame_budget(document: Document) -> Iterator[Problem]:
    """No run measures a part of a frame."""
    try:
        fps = float(read_frame_rate(document.get((*_LATENCY, "frame_rate_fps"))))
    except PydanticCustomError:
        return
    minutes = _number(document, (*_LATENCY, "duration_minutes"))
    if minutes is not None and 0 < minutes * 60 * fps < 1:
        message = f"'duration_minutes' {minutes:g} at {fps:g} fps is less than one frame"
        yield document.problem((*_LATENCY, "duration_minutes"), "contradiction", message)


def _repeated_items(document: Document) -> Iterator[Problem]:
    for path in _LISTS_OF_UNIQUES:
        items = document.get(path)
        first: dict[str, int] = {}
        for index, item in enumerate(items if isinstance(items, list) else []):
            if isinstance(item, str) and first.setdefault(item, index) != index:
                message = f"'{item}' stands twice in '{dotted(path)}'"
                yield document.problem((*path, index), "contradiction", message, "keep one")


def _threshold_labels(document: Document) -> Iterator[Problem]:
    labels = _texts(document, ("model", "labels"))
    where: Path = ("pipeline", "decide", "thresholds")
    thresholds = document.get(where)
    if not labels or not isinstance(thresholds, dict):
        return
    known = frozenset(labels)
    for label in thresholds:
        if label not in known:
            message = f"'{label}' is none of model.labels"
            yield document.key_problem((*where, label), "contradiction", message, nearest(label, labels))
    if len(thresholds) > N_LABELS_MAX:
        message = f"{len(thresholds)} labels have a threshold, at most {N_LABELS_MAX} can"
        hint = "keep the labels that this station must find"
        yield document.key_problem(where, "contradiction", message, hint)


def _input_shape(document: Document) -> Iterator[Problem]:
    shape = document.get(_SHAPE)
    height_px, width_px = (document.get((*_PREPROCESS, key)) for key in ("height_px", "width_px"))
    if not isinstance(shape, list) or not isinstance(height_px, int) or not isinstance(width_px, int):
        return
    expected = {"nchw": [1, 3, height_px, width_px], "nhwc": [1, height_px, width_px, 3]}
    layout = document.get((*_PREPROCESS, "layout"))
    made = expected.get(layout) if isinstance(layout, str) else None
    if made and shape != made:
        message = f"'{dotted(_SHAPE)}' is {shape}, but preprocess makes {made} ({layout})"
        yield document.problem(_SHAPE, "contradiction", message, "one frame at a time, three colour planes")


def _target_blocks(document: Document) -> Iterator[Problem]:
    """Each target needs the blocks that it reads; one that it would pass over would state what nobody does."""
    target = document.get(("pipeline", "target")) or "in_process"
    if not isinstance(target, str):
        return
    for block in _NEEDED_BY.get(target, ()):
        if block not in document.keys and block[:1] in document.keys:
            message = f"'{dotted(block)}' is missing, which the target {target} needs"
            yield document.problem(block[:1], "missing_key", message, f"add {block[-1]}: {{…}}")
    for block in _UNREAD_BY.get(target, ()):
        if block in document.keys:
            message = f"'{dotted(block)}' has no meaning: the target {target} brings its own"
            yield document.key_problem(block, "contradiction", message, "leave it out")


def _whole_pixels(document: Document) -> Iterator[Problem]:
    """A tensor of bytes takes the camera's bytes: arithmetic on them would have to be rounded."""
    if document.get((*_PREPROCESS, "dtype")) != "uint8":
        return
    for key, unchanged in _UNCHANGED.items():
        if document.get((*_PREPROCESS, key)) not in (None, unchanged):
            message = f"'{key}' changes the pixels, but 'dtype' is uint8, which takes them as they are"
            hint = f"{key}: {unchanged}, or dtype: float32"
            yield document.problem((*_PREPROCESS, key), "contradiction", message, hint)


def _model_files(document: Document) -> Iterator[Problem]:
    """Only the backend without a model goes without files."""
    files, backend = document.get(("model", "files")), document.get(("pipeline", "backend", "name"))
    if files == [] and isinstance(backend, str) and backend != "null":
        message = f"'model.files' is empty, but the backend '{backend}' needs a model"
        yield document.problem(("model", "files"), "contradiction", message, "name the model's files")


def _golden_judges(document: Document) -> Iterator[Problem]:
    golden = document.get(("golden",))
    if not isinstance(golden, dict):
        return
    if golden.keys().isdisjoint({*_GOLDEN_LIMITS, "labels"}):
        message = (
            "'golden' sets none of 'min_precision', 'min_recall' and 'max_false_reject': any model would pass it"
        )
        yield document.problem(("golden",), "no_checks", message)
    if golden.get("against_last") == {}:
        message = "'golden.against_last' is empty: any model would pass it"
        yield document.problem(("golden", "against_last"), "no_checks", message)
    yield from _golden_labels(document, golden.get("labels"))


def _golden_labels(document: Document, labels: object) -> Iterator[Problem]:
    """A limit on a label that nobody decides would never be held."""
    where: Path = ("golden", "labels")
    if labels == {}:
        yield document.problem(where, "no_checks", "'golden.labels' is empty", "name a label, or leave it out")
    thresholds = document.get(("pipeline", "decide", "thresholds"))
    decided = [key for key in thresholds if isinstance(key, str)] if isinstance(thresholds, dict) else []
    for label, limits in labels.items() if isinstance(labels, dict) else ():
        if decided and isinstance(label, str) and label not in decided:
            message = f"'{label}' has no threshold in pipeline.decide"
            yield document.key_problem((*where, label), "contradiction", message, nearest(label, decided))
        if limits == {}:
            message = f"'golden.labels.{label}' sets no limit"
            yield document.problem((*where, label), "no_checks", message, f"one of {', '.join(_GOLDEN_LIMITS)}")


def _number(document: Document, path: Path) -> float | None:
    value = document.get(path)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _texts(document: Document, path: Path) -> list[str]:
    value = document.get(path)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
