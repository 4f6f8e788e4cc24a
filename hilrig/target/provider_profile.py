"""Who did the work: node time by execution provider, from the profile that ONNX Runtime writes.

The file is JSON in the form of Chrome's trace events: a list of objects with `cat`, `name`, `ts` and `dur` in
microseconds. A node's execution has `cat` Node, a name that ends in `_kernel_time`, and its provider in `args`; an
inference has `cat` Session and the name `model_run`. Kernels of a CUDA device are launched, not awaited: the time
of their nodes is a guard against a fall-back to the CPU and says nothing of the device's speed.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hilrig.core.accelerator import ProviderShare

_NODE_SUFFIX: Final = "_kernel_time"
_RUN: Final = "model_run"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    provider: str
    begin_us: float
    duration_us: float


def provider_shares(
    profile: bytes, *, n_warmup: int, n_frames: int, assigned: Mapping[str, int] | None
) -> tuple[ProviderShare, ...]:
    """Return what each provider did in the frames after the warm-up, by name.

    Args:
        profile: the file.
        n_warmup: inferences that do not count: the first ones allocate and compile.
        n_frames: inferences after them.
        assigned: nodes of the graph by provider; None where the runtime does not tell.

    Raises:
        ValueError: it is no such file, it does not hold all inferences, or no node took any time.
    """
    events = _events(profile)
    begins_us = sorted(_number(event, "ts") for event in events if _is(event, "Session", _RUN))
    if len(begins_us) != n_warmup + n_frames:
        raise ValueError(f"the profile holds {len(begins_us)} of {n_warmup + n_frames} inferences")
    counted = [node for node in _nodes(events) if node.begin_us >= begins_us[n_warmup]]
    total_us = math.fsum(node.duration_us for node in counted)
    if total_us <= 0:
        raise ValueError("no node of the profile took any time")
    names = sorted({node.provider for node in counted} | set(assigned or ()))
    return tuple(_share(name, counted, total_us, assigned) for name in names)


def _share(
    name: str, counted: Sequence[_Node], total_us: float, assigned: Mapping[str, int] | None
) -> ProviderShare:
    own = [node.duration_us for node in counted if node.provider == name]
    return ProviderShare(
        provider=name,
        n_assigned=None if assigned is None else assigned.get(name, 0),
        n_executed=len(own),
        time_share_pct=min(100.0, 100 * math.fsum(own) / total_us),
    )


def _events(profile: bytes) -> list[Mapping[str, Any]]:
    try:
        events = json.loads(profile)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the profile is no JSON: {error}") from error
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise ValueError("the profile is no list of events")
    return events


def _nodes(events: Sequence[Mapping[str, Any]]) -> Iterator[_Node]:
    for event in events:
        if not _is(event, "Node", _NODE_SUFFIX):
            continue
        arguments = event.get("args")
        provider = arguments.get("provider") if isinstance(arguments, dict) else None
        if not isinstance(provider, str) or not provider:
            raise ValueError(f"the profile does not say which provider ran {event.get('name')}")
        yield _Node(provider=provider, begin_us=_number(event, "ts"), duration_us=_number(event, "dur"))


def _is(event: Mapping[str, Any], category: str, name_end: str) -> bool:
    return event.get("cat") == category and str(event.get("name", "")).endswith(name_end)


def _number(event: Mapping[str, Any], key: str) -> float:
    value = event.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"the profile has {key} {value!r} where a time in microseconds belongs")
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError(f"the profile has a {key} beyond every clock") from error
