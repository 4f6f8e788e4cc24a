"""Reading the body of a request: into shared memory where it is a tensor, never more than is expected."""

from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from hilrig.node.service.refusal import Refusal, bad_request

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class ClientGoneError(Exception):
    """The connection ended before the body did: there is nobody to answer."""


class Body:
    """The body that is on its way.

    Args:
        receive: of the request.
        headers: of the request, names in lower case.
        max_bytes: more is refused, before anything is read where the request states its length.

    Raises:
        Refusal: 413, it is longer.
    """

    def __init__(self, receive: Receive, headers: dict[bytes, bytes], *, max_bytes: int) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._more = True
        self._left_over = b""
        self.n_read = 0
        stated = headers.get(b"content-length")
        self.stated_bytes = None if stated is None else int(stated)  # the parser lets digits through only
        if self.stated_bytes is not None and self.stated_bytes > max_bytes:
            raise self._too_long()

    async def whole(self) -> bytearray:
        """Return all of it.

        Raises:
            Refusal: 413.
            ClientGoneError: it broke off.
        """
        data = bytearray()
        while chunk := await self._chunk():
            data += chunk
        return data

    async def start(self, n_bytes: int) -> bytes:
        """Return its first bytes.

        Raises:
            Refusal: 413; or 422, it is shorter.
            ClientGoneError: it broke off.
        """
        data = bytearray()
        while len(data) < n_bytes:
            chunk = await self._chunk()
            if not chunk:
                raise bad_request("the body ends before its header does")
            data += chunk
        self._left_over = bytes(data[n_bytes:])
        return bytes(data[:n_bytes])

    async def rest_into(self, view: memoryview) -> None:
        """Write what is left of it to `view`, which it has to fill exactly.

        Raises:
            Refusal: 422, it is shorter or longer than `view`; or 413.
            ClientGoneError: it broke off.
        """
        at = 0
        while chunk := await self._chunk():
            end = at + len(chunk)
            if end > len(view):
                raise bad_request(f"expected a tensor of {len(view)} bytes, found more")
            view[at:end] = chunk
            at = end
        if at != len(view):
            raise bad_request(f"expected a tensor of {len(view)} bytes, found {at}")

    async def _chunk(self) -> bytes:
        """Return the next bytes; none at the end."""
        if self._left_over:
            left_over, self._left_over = self._left_over, b""
            return left_over
        while self._more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            self._more = message.get("more_body", False)
            chunk: bytes = message.get("body", b"")
            self.n_read += len(chunk)
            if self.n_read > self._max_bytes:
                raise self._too_long()
            if chunk:
                return chunk
        return b""

    def _too_long(self) -> Refusal:
        return Refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body may have {self._max_bytes} bytes at most", closes=True
        )
