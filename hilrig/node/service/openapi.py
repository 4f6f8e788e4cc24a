"""What the service says of itself in OpenAPI about the routes that read raw bodies."""

from typing import Any, Final

_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "number"}
_BYTES: Final = {"type": "string", "format": "binary"}
_ERROR: Final = {
    "type": "object",
    "required": ["detail", "error", "error_code"],
    "properties": {"detail": _TEXT, "error": _TEXT, "error_code": _TEXT},
}
_REFUSALS: Final = {
    "401": "a token is needed",
    "404": "no such model",
    "408": "the body did not come",
    "409": "a newer request came, or the release is barred",
    "413": "the body is too long",
    "415": "another kind of body",
    "422": "the input is not this model's",
    "500": "the model failed: apply the fail-safe",
    "503": "no decision within the ceiling: apply the fail-safe",
    "507": "no room for the model",
}
_ID: Final = {"type": "string", "maxLength": 128}
_DECISION: Final = {
    "type": "object",
    "required": ["defective", "score", "latency_ms", "model_version", "model_sha256"],
    "properties": {
        "defective": {"type": "boolean"},
        "score": _NUMBER,
        "latency_ms": {**_NUMBER, "description": "from the first byte of the request, as total_ms"},
        "model_version": _TEXT,
        "correlation_id": {"type": ["string", "null"]},
        "model_name": _TEXT,
        "model_sha256": _TEXT,
        "release_sha256": _TEXT,
        "defects": {"type": "array", "items": _TEXT},
        "parse_ms": _NUMBER,
        "queue_ms": _NUMBER,
        "infer_ms": _NUMBER,
        "total_ms": _NUMBER,
    },
}
_INFER: Final = {
    "type": "object",
    "required": ["tensor"],
    "properties": {
        "tensor": {"type": "array", "items": _NUMBER, "description": "flat, plane by plane"},
        "threshold": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
        "correlation_id": {"type": ["string", "null"], "maxLength": 128},
    },
}
_V2_TENSOR: Final = {
    "type": "object",
    "required": ["name", "shape", "datatype"],
    "properties": {
        "name": _TEXT,
        "shape": {"type": "array", "items": {"type": "integer"}},
        "datatype": _TEXT,
        "parameters": {"type": "object"},
        "data": {"type": "array"},
    },
}
_V2_REQUEST: Final = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": _ID,
        "inputs": {"type": "array", "items": _V2_TENSOR},
        "outputs": {
            "type": "array",
            "items": {"type": "object", "required": ["name"], "properties": {"name": _TEXT}},
        },
    },
}
_V2_ANSWER: Final = {
    "type": "object",
    "required": ["model_name", "model_version", "outputs"],
    "properties": {"model_name": _TEXT, "model_version": _TEXT, "outputs": {"type": "array", "items": _V2_TENSOR}},
}
RELOAD_BODY: Final = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "model_name": {"type": ["string", "null"], "minLength": 1, "maxLength": 128},
        "release_sha256": {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"},
        "mode": {"enum": ["serve", "shadow"]},
    },
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the answers without a decision, by their status."""
    return {status: {"description": _REFUSALS[str(status)], "content": _json(_ERROR)} for status in statuses}


def tensor_paths() -> dict[str, Any]:
    """Return the paths of requests for a decision."""
    model, version = _path_name("model"), _path_name("version")
    return {
        "/infer": {"post": _infer()},
        "/v2/models/{model}/infer": {"post": _v2("", [model])},
        "/v2/models/{model}/versions/{version}/infer": {"post": _v2("_of_version", [model, version])},
    }


def json_body(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the declaration of a JSON body."""
    return {"requestBody": {"required": True, "content": _json(schema)}}


def _infer() -> dict[str, Any]:
    names = {"X-Tensor-Dtype": _TEXT, "X-Tensor-Shape": _TEXT, "X-Correlation-Id": _ID}
    return {
        "summary": "Decide on one tensor or camera frame",
        "operationId": "infer",
        "parameters": [{"name": name, "in": "header", "schema": schema} for name, schema in names.items()],
        "requestBody": {
            "required": True,
            "content": {**_json(_INFER), "application/octet-stream": {"schema": _BYTES}},
        },
        "responses": {
            "200": {"description": "the decision", "content": _json(_DECISION)},
            **_by_text(413, 415, 422, 500, 503),
        },
    }


def _v2(suffix: str, path: list[dict[str, Any]]) -> dict[str, Any]:
    length = {
        "name": "Inference-Header-Content-Length",
        "in": "header",
        "schema": {"type": "integer", "minimum": 0},
    }
    return {
        "summary": "Open Inference Protocol: the scores of one tensor",
        "operationId": f"v2_infer{suffix}",
        "parameters": [*path, length],
        "requestBody": {
            "required": True,
            "content": {**_json(_V2_REQUEST), "application/octet-stream": {"schema": _BYTES}},
        },
        "responses": {
            "200": {
                "description": "the scores",
                "content": {**_json(_V2_ANSWER), "application/octet-stream": {"schema": _BYTES}},
            },
            **_by_text(404, 413, 422, 500, 503),
        },
    }


def _by_text(*statuses: int) -> dict[str, Any]:
    return {str(status): answer for status, answer in refusals(*statuses).items()}


def _path_name(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _TEXT}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
