"""The service's application: which path is answered by what. Nothing happens on import."""

import traceback
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.routing import Route

from hilrig import __version__
from hilrig.node.service import openapi
from hilrig.node.service.config import ServiceConfig
from hilrig.node.service.refusal import Refusal
from hilrig.node.service.reload import Reload
from hilrig.node.service.seed_form import SeedForm
from hilrig.node.service.serving import Serving
from hilrig.node.service.source import Release, StoreSource
from hilrig.node.service.standing import status_json, window_json
from hilrig.node.service.tensor_request import DecisionListener, TensorRequests
from hilrig.node.service.v2_form import V2Form, metadata, refuse_other_model

FAULT_CHARACTERS_MAX: Final = 500


def create_app(
    config: ServiceConfig,
    serving: Serving,
    source: StoreSource,
    *,
    listeners: tuple[DecisionListener, ...] = (),
) -> FastAPI:
    """Return the application; `serving` is started and closed by whoever made it."""
    app = FastAPI(
        title="hilrig inference service",
        version=__version__,
        docs_url=None,  # they load scripts from the internet
        redoc_url=None,
    )
    app.add_exception_handler(Refusal, _refused)  # type: ignore[arg-type] # narrower than Starlette's Exception
    app.add_exception_handler(Exception, Unexpected(serving))
    _add_health(app, serving)
    _add_node(app, serving, source)
    _add_reload(app, Reload(serving, source, config))
    _add_v2(app, serving)
    seed = TensorRequests(serving, config, form=SeedForm(config), listeners=listeners)
    v2 = TensorRequests(serving, config, form=V2Form(), listeners=listeners)
    app.router.routes.append(Route("/infer", seed, methods=["POST"]))
    app.router.routes.append(Route("/v2/models/{model}/infer", v2, methods=["POST"]))
    app.router.routes.append(Route("/v2/models/{model}/versions/{version}/infer", v2, methods=["POST"]))
    _document_tensors(app)
    return app


def _add_health(app: FastAPI, serving: Serving) -> None:
    @app.get("/livez")
    async def livez() -> dict[str, str]:
        """Say that the service's own loop runs, whatever the model does."""
        return {"status": "alive"}

    @app.get("/readyz", responses=openapi.refusals(503))
    async def readyz() -> dict[str, str]:
        """Say whether a model is loaded, warm and answering."""
        _ready(serving)
        return {"status": "ready"}

    @app.get("/healthz", responses=openapi.refusals(503))
    async def healthz() -> dict[str, str]:
        """Say the same with the model's name: the seed's path."""
        manifest = _ready(serving).manifest
        return {"status": "ok", "active_model": manifest.name, "model_version": manifest.version}


def _add_node(app: FastAPI, serving: Serving, source: StoreSource) -> None:
    @app.get("/node/status")
    async def status() -> dict[str, Any]:
        """Say which release serves, what the store has beside it."""
        return status_json(serving, await serving.in_store(source.status))

    @app.get("/node/window")
    async def window() -> dict[str, Any]:
        """Say how the model that serves has done since it began to."""
        return window_json(serving)


def _add_reload(app: FastAPI, reload: Reload) -> None:
    @app.post(
        "/reload-model",
        responses=openapi.refusals(401, 404, 408, 409, 413, 415, 422, 503, 507),
        openapi_extra=openapi.json_body(openapi.RELOAD_BODY),
    )
    async def reload_model(request: Request) -> JSONResponse:
        """Load a release of the store, then serve it, or compare it with the one that serves."""
        return JSONResponse(await reload(dict(request.scope["headers"]), request.receive))


def _add_v2(app: FastAPI, serving: Serving) -> None:
    @app.get("/v2")
    async def v2() -> dict[str, Any]:
        """Open Inference Protocol: say who answers."""
        return {"name": "hilrig", "version": __version__, "extensions": ["binary_tensor_data"]}

    @app.get("/v2/health/live")
    async def v2_live() -> dict[str, bool]:
        """Open Inference Protocol: as /livez."""
        return {"live": True}

    @app.get("/v2/health/ready", responses=openapi.refusals(503))
    async def v2_ready() -> dict[str, bool]:
        """Open Inference Protocol: as /readyz."""
        _ready(serving)
        return {"ready": True}

    answers = openapi.refusals(404, 503)

    @app.get("/v2/models/{model}", responses=answers)
    async def v2_model(model: str) -> dict[str, Any]:
        """Open Inference Protocol: say what the model takes and gives."""
        return metadata(_asked_for(serving, {"model": model}))

    @app.get("/v2/models/{model}/versions/{version}", responses=answers)
    async def v2_version(model: str, version: str) -> dict[str, Any]:
        """Open Inference Protocol: say the same of one version."""
        return metadata(_asked_for(serving, {"model": model, "version": version}))

    @app.get("/v2/models/{model}/ready", responses=answers)
    async def v2_model_ready(model: str) -> dict[str, Any]:
        """Open Inference Protocol: say whether this model serves."""
        return {"name": _asked_for(serving, {"model": model}).manifest.name, "ready": True}

    @app.get("/v2/models/{model}/versions/{version}/ready", responses=answers)
    async def v2_version_ready(model: str, version: str) -> dict[str, Any]:
        """Open Inference Protocol: say whether this version serves."""
        return {"name": _asked_for(serving, {"model": model, "version": version}).manifest.name, "ready": True}


def _ready(serving: Serving) -> Release:
    """Return what serves.

    Raises:
        Refusal: 503.
    """
    serving.admit()
    if serving.release is None:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "no model is loaded", error_code="HR-201")
    return serving.release


def _asked_for(serving: Serving, path: dict[str, str]) -> Release:
    release = _ready(serving)
    refuse_other_model(release, path)
    return release


async def _refused(request: Request, refusal: Refusal) -> Response:  # noqa: ARG001 - Starlette's form of a handler
    headers = {"connection": "close"} if refusal.closes else None
    return JSONResponse(refusal.as_json(), status_code=int(refusal.status), headers=headers)


class Unexpected:
    """Answers a request that met a fault of ours: the log says which, the first time that it comes."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._told: set[str] = set()

    async def __call__(self, request: Request, error: Exception) -> Response:
        """Log the fault, answer 500 without it."""
        where = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__} in {where.name}, line {where.lineno} of {Path(where.filename).name}"
        if said not in self._told:
            self._told.add(said)
            self._serving.log("service.fault", reason=f"{said}: {error}"[:FAULT_CHARACTERS_MAX])
        words = "the service failed on this request; apply the fail-safe"
        return await _refused(request, Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, words))


def _document_tensors(app: FastAPI) -> None:
    """Put the routes that FastAPI does not parse into its OpenAPI."""
    of_fastapi = app.openapi

    def whole() -> dict[str, Any]:
        document = of_fastapi()
        document["paths"].update(openapi.tensor_paths())
        return document

    app.openapi = whole  # type: ignore[method-assign] # FastAPI's own way to extend the document
