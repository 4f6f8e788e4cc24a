"""Requests of the technician's page with their answers, apart from sockets.

The headers that every answer carries are here too.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from hilrig.core.errors import HilrigError

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page runs its own files and talks to its own server, and nothing else."""

REPORT_POLICY: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""A report is one file with its own, narrower policy inside. The sandbox gives it an origin that nobody else has:
even a report that was made to attack can't reach the page, its token or the network."""

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What came in.

    Args:
        method: GET or POST.
        path: as sent, without the query; nothing is decoded.
        headers: by lower-case name; a name that came twice holds both, joined by a comma, and so fits nothing.
        local_address: the address that the connection came to.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    local_address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What goes out.

    Args:
        n_bytes: length of the body; None for a stream without end.
    """

    status: HTTPStatus
    content_type: str
    body: Iterable[bytes]
    n_bytes: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    policy: str = PAGE_POLICY


class RefusedError(Exception):
    """A request that is not served: its status, and for a person what is wrong and what to do."""

    def __init__(self, status: HTTPStatus, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.hint = hint


def json_response(value: Any, *, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return a JSON value as an answer."""
    data = json.dumps(value, allow_nan=False).encode()
    return Response(status=status, content_type=JSON, body=(data,), n_bytes=len(data))


def refusal(error: RefusedError) -> Response:
    """Return the answer to a refused request."""
    return json_response({"error": error.message, "hint": error.hint}, status=error.status)


def refused_by(error: HilrigError) -> RefusedError:
    """Return an error of hilrig as the refusal of a request."""
    return RefusedError(HTTPStatus.BAD_REQUEST, error.message, hint=error.hint)
