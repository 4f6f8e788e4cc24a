"""Which limits of a profile this machine could hold now."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hilrig.config.document import dotted
from hilrig.config.key_tree import blocks
from hilrig.config.limit_model import HilValidationKeys, held_by
from hilrig.core import channels
from hilrig.core.metrics import METRICS, Need
from hilrig.core.telemetry import Capability, Reason
from hilrig.verdict.telemetry.devices import CPU
from hilrig.verdict.throttling.asked_devices import watched_for
from hilrig.verdict.throttling.questions import EVENTS_OF

_MAY_ANSWER: Final = frozenset({None, Reason.OFFLINE})
"""Probe results after which a run may have values: a process that is yet to be started uses no GPU memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitHere:
    """A key of `hil_validation`: `obstacle` says why it can't be held here, `condition` what else it takes."""

    key: str
    obstacle: str = ""
    condition: str = ""


def limits_here(capabilities: Sequence[Capability], device_class: str) -> tuple[LimitHere, ...]:
    """Return every key that is a limit, in the order of the schema, for a rig of this class."""
    return tuple(
        LimitHere(
            key=key,
            obstacle=obstacle(metric, capabilities, device_class),
            condition=condition(metric, capabilities),
        )
        for key, metric in _limit_keys()
    )


def _limit_keys() -> Iterator[tuple[str, str]]:
    for path, block in blocks(HilValidationKeys):
        for name, field in block.model_fields.items():
            holds = held_by(field)
            if holds:
                yield dotted((*path, name)), holds.metric


def obstacle(metric: str, capabilities: Sequence[Capability], device_class: str) -> str:
    """Return why a metric can't be measured here; empty when it can."""
    needs = METRICS[metric].needs
    if not needs:
        return ""
    if not any(_is_supplied(need, capabilities) for need in needs):
        return ", ".join(f"{need}: {_why(need, capabilities)}" for need in needs)
    return _silent_device(metric, capabilities, device_class)


def _silent_device(metric: str, capabilities: Sequence[Capability], device_class: str) -> str:
    """Return which device says nothing about throttling although it has to; empty when all can."""
    for cause, counts in EVENTS_OF.items():
        if counts == metric:
            for hw_id, found in watched_for(cause, capabilities, device_class).devices.items():
                if not any(one.reason in _MAY_ANSWER for one in found):
                    return f"{hw_id or CPU}: {_reason_of(found)}"
    return ""


def _reason_of(found: Sequence[Capability]) -> str:
    told = [f"{one.reason.name}{f' ({one.detail})' if one.detail else ''}" for one in found if one.reason]
    return told[0] if told else "no source speaks for it: is its driver there, and the extra `gpu` installed?"


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
    found = [one for one in capabilities if need.met_by(one.channel)]
    return _reason_of(found) if found else Reason.ABSENT.name
