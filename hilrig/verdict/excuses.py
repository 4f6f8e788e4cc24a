"""Which failed self-checks excuse the model from which failed checks.

The harness's fault is never blamed on the model, but a fault that cannot have caused a failure excuses nothing: a
late camera makes frames late and drops them, it does not make the model use more memory or answer NaN. An excused
FAIL becomes INCONCLUSIVE; the failed self-check keeps the run from passing anyway.
"""

from dataclasses import replace
from typing import Final

from hilrig.core.run import Ended
from hilrig.core.verdict import Check, CheckStatus, SelfCheck
from hilrig.verdict.companion_checks import METRICS_OF_COMPANIONS
from hilrig.verdict.percentile import ACTUATION_PERMILLE_OF, PERMILLE_OF

ACTUATION: Final = frozenset({*ACTUATION_PERMILLE_OF, "failsafe_pct"})
TIMING: Final = ACTUATION | frozenset(
    {*PERMILLE_OF, "latency_drift_pct", "drop_pct", "consecutive_drops", "decision_gap_ms"}
)
FRAMES: Final = TIMING | {"failed_pct"}
FAULTS: Final = frozenset({"fault_recovery_s", "fault_false_decisions", "fault_undecided_pct"})
COMPANIONS: Final = METRICS_OF_COMPANIONS
"""A late camera does nothing to a companion; a machine that was not itself does."""

COUNTED: Final = frozenset(
    {
        "thermal_throttle_events",
        "thermal_throttle_ms",
        "power_throttle_events",
        "undervoltage_events",
        "overcurrent_peaks_per_min",
    }
)
TREND: Final = frozenset({"host_memory_growth_mib_per_h"})
"""A slope leans on its ends: readings that are missing there can tilt it. No late camera makes memory grow."""

EXCUSES: Final = {
    "feeder.lateness": TIMING,
    "feeder.rate": TIMING,
    "records.conserved": FRAMES,
    "records.stamps": FRAMES,
    "clock.steps": TIMING | COMPANIONS,
    "host.boot": TIMING | COUNTED | COMPANIONS,
    "host.steal": TIMING | COMPANIONS,
    "host.power_mode": TIMING | COMPANIONS,
    "host.supply": TIMING,
    "devices.present": FRAMES,
    "devices.errors": FRAMES,
    "processes.alive": TIMING,
    "rig.real_hardware": FRAMES,
    "actuation.listener": ACTUATION,
    "companions.kept": COMPANIONS,
    "companions.probed": COMPANIONS,
    "telemetry.sampled": TREND,
    "telemetry.coverage": TREND,
    "telemetry.counters": COUNTED,
    "drill.record": FAULTS,
    "drill.injected": FAULTS,
    "drill.camera": FAULTS,
}
"""Metrics whose failure each self-check can have caused. Those not listed excuse nothing."""

COMPLETED: Final = "run.completed"


def excuse(check: Check, self_checks: tuple[SelfCheck, ...], *, ended: Ended | None) -> Check:
    """Return the check, INCONCLUSIVE instead of FAIL when a failed self-check can have caused the failure.

    On a rig that was not the run's own to the end, somebody else may have caused any failure.
    """
    if check.status is not CheckStatus.FAIL:
        return check
    causes = [one.check_id for one in self_checks if not one.ok and check.metric in EXCUSES.get(one.check_id, ())]
    if ended is Ended.LEASE_LOST:
        causes.append(COMPLETED)
    if not causes:
        return check
    sentence = f"{check.sentence} Not held against the model, because the run is not sound: {', '.join(causes)}."
    return replace(check, status=CheckStatus.INCONCLUSIVE, sentence=sentence)
