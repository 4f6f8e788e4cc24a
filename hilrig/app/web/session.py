"""Who may do what on the technician's page.

The page starts and stops machines, so this is its list of threats.

| threat | what stands against it |
|---|---|
| another user or device calls the API | without the token (256 bits) only the page's own files are given |
| the token leaks in a log or a history | it travels in the address's fragment and in a header, never in a path |
| a foreign page posts here (CSRF) | a header only our page can set; `Origin` equals `Host`; JSON; no cookies |
| DNS rebinding | the name in `Host` is the address called, localhost, or allowed by hand |
| guessing the token | constant-time comparison, constant work, a delay for each wrong one |
| a report that attacks the page | served in a sandbox: an origin of its own, no network, no forms |
| a link that is passed on | a ticket is for one path and sixty seconds, and reads only |
| a path that leaves the folder | no text of a client becomes a path: names are looked up in listings |
| a planted symbolic link | never followed: only regular files are opened |
| a client that is slow, large, or many | a deadline, a size limit, a limit on connections and on live streams |
| markup in names and notes | the page shows foreign text as text, and its CSP runs its own files only |
| somebody who listens on the network | not held off: HTTP is not encrypted, and `hilrig serve --bind` says so |
"""

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from hilrig.core.clock import Clock
from hilrig.core.units import NS_PER_S

TICKET_LIFE_S: Final = 60
"""Long enough for a browser to follow the link, too short to be worth passing on."""

_LOOPBACK_NAME: Final = "localhost"
_SCHEME: Final = "Bearer "
_TICKET: Final = re.compile(r"(?P<expiry_ns>[0-9]{1,20})\.(?P<seal>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What one running server trusts.

    Args:
        token: whoever knows it may read everything and change everything.
        allowed_hosts: names, without a port, that `Host` may carry besides the address itself.
        clock: tickets expire by its monotonic time.
    """

    token: str
    allowed_hosts: Sequence[str]
    clock: Clock
    _ticket_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def knows(self, authorization: str) -> bool:
        """Return whether an `Authorization` header carries the token; right and wrong ones take the same time."""
        given = authorization.removeprefix(_SCHEME) if authorization.startswith(_SCHEME) else ""
        return hmac.compare_digest(_digest(given), _digest(self.token))

    def allows_host(self, host: str, *, local_address: str) -> bool:
        """Return whether `Host` names this machine; any port will do, so that a tunnel works.

        Args:
            host: the header.
            local_address: the address that the connection came to.
        """
        name = _host_name(host)
        if name == _LOOPBACK_NAME:
            return ipaddress.ip_address(local_address).is_loopback
        return name == local_address or name in self.allowed_hosts

    def ticket(self, path: str) -> str:
        """Return what a link to `path` carries so that the browser may open it by itself, for sixty seconds."""
        expiry_ns = self.clock.monotonic_ns() + TICKET_LIFE_S * NS_PER_S
        return f"{expiry_ns}.{self._seal(path, expiry_ns)}"

    def ticket_holds(self, path: str, ticket: str) -> bool:
        """Return whether `ticket` was given for this very path, and not long ago."""
        match = _TICKET.fullmatch(ticket)
        if match is None:
            return False
        expiry_ns = int(match["expiry_ns"])
        is_sealed = hmac.compare_digest(match["seal"], self._seal(path, expiry_ns))
        return is_sealed and self.clock.monotonic_ns() < expiry_ns

    def _seal(self, path: str, expiry_ns: int) -> str:
        return hmac.new(self._ticket_key, f"{expiry_ns}\n{path}".encode(), hashlib.sha256).hexdigest()


def origin_matches(origin: str | None, *, host: str) -> bool:
    """Return whether a request comes from our own page, or from a program, which sends no `Origin`.

    https is for a proxy that encrypts: the name is the same, and the name is what was allowed.
    """
    return origin is None or origin in (f"http://{host}", f"https://{host}")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="surrogateescape")).digest()


def _host_name(host: str) -> str:
    """Return the name in a `Host` header without its port; of `[::1]:8787` that is `::1`."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
