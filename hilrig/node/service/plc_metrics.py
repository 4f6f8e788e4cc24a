"""The metrics of the PLC adapter, read from its write loop's report whenever Prometheus asks."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hilrig.core.units import NS_PER_S, NS_PER_US
from hilrig.node.plc.adapter import PlcAdapter

_COUNTERS: Final = {
    "plc_heartbeats_written": ("n_written", "Writes that the PLC took; each has a heartbeat of its own"),
    "plc_writes_failed": ("n_failed", "Writes that the PLC refused or did not answer in time"),
    "plc_ticks_missed": ("n_ticks_missed", "Ticks left out because a write took longer than a period"),
    "plc_decisions_lost": ("n_lost", "Decisions that were pushed out of the queue by newer ones"),
    "plc_decisions_late": ("n_late", "Decisions that were too old when their turn came"),
    "plc_decisions_refused": ("n_refused", "Decisions that the write loop could not be given"),
}
_LATENESS: Final = {"0.5": "tick_late_p50_us", "0.99": "tick_late_p99_us", "1": "tick_late_max_us"}


class PlcMetrics(Collector):
    """What the write loop has done since it began; before its first report only that the link is not up."""

    def __init__(self, adapter: PlcAdapter) -> None:
        self._adapter = adapter

    def collect(self) -> Iterator[Metric]:
        """Return the metrics as they are now."""
        report = self._adapter.status()
        is_up = report.get("connected", False) and report["running"]
        yield GaugeMetricFamily("plc_link_up", "1 while the PLC answers", value=float(is_up))
        if report:
            yield from _counters(report)
            yield _fail_safes(report["n_fail_safe"])
            yield _lateness(report)

    def describe(self) -> list[Metric]:
        """Return nothing: what there is depends on the report."""
        return []


def _counters(report: Mapping[str, Any]) -> Iterator[Metric]:
    for name, (key, words) in _COUNTERS.items():
        yield CounterMetricFamily(name, words, value=report[key])


def _fail_safes(by_reason: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily("plc_fail_safes_written", "Writes of the fail-safe output", labels=["reason"])
    for reason, n_written in by_reason.items():
        family.add_metric([reason], n_written)
    return family


def _lateness(report: Mapping[str, Any]) -> Metric:
    words = "How late ticks began, 0.010 for all beyond; quantiles since the start"
    family = GaugeMetricFamily("plc_tick_lateness_seconds", words, labels=["quantile"])
    for quantile, key in _LATENESS.items():
        if report[key] is not None:
            family.add_metric([quantile], report[key] * NS_PER_US / NS_PER_S)
    return family
