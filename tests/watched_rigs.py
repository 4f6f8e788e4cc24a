"""Telemetry of a sound minute on an industrial PC with an RTX card and on a Jetson Orin, channel by channel.

Names, attributes and tiers are those of the samplers. Values are those of a machine at work that is neither hot
nor short of power. A test replaces the channels that its story is about.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import repeat

from builders import (
    MIB,
    NS_PER_MS,
    NS_PER_S,
    P99,
    Curve,
    cpu_time,
    edges_ns,
    make_capability,
    make_limit,
    make_plan,
    make_record,
    memory_peak,
)
from hilrig.core import channels
from hilrig.core.profile import Limit
from hilrig.core.run import RunPlan, RunRecord
from hilrig.core.telemetry import Capability, ChannelKind, Reason, Tier

Rig = Mapping[str, Curve]
"""Curves by the key of their channel."""

Attributes = tuple[tuple[str, str], ...]

THERMAL = make_limit("resources.thermal_throttle_allowed", "thermal_throttle_events", 0, "events")
PLAN = make_plan(limits=[P99, THERMAL])
PERIOD_MS = {Tier.FAST: 100, Tier.SLOW: 1000}
ZONES = {"zone/cpu-thermal": 99.0, "zone/gpu-thermal": 99.0, "zone/tj-thermal": 99.0}
ALERTS = ("cpu-throttle-alert", "gpu-throttle-alert", "soc0-throttle-alert")
OVER_CURRENT = {"undervoltage": "oc1_event_cnt", "power": "oc2_event_cnt", "current_peak": "oc3_event_cnt"}

GAUGE, COUNTER, STATE = ChannelKind.GAUGE, ChannelKind.COUNTER, ChannelKind.STATE
FAST, SLOW, EDGE = Tier.FAST, Tier.SLOW, Tier.EDGE


def moments_ns(tier: Tier, plan: RunPlan = PLAN) -> list[int]:
    """Return when a tier is read: all of them at both edges of the measured part."""
    start_ns, end_ns = edges_ns(plan)
    period_ns = PERIOD_MS[tier] * NS_PER_MS if tier in PERIOD_MS else end_ns - start_ns
    return [*range(start_ns, end_ns, period_ns), end_ns]


def channel(
    name: str,
    value: float | Reason,
    *attributes: tuple[str, str],
    unit: str = "1",
    kind: ChannelKind = GAUGE,
    tier: Tier = SLOW,
    plan: RunPlan = PLAN,
) -> Curve:
    """Return a channel that reads one value all the time; a reason is already that of its probe."""
    reason = value if isinstance(value, Reason) else None
    capability = make_capability(name, unit=unit, kind=kind, tier=tier, attributes=attributes, reason=reason)
    return Curve(capability=capability, points=tuple(zip(moments_ns(tier, plan), repeat(value))))


def reading(curve: Curve, values: Sequence[float | Reason]) -> Curve:
    """Return the channel with other values, one for each of its moments."""
    moments = [t_ns for t_ns, _ in curve.points]
    return replace(curve, points=tuple(zip(moments, values, strict=True)))


def stepping(curve: Curve, *, by: float, at_s: float) -> Curve:
    """Return the channel `by` higher from a moment on, in seconds after the start of its readings."""
    step_ns = curve.points[0][0] + round(at_s * NS_PER_S)
    return replace(
        curve,
        points=tuple(
            (t_ns, value if isinstance(value, Reason) or t_ns < step_ns else value + by)
            for t_ns, value in curve.points
        ),
    )


def pulsing(curve: Curve, value: float | Reason, *, from_s: float, to_s: float) -> Curve:
    """Return the channel with another value for a while, in seconds after the start of its readings."""
    start_ns = curve.points[0][0]
    begin_ns, end_ns = (start_ns + round(moment_s * NS_PER_S) for moment_s in (from_s, to_s))
    return replace(
        curve,
        points=tuple((t_ns, value if begin_ns <= t_ns < end_ns else old) for t_ns, old in curve.points),
    )


def silent(curve: Curve, reason: Reason) -> Curve:
    """Return the channel as a rig shows it that has no such source."""
    capability = Capability(channel=curve.capability.channel, reason=reason)
    return Curve(capability=capability, points=tuple((t_ns, reason) for t_ns, _ in curve.points))


def throttle(kind: str, cause: str, hw_id: str, source: str, value: float | Reason = 0.0) -> Curve:
    """Return a throttle channel; `kind` is state, time or events, an empty `hw_id` the CPU."""
    name = f"hilrig.hw.throttle.{kind}"
    unit = {"state": "1", "time": "ns", "events": "{event}"}[kind]
    place: Attributes = ((channels.HW_ID, hw_id),) if hw_id else ()
    attributes = ((channels.CAUSE, cause), *place, ("source", source))
    is_state = kind == "state"
    return channel(
        name, value, *attributes, unit=unit, kind=STATE if is_state else COUNTER, tier=FAST if is_state else SLOW
    )


def rig_of(curves: Iterable[Curve]) -> dict[str, Curve]:
    """Return curves by key."""
    return {curve.capability.channel.key: curve for curve in curves}


def host(plan: RunPlan = PLAN) -> Iterator[Curve]:
    """Yield what every Linux machine has."""
    yield memory_peak(plan, 300)
    yield from cpu_time(plan)
    yield channel("process.memory.usage", 280.0 * MIB, unit="By", tier=FAST)
    yield channel("system.memory.usage", 4000.0 * MIB, unit="By")
    yield channel(channels.CPU_FREQUENCY, 2.1e9, ("cpu.logical_number", "0"), unit="Hz")
    yield channel(channels.POWER_MODE, 0.0, unit="{cpu}", kind=STATE)


def cpu_throttle(value: float | Reason) -> Iterator[Curve]:
    """Yield the counters of an x86 CPU: episodes and ms since boot, or why there are none."""
    for part in ("core", "package"):
        yield throttle("events", "thermal", "", part, value)
        time_ns = value if isinstance(value, Reason) else value * 1e8
        yield throttle("time", "thermal", "", part, time_ns)


def rtx() -> dict[str, Curve]:
    """Return an industrial PC with one card whose driver counts the time of throttling."""
    return dict(_rtx())


@cache
def _rtx() -> Rig:
    gpu = (channels.HW_ID, "gpu0")
    return rig_of(
        [
            *host(),
            *cpu_throttle(3.0),
            channel(channels.TEMPERATURE, 55.0, (channels.HW_ID, "coretemp/Package id 0"), unit="Cel"),
            channel(channels.GPU_UTILIZATION, 0.6, gpu, tier=FAST),
            channel(channels.GPU_MEMORY, 1500.0 * MIB, gpu, unit="By", tier=FAST),
            channel(channels.PROCESS_GPU_MEMORY, 900.0 * MIB, gpu, unit="By", tier=FAST),
            channel(channels.GPU_CLOCK, 1.59e9, gpu, ("domain", "graphics"), unit="Hz", tier=FAST),
            channel(channels.GPU_CLOCK_LIMIT, 2.1e9, gpu, ("bound", "max"), unit="Hz", tier=EDGE),
            channel(channels.TEMPERATURE, 62.0, gpu, unit="Cel"),
            channel(channels.TEMPERATURE_LIMIT, 90.0, gpu, unit="Cel", tier=EDGE),
            channel(channels.POWER, 58.0, gpu, unit="W", tier=FAST),
            *(throttle("state", cause, "gpu0", "event_reasons") for cause in ("thermal", "power")),
            throttle("state", "undervoltage", "gpu0", "event_reasons"),
            throttle("state", "unknown", "gpu0", "event_reasons"),
            *(throttle("time", "thermal", "gpu0", one, 4e8) for one in ("violation", "sw_thermal", "hw_thermal")),
            *(throttle("time", "power", "gpu0", one, 7e9) for one in ("violation", "power_brake")),
            *(
                channel(channels.ERRORS, 0.0, gpu, ("error.type", kind), unit="{error}", kind=COUNTER)
                for kind in ("xid", "ecc_uncorrected")
            ),
            channel(channels.LAST_XID, 0.0, gpu, kind=STATE),
            channel(channels.POWER_MODE, 70_000.0, gpu, ("setting", "power_limit"), unit="mW", kind=STATE),
        ]
    )


def orin(*, has_statistics: bool = True) -> dict[str, Curve]:
    """Return an Orin with locked clocks: alerts of heat as states, and the kernel's statistics as counters."""
    return dict(_orin(has_statistics=has_statistics))


@cache
def _orin(*, has_statistics: bool) -> Rig:
    gpu = (channels.HW_ID, "gpu0")
    return rig_of(
        [
            *host(),
            *cpu_throttle(Reason.ABSENT),
            channel(channels.GPU_UTILIZATION, 0.7, gpu, tier=FAST),
            channel(channels.PROCESS_GPU_MEMORY, 700.0 * MIB, channels.UNIFIED, unit="By", tier=FAST),
            channel(channels.GPU_CLOCK, 1.02e9, gpu, ("domain", "graphics"), unit="Hz", tier=FAST),
            channel(channels.GPU_CLOCK_LIMIT, 1.02e9, gpu, ("bound", "min"), unit="Hz"),
            channel(channels.GPU_CLOCK_LIMIT, 1.02e9, gpu, ("bound", "max"), unit="Hz"),
            channel(channels.POWER_MODE, 2.0, ("setting", "nvpmodel"), kind=STATE),
            *(channel(channels.TEMPERATURE, 60.0, (channels.HW_ID, zone), unit="Cel") for zone in ZONES),
            *(
                channel(channels.TEMPERATURE_LIMIT, limit_c, (channels.HW_ID, zone), unit="Cel", tier=EDGE)
                for zone, limit_c in ZONES.items()
            ),
            *(channel(channels.POWER, 9.0, (channels.HW_ID, rail), unit="W") for rail in ("VDD_IN", "board")),
            *(throttle("state", "thermal", alert, "cooling_device") for alert in ALERTS),
            *(
                throttle(kind, "thermal", alert, "cooling_device_stats", 5.0 if has_statistics else Reason.ABSENT)
                for alert in ALERTS
                for kind in ("time", "events")
            ),
            *(throttle("events", cause, "soc", source, 15.0) for cause, source in OVER_CURRENT.items()),
        ]
    )


def key_of(rig: Rig, *parts: str) -> str:
    """Return the one key of a rig that has all of these parts in it."""
    (key,) = [key for key in rig if all(part in key for part in parts)]
    return key


def class_of(rig: Rig) -> str:
    """Return the device class of a rig with these channels."""
    if any(alert in key for key in rig for alert in ALERTS):
        return "jetson-orin-nx-8gb"
    return "x86-rtx4000-ada" if any("hw.id=gpu0" in key for key in rig) else "x86-cpu"


def record(rig: Rig, *limits: Limit, device_class: str = "") -> RunRecord:
    """Return the record of a sound minute on a rig, held to a latency and to these limits."""
    plan = replace(PLAN, limits=(P99, *(limits or (THERMAL,))), device_class=device_class or class_of(rig))
    return make_record(plan, curves=list(rig.values()))
