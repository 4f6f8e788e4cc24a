"""What the keys of several faults together forbid in a pipeline.

As in `profile_rules`, a value of the wrong type is not their business.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, NamedTuple

from pydantic_core import PydanticCustomError

from hilrig.config.document import Document, Path
from hilrig.config.limit_model import read_frame_rate
from hilrig.core.drill import begin_s, watched_until_s
from hilrig.core.errors import Problem
from hilrig.core.fault import BESIDE_FRAMES, DEATHS, RELOADS, FaultKind, FaultSpec

_TIMES: Final = ("at_s", "duration_s", "recovery_max_s")
_RATE: Final = ("hil_validation", "latency", "frame_rate_fps")
_CAMERA: Final = frozenset({FaultKind.CAMERA_STOPS, FaultKind.CAMERA_FREEZES, FaultKind.CAMERA_GARBAGE})
_RESTARTED: Final = frozenset({"in_process", "python"})
"""Targets whose process hilrig starts and may start again, with the model in it."""

_KINDS_OF: Final = {
    **dict.fromkeys(_RESTARTED, frozenset(FaultKind)),
    # its process is started once, its frames have one size, and a failed write may end what is not Python
    "ring": _CAMERA | {FaultKind.MODEL_HANGS, FaultKind.CLOCK_STEPS},
}
_KINDS_OF_OTHERS: Final = _CAMERA | {FaultKind.CAMERA_RESIZES}
"""A pipeline that runs elsewhere: its process is not ours to kill."""

_STEP_MIN_S: Final = 1.0
"""Less than that a time service does as well: whether the clock was ours would not be known."""

_Found = list[tuple[Path, dict[str, Any]]]


class _Placed(NamedTuple):
    """A fault that says when: from the start of its lead to the end of its recovery."""

    begin_s: float
    end_s: float
    name: Any
    path: Path


def broken_fault_rules(document: Document) -> Iterator[Problem]:
    """Yield every contradiction between the keys of faults."""
    faults = document.get(("faults",))
    found: _Found = [(("faults", index), one) for index, one in enumerate(_list(faults)) if isinstance(one, dict)]
    yield from _network(document)
    yield from _names(document, found)
    yield from _pipeline(document, found)
    for path, fault in found:
        yield from _moment(document, path, fault)
        yield from _clock(document, path, fault)
        yield from _share(document, path, fault)
    yield from _overlaps(document, found)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _kind(fault: dict[str, Any]) -> FaultKind | None:
    stated = fault.get("kind")
    return next((kind for kind in FaultKind if kind.value == stated), None)


def _names(document: Document, found: _Found) -> Iterator[Problem]:
    seen: set[str] = set()
    for path, fault in found:
        name = fault.get("name")
        if isinstance(name, str) and name in seen:
            yield document.problem(
                (*path, "name"), "contradiction", f"two faults are named '{name}'", "name one anew"
            )
        seen.add(str(name))


def _pipeline(document: Document, found: _Found) -> Iterator[Problem]:
    """A fault that this pipeline cannot have would be a check of nothing."""
    target = document.get(("pipeline", "target")) or "in_process"
    if not isinstance(target, str):
        return
    if found and document.get(("queue", "on_full")) == "block":
        message = "faults need a camera that does not wait: with 'on_full: block' nothing is ever late or dropped"
        yield document.problem(("queue", "on_full"), "contradiction", message, "on_full: drop_oldest")
    allowed = _KINDS_OF.get(target, _KINDS_OF_OTHERS)
    for path, fault in found:
        kind = _kind(fault)
        if kind is not None and kind not in allowed:
            message = f"the target {target} cannot have the fault '{kind.value}'"
            hint = f"with it: {', '.join(sorted(one.value for one in allowed))}"
            yield document.problem((*path, "kind"), "contradiction", message, hint)
        if kind in RELOADS and document.get(("model", "files")) == []:
            message = f"'{fault['kind']}' needs a model file to be loaded again; 'model.files' is empty"
            yield document.problem((*path, "kind"), "contradiction", message)


def _network(document: Document) -> Iterator[Problem]:
    """A pipeline that runs elsewhere is reached over the network."""
    target = document.get(("pipeline", "target")) or "in_process"
    if document.get(("run", "network")) is False and isinstance(target, str) and target not in _KINDS_OF:
        message = f"'network: false' is for a process that hilrig starts; that of the target {target} is elsewhere"
        yield document.problem(("run", "network"), "contradiction", message, "leave it out")


def _moment(document: Document, path: Path, fault: dict[str, Any]) -> Iterator[Problem]:
    kind = _kind(fault)
    if kind is None:
        return
    if ("at_s" in fault) == ("at_frame" in fault):
        keys = "'at_s' or 'at_frame'" if kind is FaultKind.MODEL_CRASHES else "'at_s'"
        message = f"a fault begins at one moment: state {keys}"
        yield document.problem(path, "contradiction", message, "for example at_s: 2")
    if "at_frame" in fault and kind is not FaultKind.MODEL_CRASHES:
        message = f"'at_frame' is for model_crashes; '{kind.value}' has 'at_s'"
        yield document.key_problem((*path, "at_frame"), "contradiction", message)
    if kind in DEATHS and "duration_s" in fault:
        message = f"'{kind.value}' is a moment: it has no 'duration_s'"
        yield document.key_problem((*path, "duration_s"), "contradiction", message, "leave it out")
    if kind not in DEATHS and "duration_s" not in fault:
        message = f"'{kind.value}' needs a 'duration_s'"
        yield document.problem(path, "missing_key", message, "for example duration_s: 2")


def _clock(document: Document, path: Path, fault: dict[str, Any]) -> Iterator[Problem]:
    """The wall clock is everybody's: nobody sets it unless the profile says so where it is asked for."""
    kind, step_s = _kind(fault), fault.get("step_s")
    if kind is FaultKind.CLOCK_STEPS:
        if step_s is None:
            message = "'clock_steps' needs a 'step_s': by how much the clock is set"
            yield document.problem(path, "missing_key", message, "for example step_s: 3600")
        elif _is_number(step_s) and abs(step_s) < _STEP_MIN_S:
            message = f"a step of less than {_STEP_MIN_S:g} s cannot be told from a time service"
            yield document.problem((*path, "step_s"), "contradiction", message, "for example step_s: 3600")
        if fault.get("may_step_clock") is not True:
            message = "'clock_steps' moves this machine's clock, for everything that runs on it"
            hint = "may_step_clock: true, on a machine where that harms nobody"
            yield document.problem((*path, "kind"), "contradiction", message, hint)
        return
    for key in (one for one in ("step_s", "may_step_clock") if kind is not None and one in fault):
        yield document.key_problem((*path, key), "contradiction", f"'{key}' is for clock_steps", "leave it out")


def _share(document: Document, path: Path, fault: dict[str, Any]) -> Iterator[Problem]:
    kind = _kind(fault)
    if kind is not None and kind not in BESIDE_FRAMES and "undecided_max_pct" in fault:
        kinds = " and ".join(sorted(one.value for one in BESIDE_FRAMES))
        message = f"'undecided_max_pct' is for {kinds}; what '{kind.value}' does may keep frames from a decision"
        yield document.key_problem((*path, "undecided_max_pct"), "contradiction", message, "leave it out")


def _overlaps(document: Document, found: _Found) -> Iterator[Problem]:
    """While one fault is recovered from, another would spoil what is seen of it."""
    placed = sorted(one for path, fault in found if (one := _place(document, path, fault)) is not None)
    for before, after in pairwise(placed):
        if after.begin_s < before.end_s:
            message = (
                f"'{after.name}' begins {after.begin_s:g} s into the drill, but '{before.name}' with its "
                f"recovery is watched until {before.end_s:g} s"
            )
            hint = f"at_s: {before.end_s:g} or later: its end, its recovery_max_s, a second and five frames more"
            yield document.problem(after.path, "contradiction", message, hint)


def _place(document: Document, path: Path, fault: dict[str, Any]) -> _Placed | None:
    """Return when a fault needs the drill for itself; None where its keys do not say."""
    rate_fps, kind = _rate_fps(document), _kind(fault)
    numbers = {"at_s": 0, "duration_s": 0, **fault}
    if rate_fps is None or kind is None or not all(_is_number(numbers.get(key)) for key in _TIMES):
        return None
    at_frame = fault.get("at_frame")
    spec = FaultSpec(
        name=str(fault.get("name")),
        kind=kind,
        at_frame=at_frame if isinstance(at_frame, int) else None,
        at_s=float(numbers["at_s"]),
        duration_s=float(numbers["duration_s"]),
        recovery_max_s=float(numbers["recovery_max_s"]),
    )
    begins_s, ends_s = begin_s(spec, rate_fps), watched_until_s(spec, rate_fps)
    return _Placed(round(float(begins_s), 3), round(float(ends_s), 3), spec.name, path)


def _rate_fps(document: Document) -> Fraction | None:
    try:
        rate_fps = read_frame_rate(document.get(_RATE))
    except PydanticCustomError:
        return None
    return rate_fps * (len(_list(document.get(("arrivals", "camera_offsets_ms")))) or 1)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
