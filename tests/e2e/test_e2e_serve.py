"""`hilrig serve` with a real browser, real runs and hostile neighbours."""

import http.client
import http.server
import json
import os
import signal
import tarfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from browsers import Browser
from served_rigs import WAIT_S, Line, Served, server
from stations import write_station

pytestmark = pytest.mark.waiting

HOSTILE = "</script><img src=x onerror=document.title='hacked'>\u202e"
REACH_STORAGE = "(() => { try { return sessionStorage.length } catch { return 'refused' } })()"
REACH_NETWORK = "fetch('/healthz').then(() => 'reached', () => 'refused')"


@pytest.fixture
def serve(bench):
    """Return a bench with a short and a long profile, and something that serves it."""
    return server(bench)


@pytest.fixture(scope="module")
def idle(new_bench) -> Iterator[Served]:
    """Return a server on which nothing ever runs: for all who must not get in."""
    with server(new_bench("idle"))("--allow-host", "rig-7.plant") as served:
        yield served


@pytest.fixture(scope="module")
def line(new_bench) -> Iterator[Line]:
    """Return the rig before its first run."""
    with ExitStack() as servers:
        made = Line(new_bench("line"), servers)
        more = "  resources: {gpu_memory_max_mb: 10}\n"
        write_station(made.bench.folder / "profiles/wrong", name="wrong-station", more=more)
        yield made
        _stop_all(made.served)


@pytest.fixture
def measuring(line: Line) -> Line:
    """Return the rig with its long run going on."""
    if line.served.state()["live"] is None:
        line.start()
    return line


@pytest.mark.long  # short: test_app_web_*
def test_a_technician_starts_watches_stops_and_takes_the_report(serve, bench, browser: Browser, tmp_path):
    """From the first look to a tar that verifies, with hostile text in every field."""
    with serve() as served, browser.open(served.url, offline=False, accept_downloads=True) as opened:
        page = opened.page
        page.wait_for_selector("#connection:has-text('live')")
        assert served.token not in page.url
        page.select_option("#profile", "long")
        page.fill("#operator", f"Ada {HOSTILE}")
        page.fill("#note", HOSTILE)
        page.click("#start-button")
        page.wait_for_selector("#headline:has-text('long-station: MEASURING')", timeout=WAIT_S * 1000)
        page.wait_for_selector("#about:has-text('Ada </script>')")
        page.wait_for_selector("#limits tr")
        page.click("#stop")
        page.fill("#stop-reason", f"smoke {HOSTILE}")
        page.click("#stop-confirm")
        page.wait_for_selector("button:has-text('Open the report')", timeout=WAIT_S * 1000)
        assert "INCONCLUSIVE" in page.inner_text("#history li:first-child")
        assert "Last run: INCONCLUSIVE" in page.inner_text("#verdict")
        _open_report(page)
        tar = _download(page, tmp_path)
        assert page.title() == "hilrig"
        assert opened.complaints == []
    _verify(bench, tar, tmp_path)
    (run_dir,) = bench.run_dirs()
    result = json.loads((run_dir / "result.json").read_bytes())
    assert result["ended_reason"].startswith("stopped by Ada </script>")
    assert "smoke" in result["ended_reason"]


def _open_report(page) -> None:
    """Open the report: in a tab of its own, in a sandbox, away from the page's token and the network."""
    with page.context.expect_page() as tab:
        page.click("button:has-text('Open the report')")
    report = tab.value
    report.wait_for_load_state()
    assert "long-station" in report.content()
    assert report.evaluate("origin") == "null"
    assert report.evaluate(REACH_STORAGE) == "refused"
    assert report.evaluate(REACH_NETWORK) == "refused"
    report.close()


def _download(page, tmp_path: Path) -> Path:
    with page.expect_download() as started:
        page.click("button:has-text('Download')")
    target = tmp_path / "run.tar"
    started.value.save_as(target)
    return target


def _verify(bench, tar: Path, tmp_path: Path) -> None:
    with tarfile.open(tar) as opened:
        opened.extractall(tmp_path / "unpacked", filter="data")
    (folder,) = (tmp_path / "unpacked").iterdir()
    verified = bench.call("verify", str(folder))
    assert verified.out.startswith("verified"), verified
    assert verified.code == 12, verified  # verified, and stopped by an operator


@pytest.mark.long  # short: test_e2e_report_accessible
def test_the_page_is_accessible(measuring: Line, browser: Browser):
    """No serious violation, in light and dark, on a tablet and on a telephone, before and while a run goes on."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is missing"
    ).Axe()

    def problems(page) -> list[str]:
        found = axe.run(page).response["violations"]
        return [one["id"] for one in found if one["impact"] in ("serious", "critical")]

    served = measuring.served
    for scheme, width in (("light", 1280), ("dark", 390)):
        view = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}, "bypass_csp": True}
        with browser.open(f"http://{served.host}:{served.port}/", offline=False, **view) as opened:
            page = opened.page
            assert problems(page) == []  # asking for the token
            page.fill("#token", served.token)
            page.keyboard.press("Enter")
            page.wait_for_selector("#connection:has-text('live')")
            page.wait_for_selector("#limits tr", timeout=WAIT_S * 1000)
            page.wait_for_selector("#queue li")
            assert problems(page) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.click("#stop")
            assert problems(page) == []


def _stop_all(served: Served) -> None:
    for run in served.state()["queue"]:
        served.call("POST", "/api/queue/remove", {"entry": run["entry_id"]})
    live = served.state()["live"]
    if live is not None:
        served.call("POST", "/api/stop", {"run": live["run_dir"], "operator": "Ada", "reason": "the test is over"})
    served.wait_for(lambda state: state["live"] is None, "the run has not ended")


@pytest.mark.long  # short: test_app_web_live
def test_a_run_that_is_stopped_dead_is_stale_in_big_letters(measuring: Line, browser: Browser):
    """No sign of life for five seconds: nobody takes the old numbers for new ones."""
    with browser.open(measuring.served.url, offline=False) as opened:
        run_pid = measuring.run_pid()
        os.kill(run_pid, signal.SIGSTOP)
        try:
            opened.page.wait_for_selector("#headline.stale:has-text('STALE')", timeout=WAIT_S * 1000)
        finally:
            os.kill(run_pid, signal.SIGCONT)


@pytest.mark.long  # short: test_app_web_starter
def test_a_run_has_the_priority_of_the_server_that_was_started(measuring: Line):
    """The page is nice, its runs are not: else they would be measured in the shadow of everything else."""
    assert os.getpriority(os.PRIO_PROCESS, measuring.served.process.pid) == 19
    assert os.getpriority(os.PRIO_PROCESS, measuring.run_pid()) == os.getpriority(os.PRIO_PROCESS, 0)


@pytest.mark.long  # short: test_app_web_queue
def test_a_refused_run_says_why_and_the_next_one_starts(measuring: Line):
    """A wrong profile does not hold the rig up."""
    (refused,) = measuring.refused
    assert (refused["profile_name"], refused["state"]) == ("wrong", "refused")
    assert refused["reason"]
    assert "/" not in refused["profile_name"]
    assert measuring.served.state()["live"]["profile_name"] == "long-station"


@pytest.mark.long  # short: test_app_web_queue
def test_runs_and_the_queue_outlive_the_server(measuring: Line):
    """Killed without a word and started again: the run went on, the queue is there and is worked off."""
    served = measuring.served
    before = served.wait_for(lambda state: state["held_by"], "nobody waits")
    n_before = len(measuring.bench.run_dirs())
    served.end(signal.SIGKILL)
    measuring.restart()
    again = measuring.served
    assert again.token == served.token
    state = again.wait_for(lambda state: state["held_by"], "nobody waits")
    assert state["live"]["run_id"] == before["live"]["run_id"]
    seen = before["live"]["n_offered"]
    state = again.wait_for(lambda state: state["live"]["n_offered"] > seen, "the run stands still")
    assert [(run["profile_name"], run["operator"]) for run in state["queue"]] == [("short", "Bob")]
    stop = {"run": state["live"]["run_dir"], "operator": "Ada", "reason": "enough"}
    assert again.call("POST", "/api/stop", stop)[0] == 200
    again.wait_for(lambda state: not state["queue"] and state["live"] is None, "the queue is not worked off")
    names = [run_dir.name for run_dir in measuring.bench.run_dirs()[n_before - 1 :]]
    assert [("long" in name, "short" in name) for name in names] == [(True, False), (False, True)]
    assert "runs go on" in again.end()
    measuring.restart()


def test_nothing_is_had_without_the_token(idle: Served, browser: Browser):
    """401, and the page asks for it."""
    for method, path, value in (
        ("GET", "/api/station", None),
        ("GET", "/api/live", None),
        ("POST", "/api/queue/add", {"profile": "short", "operator": "Eve"}),
        ("POST", "/api/stop", {"run": "x", "operator": "Eve", "reason": "x"}),
    ):
        assert idle.call(method, path, value, token=None)[0] == 401
        assert idle.call(method, path, value, token="wrong")[0] == 401
    assert idle.state()["queue"] == []
    with browser.open(f"http://{idle.host}:{idle.port}/", offline=False) as opened:
        opened.page.wait_for_selector("#entry:not([hidden])")
        opened.page.fill("#token", "wrong")
        opened.page.keyboard.press("Enter")
        opened.page.wait_for_selector("#connection:has-text('the token is missing or wrong')")
        opened.page.fill("#token", idle.token)
        opened.page.keyboard.press("Enter")
        opened.page.wait_for_selector("#connection:has-text('live')")


def test_a_foreign_name_is_refused(idle: Served):
    """DNS rebinding: the right token, the wrong name; --allow-host lets one name in."""
    hosts = {"evil.example": 403, f"evil.example:{idle.port}": 403, "rig-7.plant": 200}
    for host, status in hosts.items():
        assert idle.call("GET", "/api/station", Host=host)[0] == status


def test_a_foreign_page_changes_nothing(idle: Served, browser: Browser, tmp_path):
    """Another page in the same browser, even one that knows the token: forms, fetches and a frame do nothing."""
    with _foreign_site(tmp_path, idle) as site, browser.open(idle.url, offline=False) as opened:
        opened.page.wait_for_selector("#connection:has-text('live')")
        other = opened.page.context.new_page()
        other.goto(site)
        other.wait_for_function("document.title.startsWith('done')", timeout=WAIT_S * 1000)
        assert other.title() == "done refused refused refused refused"
        with other.expect_navigation():
            other.click("#post")
        assert "refused" in other.content()
    state = idle.state()
    assert state["queue"] == []
    assert state["live"] is None
    assert idle.bench.run_dirs() == []


@contextmanager
def _foreign_site(folder: Path, served: Served) -> Iterator[str]:
    """Serve a page of another origin that tries what it can; it even knows the token."""
    site = f"http://{served.host}:{served.port}"
    add = f"{site}/api/queue/add"
    body = json.dumps({"profile": "short", "operator": "Eve"})
    page = f"""<!doctype html><title>trying</title>
    <form method=post enctype=text/plain action="{add}">
      <input name='{{"profile":"short","operator":"Eve","note":"'
      value='"}}'><button id=post>go</button></form>
    <iframe src="{served.url}"></iframe>
    <script>
    const tried = [
      fetch("{add}", {{method: "POST", body: `{body}`, headers: {{"Content-Type": "text/plain"}}}}),
      fetch("{add}", {{method: "POST", body: `{body}`, headers: {{"Content-Type": "application/json",
        Authorization: "Bearer {served.token}"}}}}),
      fetch("{site}/api/station", {{headers: {{Authorization: "Bearer {served.token}"}}}}),
      fetch("{site}/healthz"),
    ];
    Promise.all(tried.map((one) => one.then(() => "reached", () => "refused")))
      .then((all) => {{ document.title = "done " + all.join(" "); }});
    </script>"""
    (folder / "site").mkdir()
    (folder / "site" / "index.html").write_text(page)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments, **named) -> None:
            super().__init__(*arguments, directory=str(folder / "site"), **named)

        def log_message(self, *arguments) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def test_a_page_comes_back_by_itself(serve, browser: Browser):
    """The server is gone: the page says so; it is back: the page is live again, without a hand."""
    with serve("--token-file", "token") as served, browser.open(served.url, offline=False) as opened:
        page = opened.page
        page.wait_for_selector("#connection:has-text('live')")
        served.end(signal.SIGKILL)
        page.wait_for_selector("#connection.lost:has-text('Connection lost')", timeout=WAIT_S * 1000)
        again = served.bench.start(
            "serve", "--port", str(served.port), "--reports", "reports", "--token-file", "token"
        )
        try:
            page.wait_for_selector("#connection:not(.lost):has-text('live')", timeout=WAIT_S * 1000)
        finally:
            again.send_signal(signal.SIGTERM)
            again.communicate(timeout=WAIT_S)


def test_a_taken_port_is_a_clear_error(idle: Served):
    """With the option to change."""
    called = idle.bench.call("serve", "--port", str(idle.port), "--reports", "other")
    assert called.code == 2
    assert f"port {idle.port}" in called.err
    assert "--port" in called.err
    called = idle.bench.call("serve", "--port", "8", "--reports", "reports")
    assert called.code == 2
    assert "another hilrig serve" in called.err


def test_a_bind_for_the_network_warns(serve):
    """In plain words, before anything else; and the addresses that it prints work."""
    with serve("--bind", "0.0.0.0") as served:
        assert served.call("GET", "/api/station")[0] == 200
        served.process.send_signal(signal.SIGINT)
        _, err = served.process.communicate(timeout=WAIT_S)
        assert "not encrypted" in err


@pytest.mark.parametrize("missing", ["profiles", "key"])
def test_what_is_missing_is_told_before_anything_is_served(bench, missing):
    """The message names it, and the way out."""
    if missing == "key":
        (bench.folder / "profiles").mkdir()
        (bench.folder / "home" / "keys" / "rig.pem").unlink()
    called = bench.call("serve")
    assert called.code in (2, 22), called
    assert missing in called.err
    assert "next: " in called.err
