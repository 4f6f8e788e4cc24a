"""What a run's limits are held against, each computed once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hilrig.core.frame import Truth
from hilrig.core.verdict import Check, Measurement
from hilrig.verdict.accuracy import Accuracy, accuracy, accuracy_measurements
from hilrig.verdict.drift import latency_drift
from hilrig.verdict.estimate import Estimated, estimate_measurements
from hilrig.verdict.measure import measure_frames
from hilrig.verdict.part import Part, whole_run
from hilrig.verdict.resources import measure_resources
from hilrig.verdict.stalls import measure_stalls
from hilrig.verdict.steady_state import steady_measurements, steady_part, steady_state
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.telemetry.memory_growth import memory_growth
from hilrig.verdict.telemetry.sampling import measure_sampling
from hilrig.verdict.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the record says, before any limit.

    Args:
        window: the frames that count.
        measurements: every number of the run, by name at most once.
        whole: all measured frames, for percentiles.
        steady: those after thermal steady state; None when it was not reached.
        accuracy: decisions against the truth of the frames.
        estimates: quantities known within bounds, by metric.
        by_check: numbers of one object among several (a fault), by the id of its check.
        held: checks that are held already, by id: those of companions, whose numbers come from probes.
        actuated: `whole` with the time to the PLC's registers; None where that was not measured.
        actuated_steady: the same of `steady`.
    """

    window: Window
    measurements: tuple[Measurement, ...]
    whole: Part
    steady: Part | None
    accuracy: Accuracy
    estimates: Mapping[str, Estimated]
    by_check: Mapping[str, Measurement] = field(default_factory=dict)
    held: Mapping[str, Check] = field(default_factory=dict)
    actuated: Part | None = None
    actuated_steady: Part | None = None


def find(window: Window, telemetry: Telemetry, truths: Sequence[Truth]) -> Findings:
    """Return what the frames, their truth and the telemetry say."""
    settled = steady_state(telemetry, window)
    steady = steady_part(settled, window)
    decisions = accuracy(window, truths)
    drift, growth = latency_drift(window), memory_growth(telemetry, window)
    return Findings(
        window=window,
        measurements=(
            *measure_frames(window),
            *estimate_measurements("latency_drift", "_pct", "%", drift),
            *steady_measurements(settled, steady),
            *accuracy_measurements(decisions),
            *measure_resources(telemetry, window),
            *measure_stalls(telemetry, window),
            *measure_sampling(telemetry, window),
            *estimate_measurements("host_memory_growth", "_mib_per_h", "MiB/h", growth),
        ),
        whole=whole_run(window),
        steady=steady,
        accuracy=decisions,
        estimates={"latency_drift_pct": drift, "host_memory_growth_mib_per_h": growth},
    )
