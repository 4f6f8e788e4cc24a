"""What only hours show: how much the target prints, whether the rig was restarted."""

from typing import Final

from hilrig.core.run import RunEvent
from hilrig.core.units import NS_PER_S, S_PER_MIN, bytes_to_mib
from hilrig.core.verdict import Measurement
from hilrig.verdict.self_checks.host import OTHER_BOOT, SAME_BOOT, boot_at_end
from hilrig.verdict.telemetry.channels import Telemetry, growth
from hilrig.verdict.telemetry.metric_channels import channels_of, missing, why_missing
from hilrig.verdict.window import Window

LOG_VOLUME: Final = "log_volume_mib_per_h"
RESETS: Final = "watchdog_resets"
NS_PER_HOUR: Final = 60 * S_PER_MIN * NS_PER_S
LOG_NS_MIN: Final = S_PER_MIN * NS_PER_S
"""A shorter run says nothing about an hour: a few lines at its start would be taken for a flood."""

NO_EDGES: Final = "no reading at both edges of the measured part"
CUT: Final = "its log was cut or replaced in the middle of the run"
RESTARTED: Final = "the rig restarted in mid-run; whether its watchdog did it, the board's own log says"
UNKNOWN: Final = "the record does not say whether the rig restarted"


def log_volume(telemetry: Telemetry, window: Window) -> Measurement:
    """Return how fast the target's log grew over the measured part."""
    found = channels_of(telemetry, LOG_VOLUME)
    if window.duration_ns < LOG_NS_MIN:
        return missing(LOG_VOLUME, "less than a minute was measured")
    grown_bytes = growth(found, window)
    if grown_bytes is None:
        return missing(LOG_VOLUME, why_missing(LOG_VOLUME, found, NO_EDGES))
    if grown_bytes < 0:
        return missing(LOG_VOLUME, CUT)
    rate = bytes_to_mib(grown_bytes) * NS_PER_HOUR / window.duration_ns
    return Measurement(metric=LOG_VOLUME, unit="MiB/h", value=rate, n=2, evidence="its size at both edges")


def watchdog_resets(events: tuple[RunEvent, ...]) -> Measurement:
    """Return 0 for a run that ended in the boot in which it began; why any other restarted is not known."""
    boot = boot_at_end(events)
    if boot != SAME_BOOT:
        return missing(RESETS, RESTARTED if boot == OTHER_BOOT else UNKNOWN)
    return Measurement(metric=RESETS, unit="events", value=0.0, n=1, evidence="the same boot id at start and end")
