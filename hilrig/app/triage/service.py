"""Asks a running service for triage: where it stands, how it has done."""

import json
from typing import Any, Final

from hilrig.core.errors import PreconditionError, UsageError
from hilrig.gate.playbooks.subject import ServiceSeen
from hilrig.target.http_connection import HttpConnection, read_url
from hilrig.target.outcome import FrameError

TIMEOUT_MS: Final = 5_000.0
"""A service that is overdue answers these at once: they pass no model."""


def read_service(url: str) -> ServiceSeen:
    """Return what a service says of itself.

    Raises:
        UsageError: the URL cannot be meant.
        PreconditionError: it does not answer, or no node's service answers there.
    """
    try:
        connection = HttpConnection(read_url(url.rstrip("/")), timeout_ms=TIMEOUT_MS)
    except ValueError as error:
        raise UsageError(f"{url!a} is no address of a service: {error}", hint="http://HOST:PORT") from error
    try:
        status = _asked(connection, "/node/status")
        if "ready" not in status:
            raise PreconditionError(f"{url} answers, but is no node's service", hint="hilrig node serve --help")
        return ServiceSeen(url=url, status=status, window=_window(connection))
    except FrameError as error:
        raise PreconditionError(
            f"the service does not answer: {error.message}", hint="systemctl status, hilrig triage STORE"
        ) from error
    finally:
        connection.close()


def _window(connection: HttpConnection) -> dict[str, Any] | None:
    try:
        return _asked(connection, "/node/window")
    except (FrameError, PreconditionError):
        return None  # of a service that counts nothing: the steps say so


def _asked(connection: HttpConnection, path: str) -> dict[str, Any]:
    body = connection.exchange("GET", path).body
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PreconditionError(f"{path} should answer JSON, found something else") from error
    if not isinstance(value, dict):
        raise PreconditionError(f"{path} should answer a JSON object, found {type(value).__name__}")
    return value
