"""What two runs were made with, to say in what they differ.

That is said before their numbers are held together.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from hilrig.core.conditions import Conditions, Difference
from hilrig.core.result import Result
from hilrig.core.rig import RigInfo
from hilrig.core.run import RunPlan
from hilrig.core.units import NS_PER_S, S_PER_MIN
from hilrig.core.verdict import Measurement
from hilrig.verdict.wording import listed, quantity

UNKNOWN: Final = "not known"
N_FACTS_MAX: Final = 3
FACT_CHARS_MAX: Final = 60


def conditions_of_result(result: Result) -> Conditions:
    """Return what a finished run was made with."""
    measured = {one.metric: one for one in result.judgement.measurements}
    return Conditions(
        profile_name=result.profile_name,
        profile_sha256=result.profile_sha256,
        model_bundle_sha256=result.model_bundle_sha256,
        pipeline_sha256=result.pipeline_sha256,
        feed=result.feed,
        rig=result.rig,
        device_class=result.device_class,
        stack_sha256=str(result.rig_info.get("stack_sha256") or ""),
        facts=flat_facts(result.rig_info.get("facts")),
        hilrig_version=result.hilrig_version,
        frame_rate_fps=rate_fps(_value(measured, "frames_offered"), _value(measured, "duration_min")),
        duration_min=_value(measured, "duration_min"),
    )


def conditions_of_plan(plan: RunPlan, rig: RigInfo) -> Conditions:
    """Return what a run is to be made with; its duration is the planned one."""
    n_per_s = NS_PER_S * plan.period_denominator / plan.period_numerator_ns
    return Conditions(
        profile_name=plan.profile_name,
        profile_sha256=plan.profile_sha256,
        model_bundle_sha256=plan.model_bundle_sha256,
        pipeline_sha256=plan.pipeline_sha256,
        feed=plan.feed.source,
        rig=plan.rig,
        device_class=plan.device_class,
        stack_sha256=rig.stack_sha256,
        facts=flat_facts(rig.facts),
        hilrig_version=plan.hilrig_version,
        frame_rate_fps=n_per_s,
        duration_min=plan.n_measured_frames / n_per_s / S_PER_MIN,
    )


def rate_fps(n_frames: float | None, duration_min: float | None) -> float | None:
    """Return the mean frame rate that a paced run offered; None when nothing was measured."""
    return n_frames / (duration_min * S_PER_MIN) if n_frames and duration_min else None


def differences(runs: Sequence[Conditions]) -> tuple[Difference, ...]:
    """Return what is not the same in all runs; first what keeps their numbers from being held together."""
    return tuple(
        Difference(
            what=what,
            texts=tuple(_shown(read(run), is_digest=what in _DIGESTS) for run in runs),
            is_obstacle=what in _OBSTACLES,
        )
        for what, read in _SEEN.items()
        if len({read(run) for run in runs}) > 1  # in full: two digests may begin and end alike
    )


def changes(before: Conditions, after: Conditions, *, but: Collection[str] = ()) -> tuple[str, ...]:
    """Return in words what differs between two runs, from the first to the second: `model a1b2... -> c3d4...`.

    A changed stack is told by the facts that changed, where the two know them. `but` is left out.
    """
    return tuple(_change(one, before, after) for one in differences((before, after)) if one.what not in but)


def _change(difference: Difference, before: Conditions, after: Conditions) -> str:
    old, new = difference.texts
    text = f"{difference.what} {old} -> {new}"
    facts = fact_changes(before.facts, after.facts) if difference.what == STACK else ""
    return f"{text} ({facts})" if facts else text


def fact_changes(before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]]) -> str:
    """Return which facts of a rig changed, the first three by name, and how many more; empty for none."""
    old, new = dict(before), dict(after)
    names = sorted(name for name in old.keys() | new.keys() if old.get(name, UNKNOWN) != new.get(name, UNKNOWN))
    return listed(
        [f"{name} {old.get(name, UNKNOWN)} -> {new.get(name, UNKNOWN)}" for name in names], at_most=N_FACTS_MAX
    )


def flat_facts(tree: Any) -> tuple[tuple[str, str], ...]:
    """Return the known leaves of a JSON tree as name and text, sorted; long texts are cut."""
    return tuple(sorted(_leaves(tree, "")))


def writable(value: Any) -> str:
    """Return a value as text that UTF-8 can hold: JSON and folder names may carry halves of surrogate pairs."""
    return str(value).encode(errors="replace").decode()


def short(digest: str) -> str:
    """Return a digest as people compare it: its first eight digits and its last two."""
    return f"{digest[:8]}..{digest[-2:]}" if digest else UNKNOWN


def _shown(text: str, *, is_digest: bool) -> str:
    return short(text) if is_digest else text or UNKNOWN


def _leaves(value: Any, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{at} {name}".strip())
    elif value is not None:
        text = writable(value)
        yield (
            writable(at).replace("_", " "),
            text if len(text) <= FACT_CHARS_MAX else text[:FACT_CHARS_MAX] + "...",
        )


def _value(measured: Mapping[str, Measurement], metric: str) -> float | None:
    return measured[metric].value if metric in measured else None


def _rate(run: Conditions) -> str:
    """Return the rate to nine digits: equal rates read alike, whatever they were computed from."""
    if run.frame_rate_fps is None or not math.isfinite(run.frame_rate_fps):
        return UNKNOWN
    return f"{run.frame_rate_fps:.9g} fps"


def _duration(run: Conditions) -> str:
    return UNKNOWN if run.duration_min is None else quantity(run.duration_min, "min")


STACK: Final = "stack"
RATE: Final = "frame rate"
DEVICE_CLASS: Final = "device class"
MODEL: Final = "model"

_OBSTACLES: Final = frozenset({DEVICE_CLASS, RATE})
_DIGESTS: Final = frozenset({MODEL, "pipeline", "profile digest", STACK})
_SEEN: Final[Mapping[str, Callable[[Conditions], str]]] = {
    DEVICE_CLASS: lambda run: run.device_class,
    RATE: _rate,
    MODEL: lambda run: run.model_bundle_sha256,
    "pipeline": lambda run: run.pipeline_sha256,
    "profile": lambda run: run.profile_name,
    "profile digest": lambda run: run.profile_sha256,
    "feed": lambda run: run.feed,
    "rig": lambda run: run.rig,
    STACK: lambda run: run.stack_sha256,
    "hilrig": lambda run: run.hilrig_version,
    "measured": _duration,
}
"""What is looked at, in the order in which it is said."""
