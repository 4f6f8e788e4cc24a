"""What each address of the technician's page does, once a request has shown what it must."""

import os
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from importlib import resources
from pathlib import Path
from typing import Final

from hilrig.app.web import forms as web_forms
from hilrig.app.web.download import file_chunks, tar_bytes, tar_chunks, tar_parts
from hilrig.app.web.http import (
    EVENTS,
    JSON,
    REPORT_POLICY,
    RefusedError,
    Request,
    Response,
    json_response,
    refused_by,
)
from hilrig.app.web.session import Session, origin_matches
from hilrig.app.web.station import Station
from hilrig.core import files
from hilrig.core.errors import HilrigError
from hilrig.record.untrusted_file import open_untrusted

WRONG_TOKEN_DELAY_S: Final = 0.2
"""Not felt by a person; a guesser gets a hundred tries a second at most, of 2^256."""

_SCRIPT: Final = "text/javascript; charset=utf-8"
PAGE_FILES: Final = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    **{f"/{name}.js": (f"{name}.js", _SCRIPT) for name in ("page", "now", "live", "chart", "words")},
}
RUNS_PATH: Final = "/runs/"
REPORT_END: Final = "/report.html"
TAR_END: Final = ".tar"


class Routes:
    """Answers requests.

    Args:
        station: what the page shows and does.
        session: who may.
    """

    def __init__(self, station: Station, session: Session) -> None:
        self._station = station
        self._session = session
        self._reads: Mapping[str, Callable[[], Response]] = {
            "/api/station": lambda: json_response(station.description()),
            "/api/history": lambda: json_response(station.history()),
            "/api/live": lambda: Response(
                status=HTTPStatus.OK, content_type=EVENTS, body=station.events(), n_bytes=None
            ),
        }
        self._changes: Mapping[str, Callable[[bytes], Response]] = {
            "/api/queue/add": lambda body: json_response(station.add(web_forms.start_form(body))),
            "/api/queue/remove": lambda body: json_response(station.remove(web_forms.named(body, "entry"))),
            "/api/stop": lambda body: json_response(station.stop(web_forms.stop_form(body))),
            "/api/ticket": self._ticket,
        }

    def answer(self, request: Request) -> Response:
        """Return the answer to a request.

        Raises:
            RefusedError: it is not served.
        """
        self._refuse_foreign(request)
        try:
            return self._read(request) if request.method == "GET" else self._change(request)
        except HilrigError as error:
            raise refused_by(error) from error

    def _refuse_foreign(self, request: Request) -> None:
        host = request.headers.get("host", "")
        if not self._session.allows_host(host, local_address=request.local_address):
            raise RefusedError(
                HTTPStatus.FORBIDDEN,
                "this server is not known by that name",
                hint="hilrig serve --allow-host NAME",
            )
        if not origin_matches(request.headers.get("origin"), host=host):
            raise RefusedError(HTTPStatus.FORBIDDEN, "requests from other pages are refused")

    def _read(self, request: Request) -> Response:
        if request.path in PAGE_FILES:
            return _page_file(request.path)
        if request.path == "/healthz":
            return json_response({"ok": True})
        if request.path.startswith(RUNS_PATH) and self._session.ticket_holds(
            request.path, request.query.get("ticket", "")
        ):
            return self._from_run(request.path)
        self._require_token(request)
        if request.path.startswith(RUNS_PATH):
            return self._from_run(request.path)
        if request.path not in self._reads:
            raise _not_found()
        return self._reads[request.path]()

    def _change(self, request: Request) -> Response:
        self._require_token(request)
        if request.path not in self._changes:
            raise _not_found()
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"a request's body should be {JSON}")
        return self._changes[request.path](request.body)

    def _require_token(self, request: Request) -> None:
        if not self._session.knows(request.headers.get("authorization", "")):
            time.sleep(WRONG_TOKEN_DELAY_S)
            raise RefusedError(
                HTTPStatus.UNAUTHORIZED,
                "the token is missing or wrong",
                hint="open the address that hilrig serve printed when it was started",
            )

    def _ticket(self, body: bytes) -> Response:
        path = web_forms.named(body, "path")
        self._run_dir(path)
        return json_response({"address": f"{path}?ticket={self._session.ticket(path)}"})

    def _from_run(self, path: str) -> Response:
        run_dir = self._run_dir(path)
        return _report(run_dir) if path.endswith(REPORT_END) else _download(run_dir)

    def _run_dir(self, path: str) -> Path:
        """Return the directory that `/runs/NAME/report.html` or `/runs/NAME.tar` means."""
        for end in (REPORT_END, TAR_END):
            if path.startswith(RUNS_PATH) and path.endswith(end):
                return self._station.run_dir(path[len(RUNS_PATH) : -len(end)])
        raise _not_found()


def _page_file(path: str) -> Response:
    name, content_type = PAGE_FILES[path]
    data = (resources.files(__package__) / "static" / name).read_bytes()
    return Response(status=HTTPStatus.OK, content_type=content_type, body=(data,), n_bytes=len(data))


def _report(run_dir: Path) -> Response:
    file = open_untrusted(run_dir / files.REPORT_HTML)
    if file is None:
        raise RefusedError(HTTPStatus.NOT_FOUND, "this run has no report", hint=f"hilrig report {run_dir.name}")
    return Response(
        status=HTTPStatus.OK,
        content_type="text/html; charset=utf-8",
        body=file_chunks(file),
        n_bytes=os.fstat(file.fileno()).st_size,
        policy=REPORT_POLICY,
    )


def _download(run_dir: Path) -> Response:
    parts = tar_parts(run_dir)
    return Response(
        status=HTTPStatus.OK,
        content_type="application/x-tar",
        body=tar_chunks(parts),
        n_bytes=tar_bytes(parts),
        headers={"Content-Disposition": f'attachment; filename="{run_dir.name}.tar"'},
    )


def _not_found() -> RefusedError:
    return RefusedError(HTTPStatus.NOT_FOUND, "there is nothing at this address")
