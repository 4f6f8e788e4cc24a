"""The live state of a run for monitoring systems.

A scrape endpoint and a text file give the same numbers. The names are the standard keys that incident playbooks
rest on: model_hash, config_version, runtime_version, delegate_active, load_time_ms, p50_ms, p95_ms, peak_ram_mb,
dropped_frames, thermal_state, error_code. What is not known is left out, never 0. The verdict reads none of
this.
"""

import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from hilrig.core.errors import HilrigError, PreconditionError, UsageError
from hilrig.core.thermal_state import ThermalState

Status = Mapping[str, Any]

LOOPBACK: Final = "127.0.0.1"
IDENTITY: Final = ("model_hash", "config_version", "runtime_version", "delegate_active", "profile_name", "run_id")
GAUGES: Final = {
    "load_time_ms": ("load_time_ms", "Time that loading model and runtime took, ms."),
    "p50_ms": ("recent_p50_ms", "Latency that half of the frames of the last minute stayed within, ms."),
    "p95_ms": ("recent_p95_ms", "Latency that 95 % of the frames of the last minute stayed within, ms."),
    "p99_ms": ("recent_p99_ms", "Latency that 99 % of the frames of the last minute stayed within, ms."),
    "peak_ram_mb": ("peak_ram_mb", "Largest sampled memory of the target's process, MiB."),
    "elapsed_s": ("elapsed_s", "Time since the first frame was due, s."),
    "error_code": ("error_code", "Exit code: 0 PASS, 10 FAIL, 11 INCONCLUSIVE; absent while the run goes on."),
}
"""Name of the metric, the key in status.json, its help."""

PERCENTILES: Final = frozenset({"recent_p50_ms", "recent_p95_ms", "recent_p99_ms"})

COUNTERS: Final = {
    "offered_frames": ("n_offered", "Frames that the camera offered."),
    "decided_frames": ("n_decided", "Frames that were decided."),
    "dropped_frames": ("n_dropped", "Frames that a full queue dropped."),
    "failed_frames": ("n_failed", "Frames that ended in an error."),
}


class LiveMetrics:
    """The newest status as metrics: made into text when somebody asks, or when the file is due.

    Args:
        file: replaced with every new status; None for no file. `.prom` gets the Prometheus text format, which the
            textfile collector of node_exporter reads, any other name OpenMetrics.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._status: Status = {"phase": "preflight"}

    def show(self, status: Status) -> None:
        """Take in a new status."""
        newest = {**self._status, **status}
        if newest != self._status:
            self._status = newest
            self._write()

    def end(self, error_code: int) -> None:
        """Take in how the run ended: its exit code, 0 for a PASS."""
        self.show({"phase": "ended", "error_code": error_code})

    def registry(self) -> Any:
        """Return a registry of prometheus-client that collects from here."""
        from prometheus_client.registry import CollectorRegistry

        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return registry

    def collect(self) -> Iterator[Any]:
        """Yield the families of metrics of the newest status."""
        yield from self._states()
        yield from self._numbers()
        yield self._readings()

    def _states(self) -> Iterator[Any]:
        from prometheus_client.core import InfoMetricFamily, StateSetMetricFamily

        known = {key: str(self._status[key]) for key in IDENTITY if self._status.get(key) is not None}
        if known:
            yield InfoMetricFamily("hilrig_run", "What is measured, with which settings, on what.", known)
        phase = {"phase": str(self._status["phase"])}
        yield InfoMetricFamily("hilrig_phase", "Where the run stands.", phase)
        now = self._status.get("thermal_state", ThermalState.UNKNOWN.value)
        states = {state.value: state.value == now for state in ThermalState}
        yield StateSetMetricFamily("hilrig_thermal_state", "Whether the rig throttles for heat.", states)

    def _numbers(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for name, (key, words) in GAUGES.items():
            value = self._percentile(key) if key in PERCENTILES else self._status.get(key)
            if value is not None:
                yield GaugeMetricFamily(f"hilrig_{name}", words, value=value)
        for name, (key, words) in COUNTERS.items():
            if self._status.get(key) is not None:
                yield CounterMetricFamily(f"hilrig_{name}", words, value=self._status[key])

    def _percentile(self, key: str) -> float | None:
        """Return a percentile of the last minute: infinite when too many of its frames got no decision."""
        value: float | None = self._status.get(key)
        return math.inf if value is None and self._status.get("recent_n") else value

    def _readings(self) -> Any:
        from prometheus_client.core import GaugeMetricFamily

        words = "Last reading of a telemetry channel, in its own unit (UCUM)."
        family = GaugeMetricFamily("hilrig_telemetry", words, labels=("channel", "unit"))
        for key, reading in self._status.get("telemetry", {}).items():
            family.add_metric((key, reading["unit"]), reading["value"])
        return family

    def _write(self) -> None:
        if self._file is None:
            return
        from prometheus_client import exposition
        from prometheus_client.openmetrics import exposition as openmetrics

        to_text = exposition if self._file.suffix == ".prom" else openmetrics
        part = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        try:
            part.write_bytes(to_text.generate_latest(self.registry()))
            part.replace(self._file)
        except OSError:
            part.unlink(missing_ok=True)  # the run goes on: monitoring is beside it


@contextmanager
def live_metrics(*, file: Path | None, port: int | None) -> Iterator[LiveMetrics]:
    """Offer a run's live state while the block lasts.

    An error that ends the block is told as its exit code.

    Args:
        file: where the text goes; None for none. It stays behind with the last state.
        port: of the scrape endpoint on the loopback interface; None for none.

    Raises:
        UsageError: prometheus-client is not installed, or the port is taken.
        PreconditionError: the file cannot be written.
    """
    if file is not None or port is not None:
        _require_client()
    if file is not None:
        _refuse_unwritable(file)
    metrics = LiveMetrics(file)
    stop = _serve(metrics, port)
    try:
        yield metrics
    except HilrigError as error:
        metrics.end(error.exit_code)
        raise
    finally:
        stop()


def _require_client() -> None:
    if find_spec("prometheus_client") is None:
        raise UsageError(
            "live metrics need the module prometheus_client, which is missing",
            hint="pip install 'hilrig[metrics]'",
        )


def _refuse_unwritable(file: Path) -> None:
    if file.is_dir() or not os.access(file.parent, os.W_OK):
        raise PreconditionError(
            f"the metrics file {file} cannot be written",
            hint="name a file in a folder that exists and is writable",
        )


def _serve(metrics: LiveMetrics, port: int | None) -> Callable[[], None]:
    if port is None:
        return lambda: None
    from prometheus_client import start_http_server

    try:
        server, thread = start_http_server(port, addr=LOOPBACK, registry=metrics.registry())
    except OSError as error:
        raise UsageError(
            f"port {port} on {LOOPBACK} cannot be had: {error.strerror}", hint="name another --metrics-port"
        ) from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
