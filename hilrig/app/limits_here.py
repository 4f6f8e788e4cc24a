"""Which limits of a profile this machine could hold now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hilrig.config.document import dotted
from hilrig.config.key_tree import blocks
from hilrig.config.limit_model import HilValidationKeys, held_by
from hilrig.core import channels
from hilrig.core.metrics import METRICS, POWER_CONTROL, Need
from hilrig.core.telemetry import Capability, Reason

_MAY_ANSWER: Final = frozenset({None, Reason.OFFLINE})
"""Probe results after which a run may have values: a process that is yet to be started uses no GPU memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitHere:
    """A key of `hil_validation`: `obstacle` says why it can't be held here, `condition` what else it takes."""

    key: str
    obstacle: str = ""
    condition: str = ""


def limits_here(capabilities: Sequence[Capability]) -> tuple[LimitHere, ...]:
    """Return every key that is a limit, in the order of the schema."""
    return tuple(
        LimitHere(key=key, obstacle=obstacle(metric, capabilities), condition=condition(metric, capabilities))
        for key, metric in _limit_keys()
    )


def _limit_keys() -> Iterator[tuple[str, str]]:
    for path, block in blocks(HilValidationKeys):
        for name, field in block.model_fields.items():
            holds = held_by(field)
            if holds:
                yield dotted((*path, name)), holds.metric


def obstacle(metric: str, capabilities: Sequence[Capability]) -> str:
    """Return why a metric can't be measured here; empty when it can."""
    needs = METRICS[metric].needs
    if POWER_CONTROL in needs:
        return "needs a rig whose power hilrig can cut"
    if not needs or any(_is_supplied(need, capabilities) for need in needs):
        return ""
    return ", ".join(f"{need}: {_why(need, capabilities)}" for need in needs)


def condition(metric: str, capabilities: Sequence[Capability]) -> str:
    """Return what else a PASS takes here; empty when nothing.

    A device that shows only its state can be seen throttling, but not proven never to have throttled.
    """
    offered: dict[str, set[str]] = {}
    for capability in capabilities:
        channel = capability.channel
        if capability.reason in _MAY_ANSWER and any(need.met_by(channel) for need in METRICS[metric].needs):
            device = dict(channel.attributes).get(channels.HW_ID, "the CPU")
            offered.setdefault(device, set()).add(channel.name)
    only_states = [device for device, names in offered.items() if names == {channels.THROTTLE_STATE}]
    if not only_states:
        return ""
    devices = ", ".join(only_states)
    return (
        f"{devices}: only its state can be read, not a counter; a PASS needs resources.gpu_clock_min_mhz as well"
    )


def _is_supplied(need: Need, capabilities: Sequence[Capability]) -> bool:
    return any(one.reason in _MAY_ANSWER and need.met_by(one.channel) for one in capabilities)


def _why(need: Need, capabilities: Sequence[Capability]) -> str:
    for one in capabilities:
        if one.reason is not None and need.met_by(one.channel):
            return f"{one.reason.name}{f' ({one.detail})' if one.detail else ''}"
    return Reason.ABSENT.name
