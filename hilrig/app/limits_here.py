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

_ONLY_STATE: Final = (
    "only its state can be read, which misses what is between two readings: lock the clocks, or set "
)
_CLOCK_KEY: Final = "resources.gpu_clock_min_mhz"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitHere:
    """A key of `hil_validation`: `obstacle` says why it can't be held here, `condition` what else it takes."""

    key: str
    obstacle: str = ""
    condition: str = ""


def limits_here(capabilities: Sequence[Capability]) -> tuple[LimitHere, ...]:
    """Return every key that is a limit, in the order of the schema."""
    return tuple(
        LimitHere(key=key, obstacle=_obstacle(metric, capabilities), condition=_condition(metric, capabilities))
        for key, metric in _limit_keys()
    )


def _limit_keys() -> Iterator[tuple[str, str]]:
    for path, block in blocks(HilValidationKeys):
        for name, field in block.model_fields.items():
            holds = held_by(field)
            if holds:
                yield dotted((*path, name)), holds.metric


def _obstacle(metric: str, capabilities: Sequence[Capability]) -> str:
    needs = METRICS[metric].needs
    if POWER_CONTROL in needs:
        return "needs a rig whose power hilrig can cut"
    if not needs or _supplied(needs, capabilities):
        return ""
    return ", ".join(f"{need} {_why(need, capabilities)}" for need in needs)


def _condition(metric: str, capabilities: Sequence[Capability]) -> str:
    needs = _supplied(METRICS[metric].needs, capabilities)
    is_only_state = bool(needs) and all(need.name == channels.THROTTLE_STATE for need in needs)
    return _ONLY_STATE + _CLOCK_KEY if is_only_state else ""


def _supplied(needs: Sequence[Need], capabilities: Sequence[Capability]) -> list[Need]:
    """Return the needs that a channel meets; one that is switched off just now may answer once the target runs."""
    answering = [c.channel for c in capabilities if c.reason in {None, Reason.OFFLINE}]
    return [need for need in needs if any(map(need.met_by, answering))]


def _why(need: Need, capabilities: Sequence[Capability]) -> str:
    reasons = (c.reason.name for c in capabilities if c.reason is not None and need.met_by(c.channel))
    return next(reasons, Reason.ABSENT.name)
