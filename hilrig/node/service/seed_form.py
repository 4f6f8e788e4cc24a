"""`POST /infer`: the seed's JSON, or the same tensor as raw bytes."""

from typing import Any, Final

import msgspec

from hilrig.node.service.binary_tensor import read_octet_headers
from hilrig.node.service.body import Body
from hilrig.node.service.config import ServiceConfig
from hilrig.node.service.json_request import (
    json_bytes_max,
    read_infer_request,
    refuse_other_media,
)
from hilrig.node.service.messages import Kind
from hilrig.node.service.refusal import bad_request
from hilrig.node.service.tensor_request import Asked, Decided, Filled

JSON: Final = b"application/json"
OCTETS: Final = b"application/octet-stream"
_JSON_HEADERS: Final = [(b"content-type", JSON)]


class SeedForm:
    """Reads both forms of `/infer`; the answer is JSON in either case."""

    def __init__(self, config: ServiceConfig) -> None:
        self._config = config

    async def read(self, asked: Asked, slot: memoryview) -> Filled:
        """Read the body, write the input to `slot`."""
        content_type = asked.headers.get(b"content-type", b"")
        if content_type == OCTETS:
            kind, n_bytes, correlation_id = read_octet_headers(asked.headers, asked.engine.spec)
            await Body(asked.receive, asked.headers, max_bytes=n_bytes).rest_into(slot[:n_bytes])
            return Filled(kind=kind, correlation_id=correlation_id)
        refuse_other_media(content_type, JSON, OCTETS)
        spec = asked.engine.spec
        data = await Body(asked.receive, asked.headers, max_bytes=json_bytes_max(spec)).whole()
        request = await read_infer_request(data, spec, slot)
        return Filled(
            kind=Kind.TENSOR,
            correlation_id=request.correlation_id,
            threshold=self._threshold(request.threshold, asked),
        )

    def answer(self, decided: Decided) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        """Return the seed's keys and ours: times in ms, the model's digest, which defects."""
        manifest = decided.release.manifest
        answer: dict[str, Any] = {
            "defective": decided.is_defective,
            "score": decided.score,
            "latency_ms": decided.total_ms,
            "model_version": manifest.version,
            "correlation_id": decided.filled.correlation_id,
            "model_name": manifest.name,
            "model_sha256": manifest.bundle_sha256,
            "release_sha256": decided.release.sha256,
            "defects": decided.labels,
            "parse_ms": decided.parse_ms,
            "queue_ms": decided.queue_ms,
            "infer_ms": decided.infer_ms,
            "total_ms": decided.total_ms,
        }
        return msgspec.json.encode(answer), _JSON_HEADERS

    def _threshold(self, threshold: float | None, asked: Asked) -> float | None:
        """Return the client's threshold where it counts; the release's own are None: each label has its own."""
        thresholds = set(asked.release.manifest.pipeline.decide.thresholds.values())
        if threshold is None or thresholds == {threshold}:
            return None
        if not self._config.allows_client_threshold:
            raise bad_request("the thresholds are those of the signed release: leave threshold out", error_code="")
        return threshold
