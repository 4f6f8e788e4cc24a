"""The channels that a metric can be had from.

Where there is none, it says why the metric could not be had.
"""

from collections.abc import Sequence

from hilrig.core import channels
from hilrig.core.metrics import METRICS
from hilrig.core.verdict import Measurement
from hilrig.verdict.measure import unmeasured
from hilrig.verdict.telemetry.channels import Series, Telemetry
from hilrig.verdict.telemetry.devices import device_of


def channels_of(telemetry: Telemetry, metric: str) -> list[Series]:
    """Return the channels that can supply a metric, the best ones first."""
    return [series for need in METRICS[metric].needs for series in telemetry.meeting(need)]


def missing(metric: str, reason: str) -> Measurement:
    """Return a metric without a value."""
    return unmeasured(metric, METRICS[metric].unit, reason)


def why_missing(metric: str, found: Sequence[Series], otherwise: str) -> str:
    """Return why a metric has no value: no such channel, channels without values, or `otherwise`."""
    if not found:
        return f"this rig has no channel {' or '.join(map(str, METRICS[metric].needs))}"
    if any(series.valued().t_ns.size for series in found):
        return otherwise
    return "; ".join(series.why_empty() for series in found)


def hw_id_of(series: Series) -> str:
    """Return which device a channel is of; empty for the CPU and the machine as a whole."""
    return device_of(series.channel)


def cause_of(series: Series) -> str:
    """Return the cause that a throttle channel is of; empty without one."""
    return dict(series.channel.attributes).get(channels.CAUSE, "")
