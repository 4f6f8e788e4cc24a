"""Connections of the service: when a request began, how long a client may take, how many there may be."""

from asyncio import TimerHandle, Transport
from time import monotonic_ns
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hilrig.node.service.tensor_request import FIRST_BYTE

HEADERS_S: Final = 2.0
"""From a connection's or request's begin to the end of its headers: a client on the line needs one packet."""
CONNECTIONS_MAX: Final = 128
"""A station has a handful of clients; beyond, somebody hoards connections."""


class GuardedConnection(HttpToolsProtocol):
    """uvicorn's connection, with a stamp at each request's first byte and an end for those who send none."""

    _patience: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn narrows it
        """Take the connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()
            return
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._have_headers()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Stamp the request, before anything of it is parsed."""
        super().on_message_begin()
        state: dict[str, Any] = self.scope["state"]
        state[FIRST_BYTE] = monotonic_ns()
        if self._patience is None:
            self._await_headers()

    def on_headers_complete(self) -> None:
        """Let the request be answered."""
        self._have_headers()
        super().on_headers_complete()

    def _await_headers(self) -> None:
        self._patience = self.loop.call_later(HEADERS_S, self.transport.abort)

    def _have_headers(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
