"""The metrics that a limit can refer to, each with the telemetry that it needs."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from hilrig.core import channels
from hilrig.core.telemetry import Channel


class Need(NamedTuple):
    """Channels that can supply a metric: those of a name that have all of `attributes`."""

    name: str
    attributes: tuple[tuple[str, str], ...] = ()

    def met_by(self, channel: Channel) -> bool:
        """Return whether a channel is one of them."""
        return channel.name == self.name and set(self.attributes) <= set(channel.attributes)

    def __str__(self) -> str:
        inner = ",".join(f"{name}={value}" for name, value in self.attributes)
        return f"{self.name}{{{inner}}}" if inner else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A measurable quantity.

    Args:
        name: what result.json and the report call it.
        title: what a person reads.
        unit: as written in the name's suffix.
        needs: channels that can supply it; those of one need are enough. Empty: the frame records suffice.
    """

    name: str
    title: str
    unit: str
    needs: tuple[Need, ...] = ()


def _throttling(cause: str) -> tuple[Need, ...]:
    """Return what can tell of throttling for one cause: counters first, sampled states after them."""
    names = (channels.THROTTLE_EVENTS, channels.THROTTLE_TIME, channels.THROTTLE_STATE)
    return tuple(Need(name, ((channels.CAUSE, cause),)) for name in names)


METRICS: Final = {
    metric.name: metric
    for metric in (
        Metric(name="latency_p50_ms", title="latency p50", unit="ms"),
        Metric(name="latency_p95_ms", title="latency p95", unit="ms"),
        Metric(name="latency_p99_ms", title="latency p99", unit="ms"),
        Metric(name="latency_p99_9_ms", title="latency p99.9", unit="ms"),
        Metric(name="actuation_p95_ms", title="actuation p95", unit="ms"),
        Metric(name="actuation_p99_ms", title="actuation p99", unit="ms"),
        Metric(name="failsafe_pct", title="frames with the fail-safe output", unit="%"),
        Metric(name="latency_drift_pct", title="latency drift over the run", unit="%"),
        Metric(name="duration_min", title="measured duration", unit="min"),
        Metric(name="drop_pct", title="dropped frames", unit="%"),
        Metric(name="consecutive_drops", title="longest run of dropped frames", unit="frames"),
        Metric(name="failed_pct", title="failed frames", unit="%"),
        Metric(name="decision_gap_ms", title="longest time without a decision", unit="ms"),
        Metric(name="detection_precision", title="precision of the worst label", unit="1"),
        Metric(name="detection_recall", title="recall of the worst label", unit="1"),
        Metric(
            name="host_memory_growth_mib_per_h",
            title="growth of the target's host memory",
            unit="MiB/h",
            needs=(Need("process.memory.usage"),),
        ),
        Metric(
            name="host_memory_peak_mib",
            title="host memory peak of the target",
            unit="MiB",
            needs=(Need("hilrig.process.memory.peak"),),
        ),
        Metric(
            name="log_volume_mib_per_h",
            title="log volume of the target",
            unit="MiB/h",
            needs=(Need(channels.PROCESS_OUTPUT),),
        ),
        Metric(name="watchdog_resets", title="restarts of the rig", unit="events"),
        Metric(
            name="gpu_memory_peak_mib",
            title="GPU memory peak",
            unit="MiB",
            needs=(
                Need(channels.PROCESS_GPU_MEMORY_PEAK),
                Need(channels.PROCESS_GPU_MEMORY),
                Need(channels.GPU_MEMORY),
            ),
        ),
        Metric(
            name="gpu_util_sustained_pct",
            title="sustained GPU utilisation",
            unit="%",
            needs=(Need(channels.GPU_UTILIZATION),),
        ),
        Metric(
            name="gpu_clock_lowest_mhz",
            title="lowest GPU clock",
            unit="MHz",
            needs=(Need(channels.GPU_CLOCK, (("domain", "graphics"),)),),
        ),
        Metric(
            name="temperature_headroom_c",
            title="headroom to the nearest trip point",
            unit="C",
            needs=(Need(channels.TEMPERATURE_LIMIT),),
        ),
        Metric(
            name="thermal_throttle_events",
            title="thermal throttling",
            unit="events",
            needs=_throttling(channels.CAUSE_THERMAL),
        ),
        Metric(
            name="thermal_throttle_ms",
            title="time in thermal throttling",
            unit="ms",
            needs=(Need(channels.THROTTLE_TIME, ((channels.CAUSE, channels.CAUSE_THERMAL),)),),
        ),
        Metric(
            name="power_throttle_events",
            title="throttling for power or current",
            unit="events",
            needs=_throttling(channels.CAUSE_POWER),
        ),
        Metric(
            name="undervoltage_events",
            title="under-voltage",
            unit="events",
            needs=_throttling(channels.CAUSE_UNDERVOLTAGE),
        ),
        Metric(
            name="overcurrent_peaks_per_min",
            title="peaks of over-current",
            unit="events/min",
            needs=(Need(channels.THROTTLE_EVENTS, ((channels.CAUSE, channels.CAUSE_CURRENT_PEAK),)),),
        ),
        Metric(name="companion_p99_ms", title="p99 answer of a companion", unit="ms"),
        Metric(name="companion_failed_pct", title="failed probes of a companion", unit="%"),
        Metric(name="companion_slowdown", title="slowdown of a companion", unit="1"),
        Metric(name="companion_exits", title="early ends of a companion", unit="events"),
        Metric(
            name="power_loss_recovered",
            title="recovery after power loss",
            unit="bool",
        ),
        Metric(name="fault_recovery_s", title="recovery from a fault", unit="s"),
        Metric(name="fault_false_decisions", title="false decisions in a fault", unit="frames"),
        Metric(name="fault_undecided_pct", title="frames without a decision in a fault", unit="%"),
    )
}
"""Every metric that a limit may name."""
