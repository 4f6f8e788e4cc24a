import os
import socket
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

import pytest

from hilrig.core.companion import ProbeSpec
from hilrig.faults.companion_probe import AskUrl, asker

NS_PER_MS = 1_000_000


class Starter:
    """Starts processes; the real one adopts orphans, which a test's process must not."""

    def start(self, argv, **how):
        import subprocess

        return subprocess.Popen(argv, **how)

    def forget(self, process):
        assert process.returncode is not None


@contextmanager
def answering(*pieces, pause_s=0.0):
    """A service that answers every connection with these pieces, then closes."""

    def serve(listener):
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line:
                line.recv(4096)
                for piece in pieces:
                    try:
                        line.sendall(piece)
                    except OSError:
                        break
                    time.sleep(pause_s)

    listener = socket.create_server(("127.0.0.1", 0))
    Thread(target=serve, args=(listener,), daemon=True).start()
    with closing(listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/healthz"
        listener.shutdown(socket.SHUT_RDWR)


def ask(url, *, timeout_ms=2000):
    begin_ns = time.monotonic_ns()
    is_well = AskUrl(url)(deadline_ns=begin_ns + timeout_ms * NS_PER_MS)
    return is_well, (time.monotonic_ns() - begin_ns) / NS_PER_MS


@pytest.mark.parametrize("status", [b"200 OK", b"204 No Content", b"299 Odd"])
def test_a_service_that_answers_2xx_is_well(status):
    """Any success counts, with or without a body."""
    with answering(b"HTTP/1.1 " + status + b"\r\nX: y\r\n\r\nbody") as url:
        assert ask(url)[0]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 503 Unavailable\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: cut",
        b"\x00\xff" * 20_000,
        b"",
    ],
)
def test_any_other_answer_is_not_well(answer):
    """Errors, redirects, no HTTP, half a head, a flood and silence: none of them is health."""
    with answering(answer) as url:
        assert not ask(url)[0]


def test_nobody_there_is_not_well():
    """A refused connection is an answer at once."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    is_well, took_ms = ask(f"http://127.0.0.1:{port}/", timeout_ms=60_000)
    assert not is_well
    assert took_ms < 30_000


def test_a_byte_now_and_then_does_not_stretch_the_deadline():
    """The deadline is that of the whole answer, not of each byte."""
    with answering(*[b"H"] * 100, pause_s=0.05) as url:
        is_well, took_ms = ask(url, timeout_ms=200)
    assert not is_well
    assert 190 <= took_ms < 4000


def asked(folder, *argv, timeout_ms=5000):
    probe = ProbeSpec(argv=argv)
    ask_once = asker(probe, folder=folder, children=Starter(), environment=os.environ)
    return ask_once(deadline_ns=time.monotonic_ns() + timeout_ms * NS_PER_MS)


def test_a_command_is_well_when_it_exits_0(tmp_path):
    """The exit status is the answer; a program that is not there is none."""
    assert asked(tmp_path, "true")
    assert not asked(tmp_path, "false")
    assert not asked(tmp_path, "no-such-program-here")


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path):
    """At its deadline the whole session of a probe is gone, also when it ignores SIGTERM."""
    script = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(tmp_path / 'pids')!r}, 'a').write(f'{{os.fork()}} {{os.getpid()}} ')\n"
        "time.sleep(60)\n"
    )
    assert not asked(tmp_path, sys.executable, "-c", script, timeout_ms=1500)
    pids = {int(pid) for pid in (tmp_path / "pids").read_text().split()} - {0}
    assert len(pids) == 2
    for pid in pids:
        deadline_s = time.monotonic() + 60
        while Path(f"/proc/{pid}/exe").exists() and time.monotonic() < deadline_s:
            time.sleep(0.01)
        assert not Path(f"/proc/{pid}/exe").exists()
