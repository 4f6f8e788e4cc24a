"""Real companions, kept by the real process: nothing of them is left, however the run goes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import psutil
import pytest

from hilrig.config.noun_json import to_json
from hilrig.core.companion import CompanionSpec, ProbeSpec
from hilrig.core.errors import PreconditionError, RigLostError, RunAbortedError
from hilrig.faults.companion_journal import JOURNAL, read_journal
from hilrig.faults.companion_keeper import KeeperSetup
from hilrig.faults.companion_process import LOG_BYTES_MAX, MARK, end_marked
from hilrig.faults.companions import kept

pytestmark = pytest.mark.waiting

DAEMON = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
        time.sleep(300)
    os._exit(0)
open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
time.sleep(300)
"""
"""A companion that makes a daemon (a session of its own, orphaned), and with it ignores SIGTERM."""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def sync_agent(*, alone_s=0.5):
    port = free_port()
    return CompanionSpec(
        name="sync-agent",
        argv=("python3", "-m", "hilrig.faults.sync_agent", "--port", str(port), "--file-mib", "1"),
        probe=ProbeSpec(url=f"http://127.0.0.1:{port}/healthz", period_ms=20),
        alone_s=alone_s,
    )


def python(name, script, *arguments):
    return CompanionSpec(name=name, argv=("python3", "-c", script, *map(str, arguments)))


def setup(folder, *companions, run_id="run-1"):
    return KeeperSetup(
        run_id=run_id, run_dir=str(folder), profile_folder=str(folder), companions=companions, real_time=False
    )


def never():
    return False


def until(condition, *, seconds=60):
    deadline_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def together(folder, companion):
    return read_journal(folder, [companion])[0].together.answer_us


def exits(folder, companion):
    return read_journal(folder, [companion])[0].exits


def pids_in(path, n):
    until(lambda: path.exists() and len(path.read_text().split()) >= n)
    return [int(pid) for pid in path.read_text().split()]


def is_gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_companion_is_measured_alone_then_together(tmp_path):
    """Probes of both stretches are on the grid, well and apart; the log has what it printed."""
    companion = sync_agent()
    with kept(setup(tmp_path, companion)) as companions:
        companions.measure_alone(never)
        companions.go_together(never)
        until(lambda: len(together(tmp_path, companion)) >= 10)
    (record,) = read_journal(tmp_path, [companion])
    assert len(record.alone.t_ns) == 25
    assert len(record.together.t_ns) >= 10
    assert {b - a for a, b in zip(record.together.t_ns, record.together.t_ns[1:], strict=False)} == {20_000_000}
    assert record.alone.t_ns[-1] < record.together.t_ns[0] < record.kept_until_ns
    assert min(record.alone.answer_us + record.together.answer_us) > 0
    assert record.exits == ()
    assert "sync agent" in (tmp_path / "companion-sync-agent.log").read_text()


def test_one_that_does_not_start_is_told_with_its_last_words(tmp_path):
    """The run is refused, and the message says why."""
    broken = python("broken", "raise SystemExit('no such database')")
    with (
        pytest.raises(PreconditionError, match="broken ended by itself .* exit status 1; .*no such database"),
        kept(setup(tmp_path, sync_agent(), broken)) as companions,
    ):
        companions.measure_alone(never)


def test_a_service_that_is_not_there_is_refused(tmp_path):
    """One that hilrig does not start has to be well before the model runs."""
    absent = CompanionSpec(name="absent", probe=ProbeSpec(url=f"http://127.0.0.1:{free_port()}/", timeout_ms=100))
    script = "from hilrig.faults import companion_keeper as keeper; keeper.READY_S = 0.3; keeper.main()"
    started = subprocess.Popen(  # 30 s are too long for a test: the keeper is started here with a shorter time
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with started as process:
        process.stdin.write(to_json(setup(tmp_path, absent)) + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["message"] == "companion absent was not well within 0.3 s"


def test_an_end_in_mid_run_is_counted_and_not_mended(tmp_path):
    """Its exit has a moment and a status; it stays away, and its probes fail."""
    companion = sync_agent()
    with kept(setup(tmp_path, companion)) as companions:
        companions.measure_alone(never)
        companions.go_together(never)
        until(lambda: together(tmp_path, companion))
        killed_ns = time.monotonic_ns()
        agent = next(
            one for one in psutil.Process().children(recursive=True) if "hilrig.faults.sync_agent" in one.cmdline()
        )
        agent.kill()
        until(lambda: together(tmp_path, companion)[-1] == -1 and exits(tmp_path, companion))
    (record,) = read_journal(tmp_path, [companion])
    ((t_ns, status),) = record.exits
    assert status == -signal.SIGKILL
    assert 0 <= t_ns - killed_ns < 10_000_000_000
    assert record.together.answer_us[-1] == -1


def test_a_flood_of_output_does_not_fill_the_disk(tmp_path):
    """The log keeps the first MiB; the companion goes on."""
    flood = CompanionSpec(name="flood", argv=("yes", "a line of a companion that tells everything"))
    with kept(setup(tmp_path, flood)) as companions:
        companions.measure_alone(never)
        companions.go_together(never)
        until(lambda: (tmp_path / "companion-flood.log").stat().st_size == LOG_BYTES_MAX)
        time.sleep(0.3)
    assert (tmp_path / "companion-flood.log").stat().st_size == LOG_BYTES_MAX
    assert read_journal(tmp_path, [flood])[0].exits == ()


def test_a_daemon_that_ignores_sigterm_ends_with_the_run(tmp_path):
    """Neither a session of its own nor a deaf ear keeps anything alive."""
    with kept(setup(tmp_path, python("daemon", DAEMON, tmp_path / "pids"))) as companions:
        companions.measure_alone(never)
        pids = pids_in(tmp_path / "pids", 2)
        assert not any(map(is_gone, pids))
    assert all(map(is_gone, pids))


def run_of(tmp_path, companion):
    """Start a process that keeps a companion and then waits, as a run does."""
    script = (
        "import sys, time\n"
        "from hilrig.config.noun_json import from_json\n"
        "from hilrig.faults.companion_keeper import KeeperSetup\n"
        "from hilrig.faults.companions import kept\n"
        "with kept(from_json(KeeperSetup, sys.argv[1].encode(), what='')) as one:\n"
        "    one.measure_alone(lambda: False)\n"
        "    one.go_together(lambda: False)\n"
        "    time.sleep(300)\n"
    )
    return subprocess.Popen([sys.executable, "-c", script, to_json(setup(tmp_path, companion)).decode()])


def test_a_run_that_is_killed_takes_its_companions_with_it(tmp_path):
    """SIGKILL to the run: the keeper ends everything, and the journal is whole."""
    companion = python("daemon", DAEMON, tmp_path / "pids")
    run = run_of(tmp_path, companion)
    pids = pids_in(tmp_path / "pids", 2)
    until(lambda: b"kept" in (tmp_path / JOURNAL).read_bytes())
    run.kill()
    run.wait()
    until(lambda: all(map(is_gone, pids)))
    assert read_journal(tmp_path, [companion])[0].kept_until_ns > 0


def test_a_keeper_that_is_killed_takes_the_companions_with_it(tmp_path):
    """The kernel ends the companions, the run ends what they left behind, by its mark."""
    companion = python("daemon", DAEMON, tmp_path / "pids")
    with kept(setup(tmp_path, companion, run_id=tmp_path.name)) as companions:
        companions.measure_alone(never)
        pids = pids_in(tmp_path / "pids", 2)
        companions._process.kill()
        with pytest.raises(RigLostError, match="keeps the companions was lost"):
            companions.go_together(never)
    assert all(map(is_gone, pids))


def test_only_the_companions_of_this_run_are_ended():
    """A mark of another run, or one that only begins alike, is nobody's business."""
    other = subprocess.Popen(["sleep", "60"], env={**os.environ, MARK: "run-12"})
    try:
        assert end_marked("run-1") == []
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_stop_is_heeded_while_they_are_measured_alone(tmp_path):
    """The operator does not wait for the end of a measurement that nobody wants any more."""
    begin_s = time.monotonic()
    with (
        pytest.raises(RunAbortedError, match="no frame was offered"),
        kept(setup(tmp_path, sync_agent(alone_s=100))) as companions,
    ):
        companions.measure_alone(lambda: time.monotonic() - begin_s > 1.0)
    assert time.monotonic() - begin_s < 20


def test_signals_are_not_ignored_on_behalf_of_companions(tmp_path):
    """The keeper does not hear SIGTERM, the companions do: what is ignored would be inherited."""
    script = (
        "import signal, sys\n"
        "open(sys.argv[1], 'w').write(str(int(signal.getsignal(signal.SIGTERM))))\n"
        "signal.pause()\n"
    )
    with kept(setup(tmp_path, python("one", script, tmp_path / "told"))) as companions:
        companions.measure_alone(never)
        until(lambda: (tmp_path / "told").exists() and (tmp_path / "told").read_text())
        os.kill(companions._process.pid, signal.SIGTERM)
        companions.go_together(never)
    assert int((tmp_path / "told").read_text()) == signal.SIG_DFL


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'# HELP x y\nx{a="b"} 1\ny 2.5e3\n')

    def log_message(self, *_):
        pass


def test_the_metrics_scraper_scrapes_and_says_how_it_is(tmp_path):
    """Its health check tells how many samples the newest scrape had; it is well without a page, too."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    port, url = free_port(), f"http://127.0.0.1:{server.server_port}/metrics"
    command = [sys.executable, "-m", "hilrig.faults.metrics_scraper", "--url", url, "--port", str(port)]
    scraper = subprocess.Popen([*command, "--interval-ms", "50"], stdout=subprocess.DEVNULL)
    told = []

    def answer():
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
            told.append(page.read().decode())
        return told

    try:
        until(lambda: answer() and "2 samples" in told[-1])
        server.shutdown()
        server.server_close()
        until(lambda: answer() and "scrape failed" in told[-1])
    finally:
        scraper.kill()
        scraper.wait()
