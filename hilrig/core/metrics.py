"""The metrics that a limit can refer to: unit, and the telemetry without which they can't be measured."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A measurable quantity.

    Args:
        name: what result.json and the report call it.
        title: what a person reads.
        unit: as written in the name's suffix.
        needs: names of the channels that can supply it; one is enough. Empty: the frame records suffice.
    """

    name: str
    title: str
    unit: str
    needs: tuple[str, ...] = ()


POWER_CONTROL: Final = "hilrig.rig.power_control"
"""Not a telemetry channel: a rig that can cut the power. Listed in `needs` like one."""

METRICS: Final = {
    metric.name: metric
    for metric in (
        Metric(name="latency_p50_ms", title="latency p50", unit="ms"),
        Metric(name="latency_p95_ms", title="latency p95", unit="ms"),
        Metric(name="latency_p99_ms", title="latency p99", unit="ms"),
        Metric(name="latency_p99_9_ms", title="latency p99.9", unit="ms"),
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
            needs=("process.memory.usage",),
        ),
        Metric(
            name="host_memory_peak_mib",
            title="host memory peak of the target",
            unit="MiB",
            needs=("hilrig.process.memory.peak",),
        ),
        Metric(
            name="gpu_memory_peak_mib",
            title="GPU memory peak",
            unit="MiB",
            needs=("hilrig.process.gpu.memory.usage", "hw.gpu.memory.usage"),
        ),
        Metric(
            name="gpu_util_sustained_pct",
            title="sustained GPU utilisation",
            unit="%",
            needs=("hw.gpu.utilization",),
        ),
        Metric(
            name="thermal_throttle_events",
            title="thermal throttling",
            unit="events",
            needs=("hilrig.hw.throttle.events",),
        ),
        Metric(
            name="power_loss_recovered",
            title="recovery after power loss",
            unit="bool",
            needs=(POWER_CONTROL,),
        ),
    )
}
"""Every metric that a limit may name."""
