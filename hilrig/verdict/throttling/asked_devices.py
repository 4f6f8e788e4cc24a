"""Which devices of a rig have to answer whether they throttled: known from the probe, before any run."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hilrig.core import channels
from hilrig.core.telemetry import Capability, Reason
from hilrig.verdict.telemetry.devices import CPU, FIRST_GPU, device_of, is_gpu

STAND_INS: Final = frozenset({"gpu-throttle-alert", "soc"})
"""Who answers for a Jetson's GPU (`gpu0`) of which NVML knows no more than the name: the GPU's alert for heat, the
module's counters for power and voltage. They are devices that have to answer themselves."""

CPU_CLASS: Final = "-cpu"
"""How the name of a device class without an accelerator ends."""

NOT_THERE: Final = frozenset({Reason.ABSENT, Reason.NOT_SUPPORTED})
THROTTLE_NAMES: Final = (channels.THROTTLE_EVENTS, channels.THROTTLE_TIME, channels.THROTTLE_STATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The devices that have to answer for one cause, by `hw.id` (empty: the CPU), and those that are not there.

    `devices` has the probe's answers of each one's throttle channels; none where nothing speaks for it.
    """

    devices: Mapping[str, tuple[Capability, ...]]
    absent: tuple[str, ...]


def watched_for(cause: str, capabilities: Sequence[Capability], device_class: str) -> Watched:
    """Return who has to answer for a cause.

    That is every device with a throttle channel of it but these: a CPU without such counters; a GPU that is not
    there, where the rig's class has none; a GPU of a Jetson that leaves the answer to the module's own. The
    accelerator of a class that has one must answer even where nothing speaks for it. Nobody left: not measured.
    """
    is_cpu_class = device_class.endswith(CPU_CLASS)
    devices = _devices(cause, capabilities)
    if not is_cpu_class and list(devices) == [""]:
        devices[FIRST_GPU] = ()
    nowhere = [hw_id for hw_id in devices if is_cpu_class and is_gpu(hw_id) and _is_nowhere(hw_id, capabilities)]
    left_out = [
        hw_id for hw_id, found in devices.items() if _is_absent(found) and _is_excused(hw_id, devices, nowhere)
    ]
    return Watched(
        devices={hw_id: found for hw_id, found in devices.items() if hw_id not in left_out},
        absent=tuple(hw_id or CPU for hw_id in left_out if not hw_id or hw_id in nowhere),
    )


def _devices(cause: str, capabilities: Sequence[Capability]) -> dict[str, tuple[Capability, ...]]:
    devices: dict[str, tuple[Capability, ...]] = {}
    for name in THROTTLE_NAMES:
        for one in capabilities:
            if one.channel.name == name and (channels.CAUSE, cause) in one.channel.attributes:
                devices[device_of(one.channel)] = (*devices.get(device_of(one.channel), ()), one)
    return devices


def _is_absent(found: Sequence[Capability]) -> bool:
    return all(one.reason in NOT_THERE for one in found)


def _is_excused(hw_id: str, devices: Collection[str], nowhere: Collection[str]) -> bool:
    """Return whether an absent device leaves no question open: the CPU, no GPU at all, one with a stand-in."""
    has_stand_in = hw_id == FIRST_GPU and not STAND_INS.isdisjoint(devices)
    return not hw_id or hw_id in nowhere or has_stand_in


def _is_nowhere(hw_id: str, capabilities: Sequence[Capability]) -> bool:
    """Return whether no channel of a GPU is more than ABSENT: a driver without a card."""
    return all(one.reason is Reason.ABSENT for one in capabilities if device_of(one.channel) == hw_id)
