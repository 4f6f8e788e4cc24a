"""Addresses, and what a request must show."""

import io
import json
import tarfile
from http import HTTPStatus

import pytest

from hilrig.app.web import routes as web_routes
from hilrig.app.web.http import PAGE_POLICY, REPORT_POLICY, RefusedError, Request
from hilrig.app.web.routes import PAGE_FILES, Routes
from hilrig.app.web.session import Session
from web_pages import RUN, StationBench, write_finished, write_unfinished

TOKEN = "t" * 43
READS = ("/api/station", "/api/history", "/api/live")
CHANGES = ("/api/queue/add", "/api/queue/remove", "/api/stop", "/api/ticket")
START = {"profile": "weld", "operator": "Ada"}


class Page(StationBench):
    """A station behind its routes."""

    def __init__(self, folder) -> None:
        super().__init__(folder)
        session = Session(token=TOKEN, allowed_hosts=(), clock=self.clock)
        self.routes = Routes(self.station, session)

    def get(self, path, *, token=TOKEN, query=None, **headers):
        return self._call("GET", path, token, b"", query or {}, headers)

    def post(self, path, value, *, token=TOKEN, **headers):
        return self._call("POST", path, token, json.dumps(value).encode(), {}, headers)

    def _call(self, method, path, token, body, query, headers):
        known = {"host": "127.0.0.1:8787", "content-type": "application/json"}
        if token is not None:
            known["authorization"] = f"Bearer {token}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(
            method=method, path=path, query=query, headers=known | named, body=body, local_address="127.0.0.1"
        )
        return self.routes.answer(request)


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setattr(web_routes, "WRONG_TOKEN_DELAY_S", 0)  # it is against guessers, not against tests
    page = Page(tmp_path)
    yield page
    page.station.close()


def value(response):
    return json.loads(b"".join(response.body))


def refused(status):
    return pytest.raises(RefusedError, check=lambda error: error.status == status)


@pytest.mark.parametrize("path", [*PAGE_FILES, "/healthz"])
def test_the_page_itself_needs_no_token(page, path):
    """Its files hold nothing of this rig."""
    assert page.get(path, token=None).status == HTTPStatus.OK


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN[:-1]])
@pytest.mark.parametrize("path", [*READS, f"/runs/{RUN}/report.html", f"/runs/{RUN}.tar", "/api/nothing", "/x"])
def test_nothing_is_read_without_the_token(page, path, token):
    """Not even whether something exists."""
    write_finished(page.reports)
    with refused(HTTPStatus.UNAUTHORIZED):
        page.get(path, token=token)


@pytest.mark.parametrize("path", [*CHANGES, "/api/nothing", "/"])
def test_nothing_changes_without_the_token(page, path):
    """Whatever the body says."""
    with refused(HTTPStatus.UNAUTHORIZED):
        page.post(path, START, token=None)
    assert page.station.look()["queue"] == []


@pytest.mark.parametrize("path", [*PAGE_FILES, "/healthz", *READS])
def test_a_foreign_name_is_refused_even_with_the_token(page, path):
    """DNS rebinding: the browser believes that the foreign page's name is ours."""
    with refused(HTTPStatus.FORBIDDEN):
        page.get(path, host="evil.example:8787")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:8000", "http://localhost:8787"]
)
@pytest.mark.parametrize("path", CHANGES)
def test_a_foreign_page_is_refused_even_with_the_token(page, path, origin):
    """CSRF: another page's request, whatever it may have got hold of."""
    with refused(HTTPStatus.FORBIDDEN):
        page.post(path, START, origin=origin)


def test_our_own_page_is_served(page):
    """Its origin is the name it was called by."""
    page.post("/api/queue/add", START, origin="http://127.0.0.1:8787")
    assert len(page.station.look()["queue"]) == 1


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_only_json_changes_anything(page, kind):
    """What a plain form of a foreign page can send is never understood."""
    with refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE):
        page.post("/api/queue/add", START, content_type=kind)


def test_json_with_its_encoding_is_json(page):
    """`; charset=utf-8` says nothing new."""
    page.post("/api/queue/add", START, content_type="application/json; charset=utf-8")


@pytest.mark.parametrize("path", CHANGES)
def test_a_change_cannot_be_read_into_being(page, path):
    """A link does nothing."""
    with refused(HTTPStatus.NOT_FOUND):
        page.get(path)


def test_a_mistake_is_told_with_a_next_step(page):
    """The page shows both."""
    with pytest.raises(RefusedError) as caught:
        page.post("/api/queue/add", START | {"profile": "../weld"})
    assert (caught.value.status, caught.value.message) == (HTTPStatus.BAD_REQUEST, "there is no such profile")
    assert caught.value.hint


def test_a_run_is_queued_and_removed(page):
    """The answer names the entry."""
    entry = value(page.post("/api/queue/add", START | {"duration_s": 90, "note": "n"}))["entry"]
    (run,) = page.station.look()["queue"]
    assert (run["entry_id"], run["duration_s"], run["note"]) == (entry, 90, "n")
    page.post("/api/queue/remove", {"entry": entry})
    assert page.station.look()["queue"] == []


def test_only_the_run_that_goes_on_is_stopped(page):
    """A page that was left open must not stop the next one."""
    write_unfinished(page.reports)
    stop = {"run": RUN, "operator": "Ada", "reason": "smoke"}
    with refused(HTTPStatus.BAD_REQUEST):
        page.post("/api/stop", stop | {"run": "20261122T000000Z-weld-0a1b2c3d"})
    assert page.stopped == []
    page.post("/api/stop", stop)
    ((run_dir, form),) = page.stopped
    assert (run_dir.name, form.operator, form.reason) == (RUN, "Ada", "smoke")


def test_a_ticket_opens_a_report_and_nothing_else(page):
    """One path, no token needed; the same ticket opens neither the tar nor another run."""
    write_finished(page.reports)
    path = f"/runs/{RUN}/report.html"
    _, _, ticket = value(page.post("/api/ticket", {"path": path}))["address"].partition("?ticket=")
    opened = page.get(path, token=None, query={"ticket": ticket})
    assert b"".join(opened.body).endswith(b"report")
    for other in (f"/runs/{RUN}.tar", "/api/history"):
        with refused(HTTPStatus.UNAUTHORIZED):
            page.get(other, token=None, query={"ticket": ticket})


@pytest.mark.parametrize(
    "path", ["/api/history", "/", "/runs/x/report.html", f"/runs/{RUN}/result.json", f"/runs/../{RUN}/report.html"]
)
def test_there_are_tickets_for_reports_and_downloads_only(page, path):
    """Of runs that exist."""
    write_finished(page.reports)
    with pytest.raises(RefusedError):
        page.post("/api/ticket", {"path": path})


def test_a_report_is_served_in_a_sandbox(page):
    """A hostile report has no access to the page, its storage, the network."""
    write_finished(page.reports)
    policy = page.get(f"/runs/{RUN}/report.html").policy
    assert policy == REPORT_POLICY
    assert policy.startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in policy


def test_the_page_has_a_strict_policy(page):
    """Its own files, its own server."""
    policy = page.get("/").policy
    assert policy == PAGE_POLICY
    assert "unsafe" not in policy


def test_a_report_that_is_a_link_is_not_served(page):
    """It could point at a key."""
    folder = write_finished(page.reports)
    (folder / "report.html").unlink()
    (folder / "report.html").symlink_to("/etc/hostname")
    with pytest.raises(RefusedError, match="symbolic link"):
        page.get(f"/runs/{RUN}/report.html")


def test_a_missing_report_is_told(page):
    """With the command that makes one."""
    write_unfinished(page.reports)
    with refused(HTTPStatus.NOT_FOUND):
        page.get(f"/runs/{RUN}/report.html")


def test_a_download_is_a_tar_of_known_length(page, tmp_path):
    """Named after its run."""
    write_finished(page.reports)
    response = page.get(f"/runs/{RUN}.tar")
    data = b"".join(response.body)
    assert len(data) == response.n_bytes
    assert f'filename="{RUN}.tar"' in response.headers["Content-Disposition"]
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert f"{RUN}/result.json" in tar.getnames()


def test_the_history_is_given(page):
    """As JSON, the newest first."""
    write_finished(page.reports, status="FAIL")
    assert [row["status"] for row in value(page.get("/api/history"))] == ["FAIL"]


def test_profiles_are_given(page):
    """By the names that can be asked for."""
    assert [one["name"] for one in value(page.get("/api/station"))["profiles"]] == ["weld"]
