"""A rig: a machine with the hardware.

Here it is as its file states it, and as it was found.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseSpec:
    """How long a rig stays held when nobody says anything more: the run renews it a third of the way."""

    ttl_s: float = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RigConditions:
    """What a rig must be like before a run is sent there. None: not asked for.

    Args:
        min_free_mib: room on the disk of the work folder, beside what the upload takes.
        max_temperature_c: of the hottest sensor, so that a run does not begin on a rig that is still hot.
        max_clock_offset_s: between the rig's clock and the one of the machine that asks.
        power_mode: the power mode's name, as `hilrig doctor` shows it.
        no_foreign_gpu_processes: whether another process on the GPU is refused.
    """

    min_free_mib: float = 1024.0
    max_temperature_c: float | None = None
    max_clock_offset_s: float | None = 60.0
    power_mode: str | None = None
    no_foreign_gpu_processes: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RigSpec:
    """What a rig file states. `device_class` `auto` takes what is found: only for the machine one sits at.

    Args:
        transport: how the rig is reached; `transport_options` are that transport's.
        power: how its power is switched; `power_options` are that control's.
        work_folder: the folder on the rig that hilrig works in, relative to the login's home; None: the run is
            done in place, by this hilrig on this machine.
        python: the Python on the rig that has hilrig's dependencies.
        disabled: why it is out of service; empty while it is in service.
        folder: where the rig file lies: relative paths in it start there.
    """

    name: str
    transport: str
    device_class: str
    labels: Mapping[str, str] = field(default_factory=dict)
    transport_options: Mapping[str, Any] = field(default_factory=dict)
    power: str = "none"
    power_options: Mapping[str, Any] = field(default_factory=dict)
    lease: LeaseSpec = field(default_factory=LeaseSpec)
    conditions: RigConditions = field(default_factory=RigConditions)
    work_folder: str | None = None
    python: str = "python3"
    disabled: str = ""
    folder: str = ""


class PowerState(str, Enum):
    """Whether a rig has power, as far as its control can tell."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RigLeaseRecord:
    """The record on a rig that says who holds it; `lease.json` in its work folder.

    Args:
        holder: who, as they said: `user@host`. A claim, not a proof.
        run_id: the run that it is held for; empty for a reservation by hand.
        note: why, in the holder's words.
        boot_id: of the rig when it was written: a lease does not survive a reboot.
        since_utc: the rig's wall clock, for people only.
        expires_boottime_ns: CLOCK_BOOTTIME of that boot; a wall clock that jumps changes nothing.
    """

    holder: str
    run_id: str
    note: str
    boot_id: str
    since_utc: str
    expires_boottime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RigInfo:
    """What was found on a rig before a run.

    Args:
        name: the rig's.
        device_classes: every class that this hardware belongs to, the most specific first.
        boot_id: changes with every boot; a change during a run voids it.
        serial_sha256: over the machine's serial number, which itself is kept nowhere; None where it has none.
        facts: OS, kernel, CPU, memory, governor, runtime versions: JSON, unknown facts are None.
        stack_sha256: over the canonical JSON of the facts that change what a model does here.
    """

    name: str
    device_classes: tuple[str, ...]
    boot_id: str
    serial_sha256: str | None
    facts: Mapping[str, Any]
    stack_sha256: str
