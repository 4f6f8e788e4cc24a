"""Asking the inference service: which model it runs, how that fares, to run another one."""

from typing import Any, Final

from hilrig.config.noun_json import from_json
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import RecordError
from hilrig.node.agent.errors import ServiceError
from hilrig.node.agent.window import ServiceWindow
from hilrig.target.http_connection import HttpConnection, read_url
from hilrig.target.outcome import FrameError

ASK_MS: Final = 2_000.0
LOAD_MS: Final = 120_000.0
"""A reload answers after loading and warming up; TensorRT may build an engine first."""


class ServiceClient:
    """One service.

    Args:
        url: `http://host:port`.
        token: that a reload needs; empty where the service asks for none.

    Raises:
        ValueError: the URL is of another form.
    """

    def __init__(self, url: str, *, token: str = "") -> None:
        self._url = read_url(url)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def require_alive(self) -> None:
        """Return when the service answers at all, with or without a model.

        Raises:
            ServiceError: it does not.
        """
        self._ask("GET", "/livez", timeout_ms=ASK_MS)

    def window(self) -> ServiceWindow:
        """Return what the service counted since its model began to serve.

        Raises:
            ServiceError: it does not answer, or not with a window.
        """
        data = self._ask("GET", "/node/window", timeout_ms=ASK_MS)
        try:
            return from_json(ServiceWindow, data, what=f"{self._url}/node/window")
        except RecordError as error:
            raise ServiceError(error.message, hint="is the service of this version?") from error

    def serve(self, release_sha256: str) -> None:
        """Have a release serve; returns when it does.

        Raises:
            ServiceError: the service keeps the one that it had.
        """
        self._reload(release_sha256, "serve")

    def shadow(self, release_sha256: str) -> None:
        """Have a release run beside the serving one.

        Raises:
            ServiceError: it does not.
        """
        self._reload(release_sha256, "shadow")

    def _reload(self, release_sha256: str, mode: str) -> None:
        body = canonical_json({"release_sha256": release_sha256, "mode": mode})
        self._ask("POST", "/reload-model", body=body, timeout_ms=LOAD_MS)

    def _ask(self, method: str, path: str, *, timeout_ms: float, body: bytes = b"") -> bytes:
        connection = HttpConnection(self._url, timeout_ms=timeout_ms)  # asked seldom: nothing is kept open
        headers: dict[str, Any] = {**self._headers, **({"Content-Type": "application/json"} if body else {})}
        try:
            return connection.exchange(method, path, body=body, headers=headers).body
        except FrameError as error:
            raise ServiceError(f"the service: {error.message}", hint="hilrig node serve, and its log") from error
        finally:
            connection.close()
