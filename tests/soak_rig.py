"""What a rig told during a soak: its telemetry, its events, what it is (see `soaks`)."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accelerator_proofs import CPU, CUDA
from builders import MIB, NS_PER_MS, NS_PER_S, T0_NS, make_capability
from hilrig.core import channels
from hilrig.core.floor import Floor
from hilrig.core.rig import RigInfo
from hilrig.core.run import Ended, RunEvent
from hilrig.core.telemetry import GC_PAUSE, HOST_STALL, READING_DTYPE, TIER_CODES, Capability, ReadingTable, Tier
from hilrig.record.utc import utc_text
from soak_course import Course, Numbers
from watched_rigs import rtx

STARTED_NS = 1_795_212_004 * NS_PER_S
"""The evening of 2026-11-20, UTC."""

BOOT_ID = "11111111-2222-4333-8444-555555555555"


def soak_telemetry(course: Course) -> tuple[tuple[Capability, ...], ReadingTable]:
    """Return the rig's channels and their readings; what the story does not touch reads one value all along."""
    start_ns, end_ns = course.start_ns, course.end_ns
    fast_ns = np.append(np.arange(start_ns, end_ns, 100 * NS_PER_MS), end_ns)
    slow_ns = np.append(np.arange(start_ns, end_ns, NS_PER_S), end_ns)
    t_ns = {Tier.FAST: fast_ns, Tier.SLOW: slow_ns, Tier.EDGE: np.array([start_ns, end_ns])}
    tables, capabilities = [], []
    for curve in rtx().values():
        tier, key = curve.capability.channel.tier, curve.capability.channel.key
        t_s = (t_ns[tier] - start_ns) / NS_PER_S
        told = next((tell for part, tell in _TOLD.items() if key.startswith(part)), None)
        value = np.full(t_s.size, curve.points[-1][1]) if told is None else told(course, t_s)
        tables.append(_rows(len(capabilities), t_ns[tier], value, tier))
        capabilities.append(curve.capability)
    for name, moments in ((HOST_STALL, course.stalls), (GC_PAUSE, course.collections)):
        begin_ns, length_ns = np.array(moments, np.int64).reshape(-1, 2).T
        tables.append(_rows(len(capabilities), begin_ns, length_ns.astype(np.float64), Tier.FAST))
        capabilities.append(make_capability(name, unit="ns"))
    readings = np.concatenate(tables)
    return tuple(capabilities), readings[np.argsort(readings["t_ns"], kind="stable")]


def _rows(channel: int, t_ns: NDArray[np.int64], value: Numbers, tier: Tier) -> ReadingTable:
    rows = np.zeros(t_ns.size, READING_DTYPE)
    rows["t_ns"], rows["value"], rows["channel"], rows["tier"] = t_ns, value, channel, TIER_CODES[tier]
    rows["width_ns"] = 400_000
    return rows


def _gpu_celsius(course: Course, t_s: Numbers) -> Numbers:
    return np.round(63 + 27 * course.heat(t_s) + course.rng.normal(0, 0.4, t_s.size))


def _gpu_clock_hz(course: Course, t_s: Numbers) -> Numbers:
    steps = course.rng.integers(-1, 2, t_s.size) * 15e6
    return np.where(course.is_hot(t_s), 0.93e9, 1.59e9) + steps


def _gpu_watt(course: Course, t_s: Numbers) -> Numbers:
    return np.where(course.is_hot(t_s), 38.0, 58.0) + course.rng.normal(0, 1.2, t_s.size)


def _gpu_busy(course: Course, t_s: Numbers) -> Numbers:
    return np.where(course.is_hot(t_s), 0.52, 0.34) + course.rng.uniform(-0.03, 0.03, t_s.size)


def _throttled(course: Course, t_s: Numbers) -> Numbers:
    return course.is_hot(t_s).astype(np.float64)


def _throttled_ns(course: Course, t_s: Numbers) -> Numbers:
    """Return the driver's counter: it grew by so much when it is read."""
    spent_s = sum((np.clip(t_s, begin_s, end_s) - begin_s for begin_s, end_s in course.hot_s), np.zeros_like(t_s))
    return 4e8 + np.round(spent_s * NS_PER_S)


def _host_celsius(course: Course, t_s: Numbers) -> Numbers:
    return np.round(54 + 6 * course.heat(t_s) + course.rng.normal(0, 0.7, t_s.size))


def _memory_bytes(course: Course, t_s: Numbers) -> Numbers:
    return np.round(280 + course.rng.uniform(0, 0.5, t_s.size)) * MIB


def _cpu_s(share: float) -> Callable[[Course, Numbers], Numbers]:
    return lambda course, t_s: 1000 + np.round(share * 8 * t_s, 2)  # of eight cores


_TOLD: Mapping[str, Callable[[Course, Numbers], Numbers]] = {
    f"{channels.TEMPERATURE}{{{channels.HW_ID}=gpu0}}": _gpu_celsius,
    f"{channels.TEMPERATURE}{{{channels.HW_ID}=coretemp": _host_celsius,
    f"{channels.GPU_CLOCK}{{": _gpu_clock_hz,
    f"{channels.POWER}{{": _gpu_watt,
    f"{channels.GPU_UTILIZATION}{{": _gpu_busy,
    f"{channels.THROTTLE_STATE}{{{channels.CAUSE}=thermal": _throttled,
    f"{channels.THROTTLE_TIME}{{{channels.CAUSE}=thermal,{channels.HW_ID}=gpu0": _throttled_ns,
    "process.memory.usage": _memory_bytes,
    "hilrig.process.memory.peak": lambda course, t_s: np.array([900.0, 300.0])[: t_s.size] * MIB,
    "system.cpu.time{cpu.mode=user": _cpu_s(0.1),
    "system.cpu.time{cpu.mode=idle": _cpu_s(0.9),
    "system.cpu.time{cpu.mode=steal": _cpu_s(0.0),
}
"""What a channel tells of the story, by the beginning of its key."""


def soak_events(course: Course) -> tuple[RunEvent, ...]:
    start_ns, end_ns = course.start_ns, course.end_ns
    told: list[tuple[int, str, dict[str, Any]]] = [
        (T0_NS - 3 * NS_PER_S, "run_created", {"boot_id": BOOT_ID}),
        *((T0_NS - NS_PER_S, "child_ready", {"role": role, "facts": facts}) for role, facts in _CHILDREN.items()),
        (T0_NS - NS_PER_S, "schedule", {"t0_ns": T0_NS}),
        (T0_NS - NS_PER_S, "phase", {"phase": "warmup"}),
        (start_ns, "phase", {"phase": "measure"}),
        *((t_ns, "clock", _clocks(t_ns)) for t_ns in (*range(T0_NS, end_ns, 60 * NS_PER_S), end_ns)),
        (end_ns, "phase", {"phase": "drain"}),
        (
            end_ns + NS_PER_MS,
            "run_ended",
            {"ended": Ended.COMPLETED.value, "reason": "", "boot_id": BOOT_ID, "n_lost_records": 0},
        ),
    ]
    told.sort(key=lambda one: one[0])
    return tuple(
        RunEvent(seq=seq, t_ns=t_ns, at_utc=utc_text(STARTED_NS - T0_NS + t_ns), kind=kind, detail=detail)
        for seq, (t_ns, kind, detail) in enumerate(told)
    )


def _clocks(t_ns: int) -> dict[str, int]:
    return {"monotonic_ns": t_ns, "realtime_ns": STARTED_NS - T0_NS + t_ns, "boottime_ns": t_ns}


def _setup(*, priority: int | None) -> dict[str, Any]:
    return {
        "cpus": None,
        "is_memory_locked": priority is not None,
        "real_time_priority": priority,
        "refused": [],
        "spin_us": None,
        "timer_slack_ns": 1,
    }


_CHILDREN: Mapping[str, dict[str, Any]] = {
    "stall_sentinel": {"setup": _setup(priority=50)},
    "worker": {"setup": _setup(priority=None), "target": {"providers": [CUDA, CPU]}},
    "feeder": {"setup": _setup(priority=50)},
    "sampler_loop": {"setup": _setup(priority=None)},
}

FLOOR = Floor(
    frame_rate_fps=30.0,
    n=300,
    lateness_p50_us=22.0,
    lateness_p99_us=61.0,
    hand_over_p50_us=38.0,
    hand_over_p99_us=92.0,
    latency_p50_us=71.0,
    latency_p99_us=160.0,
    latency_max_us=410.0,
    n_undecided=0,
    n_stalls=0,
    stall_max_ms=0.0,
)

RIG = RigInfo(
    name="bench-7",
    device_classes=("x86-rtx4000-ada", "x86-nvidia"),
    boot_id=BOOT_ID,
    serial_sha256="5" * 64,
    facts={
        "os": "Ubuntu 22.04.5 LTS",
        "kernel": "6.8.0-48-generic",
        "cpu_model": "13th Gen Intel(R) Core(TM) i7-13700E",
        "cpus_logical": 8,
        "memory_bytes": 32 << 30,
        "nvidia_driver": "550.127.05",
        "python": "3.10.12",
        "packages": {"numpy": "1.26.4", "onnxruntime-gpu": "1.20.1", "opencv-python-headless": "4.10.0.84"},
        "virtualised": False,
    },
    stack_sha256="6" * 64,
)
