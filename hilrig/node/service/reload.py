"""`POST /reload-model`: which release is meant, who may ask, what the answer is when it cannot be had."""

import asyncio
import hmac
from enum import Enum
from http import HTTPStatus
from typing import Any, Final

import msgspec

from hilrig.core.errors import HilrigError, PreconditionError, TrustError, UsageError
from hilrig.node.release_files import ReleaseFolder
from hilrig.node.service.body import Body, ClientGoneError, Receive
from hilrig.node.service.config import ServiceConfig
from hilrig.node.service.deadline import Deadline, DeadlinePassedError
from hilrig.node.service.json_request import decoded, refuse_other_media
from hilrig.node.service.refusal import Refusal, bad_request
from hilrig.node.service.serving import Serving, SupersededError
from hilrig.node.service.source import StoreSource
from hilrig.node.store_fault import RELEASE_REFUSED, StoreFault

RELOAD_BYTES_MAX: Final = 4096
_SHA256_DIGITS: Final = 64
BODY_S: Final = 2.0
"""For some hundred bytes: who takes longer hoards a connection."""
_OUT_OF_MEMORY: Final = (
    "SIGKILL",
    "MemoryError",
    "bad_alloc",
    "out of memory",
    "Failed to allocate",
    "Cannot allocate memory",
)
"""How a model ends that has no room beside the one that serves: by the kernel, Python, C++, CUDA, or unborn."""


class Mode(str, Enum):
    """What a release is loaded for."""

    SERVE = "serve"
    SHADOW = "shadow"


class ReloadRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The seed's `model_name`, or a release's digest; `mode` says whether it serves or is only compared."""

    model_name: str | None = None
    release_sha256: str | None = None
    mode: Mode = Mode.SERVE


class Reload:
    """Answers requests to load another model."""

    def __init__(self, serving: Serving, source: StoreSource, config: ServiceConfig) -> None:
        self._serving, self._source, self._config = serving, source, config

    async def __call__(self, headers: dict[bytes, bytes], receive: Receive) -> dict[str, Any]:
        """Return the answer once the model serves, or runs beside the one that does.

        Raises:
            Refusal: 401, 404, 408, 409, 413, 415, 422, 503 or 507; what served before serves on.
        """
        self._refuse_stranger(headers)
        refuse_other_media(headers.get(b"content-type", b""), b"application/json")
        asked: ReloadRequest = decoded(await _body(headers, receive), ReloadRequest)
        release = await self._found(asked)
        try:
            if asked.mode is Mode.SHADOW:
                await self._serving.show_to(release)
            else:
                await self._serving.serve(release)
        except SupersededError:
            raise Refusal(HTTPStatus.CONFLICT, "a newer request to load a model came meanwhile") from None
        except PreconditionError as error:
            raise _not_loaded(error) from None
        return {
            "status": "reloaded",
            "active_model": release.manifest.name,
            "model_version": release.manifest.version,
            "release_sha256": release.sha256,
            "mode": asked.mode.value,
        }

    async def _found(self, asked: ReloadRequest) -> ReleaseFolder:
        if (asked.model_name is None) == (asked.release_sha256 is None):
            raise bad_request("give either model_name or release_sha256", error_code="")
        try:
            name, sha256 = asked.model_name, asked.release_sha256
            if sha256 is None:
                sha256 = await self._serving.in_store(lambda: self._source.named(name or ""))
            if len(sha256) != _SHA256_DIGITS or not set(sha256) <= set("0123456789abcdef"):
                raise bad_request("release_sha256 must be 64 digits of lower-case hex", error_code="")
            wanted = sha256
            return await self._serving.in_store(lambda: self._source.open_release(wanted))
        except HilrigError as error:
            self._serving.log("service.reload_refused", error_code=_code(error), reason=error.message)
            raise _not_found(error) from None

    def _refuse_stranger(self, headers: dict[bytes, bytes]) -> None:
        expected = b"Bearer " + self._config.token.encode()
        if self._config.token and not hmac.compare_digest(headers.get(b"authorization", b""), expected):
            raise Refusal(HTTPStatus.UNAUTHORIZED, "a token is needed: Authorization: Bearer TOKEN", closes=True)


async def _body(headers: dict[bytes, bytes], receive: Receive) -> bytearray:
    try:
        with Deadline(asyncio.get_running_loop().time() + BODY_S):
            return await Body(receive, headers, max_bytes=RELOAD_BYTES_MAX).whole()
    except (DeadlinePassedError, ClientGoneError):
        raise Refusal(HTTPStatus.REQUEST_TIMEOUT, "the body did not come", closes=True) from None


def _code(error: HilrigError) -> str:
    if isinstance(error, StoreFault):
        return error.code
    return "HR-303" if isinstance(error, TrustError) else ""


def _not_found(error: HilrigError) -> Refusal:
    code = _code(error)
    if isinstance(error, UsageError):
        return Refusal(HTTPStatus.NOT_FOUND, "the store has no such release, or more than one of this name")
    if code == RELEASE_REFUSED:
        return Refusal(HTTPStatus.CONFLICT, "the release was rolled back here, or is too old", error_code=code)
    if code == "HR-303":
        return bad_request("the gate has not passed this release for this node", error_code=code)
    if code == "HR-101":
        return bad_request("a file of the release does not have its digest", error_code=code)
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the store cannot be read", error_code=code)


def _not_loaded(error: PreconditionError) -> Refusal:
    if any(words in error.message for words in _OUT_OF_MEMORY):
        return Refusal(
            HTTPStatus.INSUFFICIENT_STORAGE,
            "no room for this model beside the one that serves",
            error_code="HR-202",
        )
    return bad_request("the model did not load; the one before serves on", error_code="HR-202")
