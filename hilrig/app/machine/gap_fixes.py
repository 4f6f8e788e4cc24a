"""What mends a gap in the telemetry, as data.

It is found by the channel, where the channel comes from and why it has no value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hilrig.core import channels
from hilrig.core.telemetry import Capability, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A step for the channels whose text matches: key, source and detail, each behind a space.

    `step` may name `{path}`, the file that could not be read.
    """

    matches: str
    reasons: frozenset[Reason]
    step: str


_MISSING: Final = frozenset({Reason.ABSENT, Reason.NOT_SUPPORTED})
_FORBIDDEN: Final = frozenset({Reason.NO_PERMISSION})
_NOT_NOW: Final = frozenset({Reason.OFFLINE})
_ANY: Final = frozenset(Reason)
NOTHING_TO_DO: Final = "nothing to do"
"""How a fix begins that is none: the gap is in the nature of the machine."""

_UNKNOWN_PATH: Final = "the file"

_FIXES: Final = (
    Fix(matches=r"nvidia-ml-py", reasons=_ANY, step="pip install nvidia-ml-py (or 'hilrig[gpu]')"),
    Fix(
        matches=r"DRIVER_NOT_LOADED|LIB_RM_VERSION_MISMATCH",
        reasons=_ANY,
        step="the driver was updated or is not loaded: start the machine again",
    ),
    Fix(matches=r"only NVML knows", reasons=_MISSING, step="pip install nvidia-ml-py, in this Python"),
    Fix(
        matches=r"jtop service",
        reasons=frozenset({Reason.ABSENT, Reason.LOST, Reason.ERROR}),
        step="sudo systemctl restart jtop.service (to install it: sudo jtop --install-service)",
    ),
    Fix(matches=r"jtop", reasons=_FORBIDDEN, step="sudo usermod -aG jtop $USER, then log in again"),
    Fix(
        matches=r"intel-rapl",
        reasons=_FORBIDDEN,
        step="run as root, or give a group the right at each boot, in /etc/tmpfiles.d/hilrig.conf: "
        "z {path} 0440 root GROUP - -",
    ),
    Fix(
        matches=r"intel-rapl",
        reasons=_MISSING,
        step="Intel and AMD: sudo modprobe intel_rapl_msr; virtual machines and other CPUs do not count it",
    ),
    Fix(
        matches=r"/sys/kernel/debug|debugfs|nvmap|emc|bpmp",
        reasons=_FORBIDDEN,
        step="only root reads debugfs: run hilrig as root",
    ),
    Fix(
        matches=r"/sys/kernel/debug|debugfs|nvmap|emc|bpmp",
        reasons=_MISSING,
        step="sudo mount -t debugfs none /sys/kernel/debug; without the file there, this kernel does not tell",
    ),
    Fix(
        matches=rf"^ {channels.TEMPERATURE}[ {{].*/sys/class/hwmon",
        reasons=_MISSING,
        step="sudo modprobe coretemp (Intel) or k10temp (AMD); virtual machines have no sensors",
    ),
    Fix(
        matches=r"thermal_throttle/",
        reasons=_MISSING,
        step="nothing to do: only Intel CPUs count their throttling, and not inside a virtual machine",
    ),
    Fix(
        matches=r"cooling_device_stats|cooling_device.*stats",
        reasons=_MISSING,
        step="build the kernel with CONFIG_THERMAL_STATISTICS=y; without it lock the clocks, or set "
        "resources.gpu_clock_min_mhz",
    ),
    Fix(matches=r"/proc/pressure/", reasons=_MISSING, step="boot with psi=1 (kernel option CONFIG_PSI=y)"),
    Fix(
        matches=r"cpufreq/",
        reasons=_MISSING,
        step="allow P-states in the firmware, or load the driver: sudo modprobe acpi-cpufreq; virtual machines "
        "hide their clocks",
    ),
    Fix(
        matches=r"cgroup memory\.events",
        reasons=_MISSING,
        step="start hilrig in a control group (v2) of its own: systemd-run --user --scope hilrig ...",
    ),
    Fix(matches=r"/schedstat", reasons=_MISSING, step="a kernel with CONFIG_SCHED_INFO=y"),
    Fix(
        matches=rf"^ {channels.PROCESS_GPU_MEMORY_PEAK}",
        reasons=_MISSING | _FORBIDDEN,
        step="sudo nvidia-smi --accounting-mode=1, before the run; a peak sampled at 10 Hz is taken without it",
    ),
    Fix(
        matches=rf"^ {channels.PROCESS_GPU_MEMORY}",
        reasons=_NOT_NOW,
        step="nothing to do: this process uses no GPU memory, the target's will",
    ),
    Fix(
        matches=rf"^ {channels.ERRORS}.*ecc",
        reasons=_MISSING,
        step="nothing to do where the card has no ECC memory; else switch it on: sudo nvidia-smi -e 1",
    ),
)
"""The first that matches counts."""

_BY_REASON: Final = {
    Reason.NOT_SUPPORTED: "nothing to do: this hardware, or its driver, does not tell",
    Reason.NO_PERMISSION: "run hilrig as root, or let its user read {path}",
    Reason.ABSENT: "nothing to do where this machine has no such hardware; else load its driver",
    Reason.OFFLINE: "nothing to do: it is switched off just now",
    Reason.STALE: "look again; if it stays so, its source has stopped",
    Reason.LOST: "it was there and is gone: see dmesg",
    Reason.ERROR: "send us what hilrig doctor --record board.tar.gz writes",
}

_MOUNTS: Final = (
    (rf"^ {channels.PROCESS_GPU_MEMORY}", "start the container with --pid=host"),
    (r"jtop", "mount its socket: -v /run/jtop.sock:/run/jtop.sock"),
    (r"/sys/kernel/debug|debugfs|nvmap|emc|bpmp", "mount debugfs: -v /sys/kernel/debug:/sys/kernel/debug:ro"),
)
"""What a container must be given, beside the fix: text to match as in `Fix`, step."""


def fix_of(capability: Capability, *, container: bool) -> str:
    """Return the step that mends a channel's gap, empty when it has none.

    Args:
        capability: what the channel answered.
        container: whether this is one, which has to be given some of what the machine has.
    """
    if capability.reason is None:
        return ""
    text = f" {capability.channel.key} {capability.channel.source} {capability.detail}"
    steps = [_step(capability.reason, text), *(_mounts(text) if container else ())]
    path = re.search(r"(/[^\s:]+(?::\d+)*[^\s:]*): ", f"{capability.detail}: ")
    return "; ".join(steps).replace("{path}", path[1] if path else _UNKNOWN_PATH)


def _step(reason: Reason, text: str) -> str:
    fixes = (fix.step for fix in _FIXES if reason in fix.reasons and re.search(fix.matches, text))
    return next(fixes, _BY_REASON[reason])


def _mounts(text: str) -> Iterator[str]:
    yield from (step for matches, step in _MOUNTS if re.search(matches, text))
