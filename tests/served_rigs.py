"""`hilrig serve` as tests talk to it: the server, and a rig on which a long run is measured."""

import http.client
import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from stations import write_station

WAIT_S = 60
ADDRESS = re.compile(r"http://(\S+):(\d+)/#token=(\S+)")


@dataclass
class Served:
    """A running `hilrig serve`."""

    bench: Any  # the fixture's
    process: subprocess.Popen[str]
    host: str
    port: int
    token: str

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/#token={self.token}"

    def call(self, method: str, path: str, value=None, *, token: str | None = "", **headers: str):
        """Ask as a program would; return the status and the JSON answer. Without a token when it is None."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=WAIT_S)
        named = {"Content-Type": "application/json"} if value is not None else {}
        named |= {} if token is None else {"Authorization": f"Bearer {token or self.token}"}
        named |= {name.replace("_", "-"): text for name, text in headers.items()}
        connection.request(method, path, body=None if value is None else json.dumps(value), headers=named)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, json.loads(text) if text.startswith((b"{", b"[")) else text

    def state(self) -> dict:
        """Return one look at the rig, from the stream that the page reads."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=WAIT_S)
        connection.request("GET", "/api/live", headers={"Authorization": f"Bearer {self.token}"})
        line = connection.getresponse().readline()
        connection.close()
        return json.loads(line.removeprefix(b"data: "))

    def wait_for(self, is_so, what: str) -> dict:
        """Return the first look that is as wanted."""
        deadline_s = time.monotonic() + WAIT_S
        while time.monotonic() < deadline_s:
            state = self.state()
            if is_so(state):
                return state
            time.sleep(0.2)
        raise AssertionError(f"{what}: {state}")

    def end(self, number: int = signal.SIGINT) -> str:
        """End the server; return what it said."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=WAIT_S)[0]


@contextmanager
def serving(bench, *more: str) -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = bench.start("serve", "--port", str(port), "--reports", "reports", *more, PYTHONUNBUFFERED="1")
    said = ""
    while not (match := ADDRESS.search(said)):
        line = process.stdout.readline()
        assert line, process.communicate()
        said += line
    served = Served(bench, process, match[1], int(match[2]), match[3])
    try:
        yield served
    finally:
        if process.poll() is None:
            served.end()


def server(bench):
    """Return what serves a bench with a short and a long profile."""
    write_station(bench.folder / "profiles/short", name="short-station", duration_s=2)
    write_station(bench.folder / "profiles/long", name="long-station", duration_s=180)
    return lambda *more: serving(bench, *more)


class Line:
    """A rig on which a long run is measured and a short one waits, for all tests that need one going on."""

    served: Served

    def __init__(self, bench, servers: ExitStack) -> None:
        self.bench = bench
        self.refused: list[dict] = []
        self._serve = server(bench)
        self._servers = servers
        self.restart()

    def restart(self) -> None:
        """Serve again, with the same token."""
        self.served = self._servers.enter_context(self._serve("--token-file", "token"))

    def start(self) -> None:
        """Ask for a refused, a long and a short run, and wait until the long one is measured."""
        for name, operator in (("wrong", "Eve"), ("long", "Ada"), ("short", "Bob")):
            self.served.call("POST", "/api/queue/add", {"profile": name, "operator": operator, "note": "next"})
        state = self.served.wait_for(lambda state: state["live"] and state["live"]["phase"] == "measure", "no run")
        self.refused = [run for run in state["queue"] if run["state"] == "refused"]
        for run in self.refused:
            self.served.call("POST", "/api/queue/remove", {"entry": run["entry_id"]})

    def run_pid(self) -> int:
        """Return the process of the run that is measured."""
        return json.loads((self.bench.run_dirs()[-1] / "status.json").read_bytes())["pid"]
