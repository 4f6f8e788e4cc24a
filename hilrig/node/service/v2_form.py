"""`POST /v2/models/{name}/infer`: the Open Inference Protocol, with its binary tensor data extension."""

from http import HTTPStatus
from typing import Any

import msgspec
import numpy as np

from hilrig.node.service.binary_tensor import (
    DATATYPES,
    V2_HEAD_BYTES_MAX,
    V2Request,
    flat_numbers,
    read_v2_request,
    v2_head_length,
)
from hilrig.node.service.body import Body
from hilrig.node.service.json_request import json_bytes_max, write_numbers
from hilrig.node.service.messages import Kind
from hilrig.node.service.refusal import Refusal, bad_request
from hilrig.node.service.source import Release
from hilrig.node.service.tensor_request import Asked, Decided, Filled


class V2Form:
    """Reads and answers requests of the protocol."""

    async def read(self, asked: Asked, slot: memoryview) -> Filled:
        """Read the body, write the input to `slot`."""
        refuse_other_model(asked.release, asked.path)
        head_bytes = v2_head_length(asked.headers)
        if head_bytes is None:
            return await self._read_json(asked, slot)
        spec = asked.engine.spec
        body = Body(asked.receive, asked.headers, max_bytes=V2_HEAD_BYTES_MAX + spec.n_tensor_bytes)
        request = read_v2_request(await body.start(head_bytes), asked.release.manifest, spec)
        parameters = request.inputs[0].parameters
        if parameters is None or parameters.binary_data_size != spec.n_tensor_bytes:
            raise bad_request(f"binary_data_size must be {spec.n_tensor_bytes}")
        await body.rest_into(slot[: spec.n_tensor_bytes])
        return _filled(request)

    def answer(self, decided: Decided) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        """Return the scores, one per label."""
        manifest = decided.release.manifest
        output: dict[str, Any] = {
            "name": manifest.model.output_name,
            "datatype": "FP32",
            "shape": [1, len(manifest.model.labels)],
        }
        answer: dict[str, Any] = {
            "model_name": manifest.name,
            "model_version": manifest.version,
            "id": decided.filled.correlation_id or "",
            "parameters": {
                "defective": decided.is_defective,
                "release_sha256": decided.release.sha256,
                "infer_ms": decided.infer_ms,
                "total_ms": decided.total_ms,
            },
            "outputs": [output],
        }
        scores = np.asarray(decided.scores, "<f4")
        if not decided.filled.wants_binary:
            output["data"] = scores.tolist()
            return msgspec.json.encode(answer), [(b"content-type", b"application/json")]
        output["parameters"] = {"binary_data_size": scores.nbytes}
        head = msgspec.json.encode(answer)
        headers = [
            (b"content-type", b"application/octet-stream"),
            (b"inference-header-content-length", str(len(head)).encode()),
        ]
        return head + scores.tobytes(), headers

    async def _read_json(self, asked: Asked, slot: memoryview) -> Filled:
        spec = asked.engine.spec
        data = await Body(asked.receive, asked.headers, max_bytes=json_bytes_max(spec)).whole()
        request = read_v2_request(data, asked.release.manifest, spec)
        values = request.inputs[0].data
        if values is None:
            raise bad_request(
                "the input has no data, and no Inference-Header-Content-Length says that bytes follow"
            )
        write_numbers(flat_numbers(values, n_max=int(np.prod(spec.shape))), spec, slot)
        return _filled(request)


def metadata(release: Release) -> dict[str, Any]:
    """Return the protocol's model metadata."""
    manifest = release.manifest
    model, preprocess = manifest.model, manifest.pipeline.preprocess
    dtype = "float32" if preprocess is None else preprocess.dtype
    backend = manifest.pipeline.backend
    return {
        "name": manifest.name,
        "versions": [manifest.version],
        "platform": backend.name if backend else "",
        "inputs": [{"name": model.input_name, "datatype": DATATYPES[dtype], "shape": list(model.input_shape)}],
        "outputs": [{"name": model.output_name, "datatype": "FP32", "shape": [1, len(model.labels)]}],
    }


def refuse_other_model(release: Release, path: dict[str, str]) -> None:
    """Refuse a name, or a version where one is asked for, that is not the model's that serves.

    Raises:
        Refusal: 404.
    """
    manifest = release.manifest
    if path.get("model") != manifest.name or path.get("version", manifest.version) != manifest.version:
        raise Refusal(HTTPStatus.NOT_FOUND, "no such model serves here: GET /healthz names the one that does")


def _filled(request: V2Request) -> Filled:
    return Filled(kind=Kind.TENSOR, correlation_id=request.id or None, wants_binary=request.wants_binary)
