"""Scripts for the scripted NVML library, and ways to put it under the real, unchanged binding."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from hilrig.core.clock import ManualClock
from hilrig.core.telemetry import Capability, Tier
from hilrig.core.units import s_to_ns
from hilrig.sampler.nvml.sampler import NvmlSampler

SOURCE = Path(__file__).parent / "scripted_nvml" / "scripted_nvml.c"
LIBRARY = "libnvidia-ml.so.1"
VARIABLE = "SCRIPTED_NVML"
GIB = 1 << 30
PID = 4321

SW_POWER_CAP, HW_SLOWDOWN, SW_THERMAL, HW_THERMAL, POWER_BRAKE = 0x4, 0x8, 0x20, 0x40, 0x80

NOT_SUPPORTED, NO_PERMISSION, FUNCTION_NOT_FOUND, GPU_IS_LOST = 3, 4, 13, 15


def build_scripted_nvml(folder: Path, *flags: str) -> Path:
    """Compile the library into `folder`, under the name that the driver's has; `-DOLD_DRIVER` for an old one."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("a C compiler (cc) is not installed")
    library = folder / LIBRARY
    warnings = ["-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, "-shared", "-fPIC", *warnings, *flags, "-o", library, SOURCE], check=True)
    return library


@cache
def _loaded(*flags: str) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as folder:
        return ctypes.CDLL(str(build_scripted_nvml(Path(folder), *flags)))


@dataclass
class NvmlScript:
    """The statements of a script, in order. What a device is not told, it does not support.

    Times are seconds from the start of NVML, or from `origin_ns` on CLOCK_MONOTONIC.
    """

    lines: list[str] = field(default_factory=list)

    def say(self, *statements: str) -> "NvmlScript":
        """Append statements as they stand in the file."""
        self.lines += statements
        return self

    def device(self, name: str) -> "NvmlScript":
        """Begin a device: what follows is about it."""
        return self.say(f"device {name}")

    def always(self, curves: Mapping[str, float]) -> "NvmlScript":
        """Give curves a value that holds from the start."""
        return self.say(*(f"set {name} 0 {value:.0f}" for name, value in curves.items()))

    def set(self, curve: str, *points: tuple[float, float]) -> "NvmlScript":
        """Let a curve step to each value at its time."""
        return self.say(*(f"set {curve} {t_s} {value:.0f}" for t_s, value in points))

    def ramp(self, curve: str, *points: tuple[float, float]) -> "NvmlScript":
        """Let a curve go in a straight line to each value."""
        return self.say(*(f"ramp {curve} {t_s} {value:.0f}" for t_s, value in points))

    def process(self, who: str, *memory: tuple[float, float], which: str = "compute") -> "NvmlScript":
        """Add a process (`pid N`, `pid_file PATH`, `pid_env NAME`) with the bytes it uses from each time on."""
        return self.say(f"process {which} {who}", *(f"memory {t_s} {n_bytes:.0f}" for t_s, n_bytes in memory))

    def episode(self, begin_s: float, end_s: float, bits: int, *, how: str = "shown") -> "NvmlScript":
        """Throttle for a while; a `hidden` episode moves only the counters, whatever moment is looked at."""
        return self.say(f"episode {begin_s} {end_s} {bits:#x} {how}")

    def fields(self, *ids: int) -> "NvmlScript":
        """Let field values answer, as counters of throttling."""
        return self.say(*(f"field {one}" for one in ids))

    def xid(self, t_s: float, number: int) -> "NvmlScript":
        """Report an XID error."""
        return self.say(f"xid {t_s} {number}")

    def fail(self, call: str, status: int, *, from_s: float = 0) -> "NvmlScript":
        """Let a call (`*`: all) answer with a status from a time on."""
        return self.say(f"fail {call} {status} {from_s}")

    def delay(self, call: str, *, us: int) -> "NvmlScript":
        """Let every use of a call take long."""
        return self.say(f"delay {call} {us}")

    def write(self, path: Path) -> Path:
        """Write the script; return its path."""
        path.write_text("\n".join(self.lines) + "\n")
        return path

    def environment(self, folder: Path, *flags: str) -> dict[str, str]:
        """Build the library and write the script into `folder`; return what a process needs to find both."""
        build_scripted_nvml(folder, *flags)
        return {"LD_LIBRARY_PATH": str(folder), VARIABLE: str(self.write(folder / "nvml.script"))}


def machine() -> NvmlScript:
    """Return a driver without a device."""
    return NvmlScript().say("driver 580.65.06", "cuda 13000")


def discrete(name: str = "NVIDIA RTX 4000 Ada Generation", *, who: str = f"pid {PID}") -> NvmlScript:
    """Return a card that answers every call, at work and sound; its process has `who`."""
    return add_discrete(machine(), name, who=who)


def add_discrete(script: NvmlScript, name: str, *, who: str) -> NvmlScript:
    """Add such a card to a machine."""
    script.device(name).say("vbios 95.04.29.00.06").always(
        {
            "temperature_c": 62,
            "slowdown_c": 93,
            "clock_graphics_mhz": 1590,
            "clock_memory_mhz": 9001,
            "clock_graphics_max_mhz": 2175,
            "clock_memory_max_mhz": 9001,
            "applications_clock_mhz": 2175,
            "power_mw": 58000,
            "power_limit_mw": 130000,
            "utilization_pct": 78,
            "sample_period_ms": 100,
            "memory_total": 20 * GIB,
            "memory_used": 3 * GIB,
            "memory_reserved": GIB // 4,
            "fan_pct": 35,
            "ecc_uncorrected": 0,
            "reasons": 0,
            "supported_reasons": 0x7FF,
            "persistence": 1,
            "accounting": 1,
            "xid_events": 1,
            "compute_list": 1,
            "graphics_list": 1,
        }
    )
    script.set("energy_mj", (0, 1_000_000)).ramp("energy_mj", (10_000, 581_000_000))
    return script.fields(74, 75, 77, 269, 270, 271).process(who, (0, 2 * GIB))


def orin() -> NvmlScript:
    """Return an Orin: NVML names the device and supports nothing else."""
    return machine().device("Orin (nvgpu)")


def thor(*, who: str = f"pid {PID}") -> NvmlScript:
    """Return a Thor: load and processes answer, the memory of the device does not."""
    script = machine().device("Thor").always({"utilization_pct": 40, "compute_list": 1})
    return script.process(who, (0, GIB))


@dataclass
class OpenedNvml:
    """A sampler over the scripted library, whose time stands still until `go` moves it."""

    sampler: NvmlSampler
    clock: ManualClock
    library: ctypes.CDLL

    def __post_init__(self) -> None:
        """Probe, so that readings have names."""
        self.capabilities: list[Capability] = list(self.sampler.probe())

    def go(self, t_s: float) -> None:
        """Move the time of the library and of the sampler."""
        self.clock.now_ns = s_to_ns(t_s)
        self.library.scriptedNvmlSetTimeNs(ctypes.c_int64(s_to_ns(t_s)))

    def read(self, tier: Tier = Tier.EDGE) -> dict[str, object]:
        """Return the value or the reason of each channel by its key."""
        return {
            self.capabilities[number].channel.key: value if reason is None else reason
            for number, value, reason in self.sampler.read(tier)
        }

    def detail(self, key: str) -> str:
        """Return what the probe said of a channel."""
        (found,) = [known.detail for known in self.capabilities if known.channel.key == key]
        return found

    def source(self, key: str) -> str:
        """Return where a channel comes from."""
        (found,) = [known.channel.source for known in self.capabilities if known.channel.key == key]
        return found


@contextmanager
def injected(script: NvmlScript, *flags: str, at_s: float = 0) -> Iterator[ctypes.CDLL]:
    """Put the library under the binding of this process, its time standing at `at_s`."""
    pynvml = pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")
    library = _loaded(*flags)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, os.fspath(script.write(Path(folder) / "nvml.script")))
        patch.setattr(pynvml, "nvmlLib", library)
        patch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
        library.scriptedNvmlForget()
        library.scriptedNvmlSetTimeNs(ctypes.c_int64(s_to_ns(at_s)))
        try:
            yield library
        finally:
            library.scriptedNvmlSetTimeNs(ctypes.c_int64(-1))


@contextmanager
def opened(script: NvmlScript, *flags: str, at_s: float = 0) -> Iterator[OpenedNvml]:
    """Open a sampler over a script for the process PID, probed at `at_s`."""
    with injected(script, *flags, at_s=at_s) as library:
        clock = ManualClock(s_to_ns(at_s))
        sampler = NvmlSampler(Path("/"), PID, clock=clock)
        try:
            yield OpenedNvml(sampler, clock, library)
        finally:
            sampler.close()
