"""An answer that is no decision. It never repeats what was sent, nor what a runtime said."""

from http import HTTPStatus
from typing import Any


class Refusal(Exception):  # noqa: N818 - an answer; nothing is wrong with the service
    """A request that gets no decision.

    Args:
        status: of HTTP.
        detail: for a person; fixed words and numbers of our own only.
        error_code: of `hilrig.core.error_codes`; empty where the request itself is at fault.
        closes: whether the connection ends with the answer, because a body is left that nobody will read.
    """

    def __init__(self, status: HTTPStatus, detail: str, *, error_code: str = "", closes: bool = False) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.error_code = error_code
        self.closes = closes

    def as_json(self) -> dict[str, Any]:
        """Return the body; `detail` is the seed's key, `error` that of the Open Inference Protocol."""
        return {"detail": self.detail, "error": self.detail, "error_code": self.error_code}


def bad_request(detail: str, *, error_code: str = "HR-204") -> Refusal:
    """Return the refusal of an input that is not this model's."""
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, detail, error_code=error_code)
