"""The service's metrics, in Prometheus' form, on a port of their own (9100 is the seed's)."""

from http import HTTPStatus
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from hilrig.node.service.body import Receive, Scope, Send
from hilrig.node.service.serving import Serving
from hilrig.node.service.tensor_request import Decided, send_body

BUCKETS_S: Final = (0.002, 0.005, 0.010, 0.015, 0.020, 0.025, 0.030, 0.035, 0.040, 0.045, 0.060, 0.100, 0.250, 1.0)
"""Close around the 30 and 45 ms that stations ask for."""
_LABEL_OF_CODE: Final = {"HR-203": "timeout", "HR-204": "refused", "": "refused"}


class ServiceMetrics:
    """Counts decisions by the seed's labels: `ok`, `defective`, `timeout`, `error`; and `refused`, a bad input."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._registry = CollectorRegistry()
        self._latency = Histogram(
            "hilrig_inference_latency_seconds",
            "From the first byte of a request to its decision",
            ["label", "model_version"],
            buckets=BUCKETS_S,
            registry=self._registry,
        )
        self._requests = Counter(
            "hilrig_inference_requests",
            "Requests by what became of them",
            ["label", "model_version", "error_code"],
            registry=self._registry,
        )
        Gauge("hilrig_service_ready", "1 while a model serves", registry=self._registry).set_function(
            lambda: float(serving.is_ready)
        )

    def add(self, collector: Collector) -> None:
        """Show the metrics of another part of the service, too."""
        self._registry.register(collector)

    def decided(self, decided: Decided) -> None:
        """Count a decision."""
        label, version = "defective" if decided.is_defective else "ok", self._version()
        self._latency.labels(label, version).observe(decided.total_ms / 1000)
        self._requests.labels(label, version, "").inc()

    def failed(self, *, error_code: str, correlation_id: str | None) -> None:  # noqa: ARG002 - a listener's form
        """Count a request without a decision."""
        self._requests.labels(_LABEL_OF_CODE.get(error_code, "error"), self._version(), error_code).inc()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Answer `GET /metrics`."""
        if scope["type"] != "http":
            return
        if scope["path"] not in ("/metrics", "/") or scope["method"] != "GET":
            await send_body(send, HTTPStatus.NOT_FOUND, b"GET /metrics\n", [(b"content-type", b"text/plain")])
            return
        headers = [(b"content-type", CONTENT_TYPE_LATEST.encode())]
        await send_body(send, HTTPStatus.OK, generate_latest(self._registry), headers)

    def _version(self) -> str:
        return self._serving.release.manifest.version if self._serving.release else ""
