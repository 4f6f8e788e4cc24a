"""The keys of a rig file: types, units, ranges, meanings. What several of them forbid stands in `rig_rules`."""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from hilrig.config.keys import Format, Keys, Name, Positive, Text
from hilrig.core.rig import LeaseSpec, RigConditions, RigSpec

TTL_MIN_S: Final = 60
"""A run renews its lease a third of the way: under a minute, one slow disk flush would lose the rig."""
TTL_MAX_S: Final = 86_400
"""A day: a rig whose holder died should not be locked over a weekend."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\\]")

_LEASE: Final = LeaseSpec()
_CONDITIONS: Final = RigConditions()
_RIG: Final = RigSpec(name="", transport="", device_class="")


def check_remote_path(value: str) -> str:
    """Return a path on the rig.

    Raises:
        PydanticCustomError: it leads nowhere, out of its folder, or is meant for a shell that is not asked.
    """
    if not value or _CONTROL.search(value) or value.startswith("-"):
        raise _wrong_path(value, "a path, without backslashes and control characters, that begins with no hyphen")
    if value.startswith("~"):
        raise _wrong_path(value, "no '~': a relative path starts in the login's home anyway")
    if ".." in value.split("/"):
        raise _wrong_path(value, "a path without '..'")
    return value


def check_work_folder(value: str) -> str:
    """Return the path of a folder that hilrig may fill and tidy up.

    Raises:
        PydanticCustomError: it is no such path.
    """
    check_remote_path(value)
    if not value.replace("/", "").replace(".", ""):
        raise _wrong_path(value, "a folder of hilrig's own, which it fills and tidies up: 'hilrig-work'")
    return value


def _wrong_path(value: str, wanted: str) -> PydanticCustomError:
    return PydanticCustomError(
        "wrong_value", "expected {wanted}; found '{found}'", {"wanted": wanted, "found": value[:60]}
    )


RemotePath = Annotated[str, Field(max_length=400), AfterValidator(check_remote_path)]
WorkFolder = Annotated[str, Field(max_length=400), AfterValidator(check_work_folder)]


class LeaseKeys(Keys):
    """How long the rig stays held."""

    ttl_s: Annotated[float, Field(ge=TTL_MIN_S, le=TTL_MAX_S)] = Field(
        default=_LEASE.ttl_s,
        description="How long the rig stays held when nobody says anything more. The run on the rig renews it; "
        "a CI job that was killed blocks the rig for this long at most.",
    )


class ConditionKeys(Keys):
    """What the rig must be like before a run."""

    min_free_mib: Annotated[float, Field(ge=0)] = Field(
        default=_CONDITIONS.min_free_mib,
        description="Room on the disk of the work folder, beside what the upload takes.",
    )
    max_temperature_c: Annotated[float, Field(gt=0, le=150)] | None = Field(
        default=_CONDITIONS.max_temperature_c,
        description="The hottest sensor's limit at the start: a rig that is still hot would throttle early. Not "
        "asked for if left out.",
    )
    max_clock_offset_s: Positive | None = Field(
        default=_CONDITIONS.max_clock_offset_s,
        description="How far the rig's clock may be from that of the machine that asks.",
    )
    power_mode: Text | None = Field(
        default=_CONDITIONS.power_mode,
        description="The power mode's name, as `hilrig doctor` shows it on the rig. Not asked for if left out.",
    )
    no_foreign_gpu_processes: bool = Field(
        default=_CONDITIONS.no_foreign_gpu_processes,
        description="Whether a run is refused while another process uses the GPU.",
    )


class RigKeys(Keys):
    """A whole rig file."""

    format: Format = Field(description="Format of this file: 1.")
    name: Name = Field(
        description="Name of the rig, as it appears in run names and reports: small letters, digits, hyphens."
    )
    transport: str = Field(
        description="How the rig is reached: `local` (the machine that hilrig runs on), `ssh`, `labgrid`, or a "
        "plug-in's name."
    )
    transport_options: dict[str, Any] = Field(
        default={}, description="The transport's own options, checked against it."
    )
    device_class: Name = Field(
        description="Class of the hardware, checked against what is found there. `auto` takes what is found: only "
        "for the machine that you sit at."
    )
    labels: dict[Name, Annotated[str, Field(max_length=200)]] = Field(
        default={},
        description='Whatever tells this rig from others: `{hall: "3", owner: welding}`. Values are text.',
    )
    power: str = Field(
        default=_RIG.power,
        description="How the rig's power is switched: `none`, `command` (a program of yours), `qemu` (a virtual "
        "rig), `labgrid`, or a plug-in's name.",
    )
    power_options: dict[str, Any] = Field(
        default={}, description="The power control's own options, checked against it."
    )
    lease: LeaseKeys = LeaseKeys()
    conditions: ConditionKeys = ConditionKeys()
    work_folder: WorkFolder | None = Field(
        default=None,
        description="The folder on the rig that hilrig works in; a relative path starts in the login's home. If "
        "left out: `hilrig-work`, and with the transport `local` none: the run is done in place.",
    )
    python: RemotePath = Field(
        default=_RIG.python,
        description="The Python on the rig that has hilrig's dependencies: a name, or a path as `work_folder`.",
    )
    enabled: bool = Field(default=True, description="`false` takes the rig out of service.")
    disabled_reason: Text | None = Field(
        default=None, description="Why it is out of service; everybody who asks for the rig reads it."
    )
