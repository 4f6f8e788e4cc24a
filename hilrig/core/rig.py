"""A rig: a machine with the hardware, as its file states it and as it was found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RigSpec:
    """What a rig file states. `device_class` `auto` takes what is found: only for the machine one sits at."""

    name: str
    transport: str
    device_class: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RigInfo:
    """What was found on a rig before a run.

    Args:
        device_classes: every class that this hardware belongs to, the most specific first.
        boot_id: changes with every boot; a change during a run voids it.
        facts: OS, kernel, CPU, memory, governor, runtime versions: JSON, unknown facts are None.
        stack_sha256: over the canonical JSON of the facts that change what a model does here.
    """

    name: str
    device_classes: tuple[str, ...]
    boot_id: str
    serial_sha256: str | None
    facts: Mapping[str, Any]
    stack_sha256: str
