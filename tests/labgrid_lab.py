"""A real labgrid lab on loopback: coordinator, exporter and a small PDU, all on ports of the kernel's choosing."""

import asyncio
import http.server
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

WAIT_S = 60.0  # until something is up or seen, on a loaded machine
LOAD = [sys.executable, "-c", "import signal; signal.pause()"]  # what is on or off: a process


class Pdu(http.server.ThreadingHTTPServer):
    """One outlet, as labgrid's `simplerest` speaks to it: `/0` is off, `/1` is on, `/` asks.

    The load is a real process: power off is SIGKILL, so a test sees whether it really went.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), PduHandler)
        self.load: subprocess.Popen[bytes] | None = None
        self.is_stuck = False  # says yes and does nothing, as a relay that is welded together
        self.hangs = threading.Event()  # set: no answer
        self.switched: list[str] = []
        self.switch("1")
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def is_on(self) -> bool:
        return self.load is not None and self.load.poll() is None

    def switch(self, value: str) -> None:
        self.switched.append(value)
        if value == "1" and not self.is_on:
            self.load = subprocess.Popen(LOAD)
        if value == "0" and not self.is_stuck:
            self.unplug()

    def unplug(self) -> None:
        if self.load is not None:
            self.load.kill()
            self.load.wait()
            self.load = None

    def close(self) -> None:
        self.hangs.clear()
        self.shutdown()
        self.server_close()
        self.unplug()


class PduHandler(http.server.BaseHTTPRequestHandler):
    server: Pdu

    def do_GET(self):
        deadline_s = time.monotonic() + WAIT_S
        while self.server.hangs.is_set() and time.monotonic() < deadline_s:
            time.sleep(0.05)
        value = self.path.strip("/")
        if value:
            self.server.switch(value)
        body = b"1" if self.server.is_on else b"0"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):  # whoever asked was ended meanwhile
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Lab:
    """A coordinator, exporters, and labgrid's own command line as another person would use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.coordinator: subprocess.Popen[bytes] | None = None
        self.exporters: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start_coordinator(self) -> None:
        """Start it; the first time on any port, later on the same one."""
        log = self.folder / "coordinator.log"
        with log.open("wb") as out:
            self.coordinator = subprocess.Popen(
                [_program("labgrid-coordinator"), "-l", self.address],
                cwd=self.folder,  # it keeps places.yaml in there
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        line = wait_for(lambda: _line(log, "listening on "), "the coordinator")
        self.port = int(line.rpartition(":")[2])

    def stop_coordinator(self) -> None:
        """Kill it, as a power cut does."""
        assert self.coordinator is not None
        self.coordinator.kill()
        self.coordinator.wait()

    def restart_coordinator(self) -> None:
        self.stop_coordinator()
        self.start_coordinator()

    def hang_coordinator(self) -> None:
        """Stop it in the middle: connections stand, nothing answers."""
        assert self.coordinator is not None
        self.coordinator.send_signal(signal.SIGSTOP)

    def start_exporter(self, name: str, resources: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        """Export resources (group -> class -> parameters) under an exporter's name; return when they are seen."""
        path = self.folder / f"{name}.yaml"
        path.write_text(_yaml(resources))
        with (self.folder / f"{name}.log").open("wb") as out:
            self.exporters[name] = subprocess.Popen(
                [
                    _program("labgrid-exporter"),
                    "-c",
                    self.address,
                    "-n",
                    name,
                    "--hostname",
                    "127.0.0.1",
                    str(path),
                ],
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        last = [f"{name}/{group}/{cls}" for group, found in resources.items() for cls in found][-1]
        wait_for(lambda: last in self.client("resources"), f"{last} in the coordinator")

    def stop_exporter(self, name: str) -> None:
        """Kill it; return when the coordinator has noticed."""
        process = self.exporters.pop(name)
        process.kill()
        process.wait()
        wait_for(lambda: f"{name}/" not in self.client("resources"), f"{name} gone")

    def add_place(self, name: str, *matches: str, **tags: str) -> None:
        self.client("-p", name, "create")
        for match in matches:
            self.client("-p", name, "add-match", match)
        if tags:
            self.client("-p", name, "set-tags", *(f"{key}={value}" for key, value in tags.items()))

    def write_place(self, name: str, exporter: str, group: str) -> None:
        """Write a place to where a coordinator finds it when it starts, as one does itself every 15 s."""
        place = {"aliases": [], "comment": "", "tags": {}, "created": 1.0, "changed": 1.0}
        match = {"exporter": exporter, "group": group, "cls": "*", "name": None, "rename": None}
        (self.folder / "places.yaml").write_text(json.dumps({name: {**place, "matches": [match]}}))

    def client(self, *arguments: str, who: str = "") -> str:
        """Do what `labgrid-client ARGUMENTS` does, as ourselves or as somebody else (host/user).

        Returns what it prints. It is labgrid's own client, in this process: to start one takes a second, and a
        test needs many. In a thread of its own, since a browser keeps an event loop going in the main one.
        """
        with ThreadPoolExecutor(max_workers=1) as threads:
            return threads.submit(self._client, arguments, who).result()

    def _client(self, arguments: tuple[str, ...], who: str) -> str:
        from labgrid.remote.client import get_parser, start_session

        asked = get_parser().parse_args([*arguments])
        host, _, user = who.partition("/")
        whom = {"LG_HOSTNAME": host, "LG_USERNAME": user} if who else {}
        printed = io.StringIO()
        with redirect_stdout(printed), patch.dict(os.environ, whom):
            extra = {"args": asked, "env": None, "role": None, "prog": "labgrid-client"}
            session = start_session(self.address, extra=extra)
            try:
                done = asked.func(session)
                if done is not None:
                    session.loop.run_until_complete(asyncio.wait_for(done, WAIT_S))
            finally:
                session.loop.run_until_complete(session.stop())
                session.loop.run_until_complete(session.close())
                session.loop.close()
        return printed.getvalue()

    def later(self, after_s: float, *arguments: str, who: str) -> threading.Timer:
        """Let another process run `labgrid-client ARGUMENTS` after some seconds; started, to be joined."""
        host, _, user = who.partition("/")
        command = [_program("labgrid-client"), "-x", self.address, *arguments]
        env = os.environ | {"LG_HOSTNAME": host, "LG_USERNAME": user}
        timer = threading.Timer(after_s, subprocess.run, [command], {"env": env, "timeout": WAIT_S, "check": True})
        timer.start()
        return timer

    def holder(self, place: str) -> str:
        """Return who labgrid's own client says holds a place: host/user, or None as text."""
        line = next(line for line in self.client("-p", place, "show").splitlines() if "acquired:" in line)
        return line.partition("acquired:")[2].strip()

    def close(self) -> None:
        """End everything; the coordinator first, so that no exporter waits for an answer."""
        for process in (self.coordinator, *self.exporters.values()):
            if process is not None:
                process.kill()
                process.wait()


@contextmanager
def running_lab(folder: Path) -> Iterator[Lab]:
    """Start a coordinator for a while; skip the test where labgrid is not installed."""
    folder.mkdir(parents=True, exist_ok=True)
    lab = Lab(folder)
    try:
        lab.start_coordinator()
        yield lab
    finally:
        lab.close()


def bench(*, port: int = 22, user: str = "hilrig", pdu: Pdu | None = None) -> dict[str, dict[str, Any]]:
    """Return the resources of one rig: its ssh address, and its outlet if it has one."""
    service = {"address": "127.0.0.1", "port": port, "username": user}
    if pdu is None:
        return {"NetworkService": service}
    host = f"http://127.0.0.1:{pdu.server_port}/{{value}}"
    return {"NetworkService": service, "NetworkPowerPort": {"model": "simplerest", "host": host, "index": 0}}


def wait_for(look, what: str):
    """Return the first answer that is true."""
    deadline_s = time.monotonic() + WAIT_S
    while time.monotonic() < deadline_s:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {WAIT_S:g} s for {what}")


def _program(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    program = str(beside) if beside.exists() else shutil.which(name)
    if program is None:
        pytest.skip(f"no {name} here: pip install 'hilrig[labgrid]'")
    return program


def _line(log: Path, beginning: str) -> str:
    return next((line for line in log.read_text().splitlines() if line.startswith(beginning)), "")


def _yaml(resources: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    lines = []
    for group, found in resources.items():
        lines.append(f"{group}:")
        for cls, params in found.items():
            lines += [f"  {cls}:", *(f"    {key}: {value!r}" for key, value in params.items())]
    return "\n".join(lines) + "\n"
