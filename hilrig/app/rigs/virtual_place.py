"""A virtual rig as a labgrid place.

An exporter is told what it needs to know of it, and is given a power port that it can switch. labgrid starts
QEMU itself only where the test runs. Over a coordinator a rig is an address and an outlet: the outlet is a small
HTTP server in labgrid's model `simplerest`.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from hilrig.core.errors import HilrigError
from hilrig.core.rig import PowerState
from hilrig.core.rig_ports import PowerControl
from hilrig.rig.virtual.machine import LOOPBACK, VirtualMachine

EXPORTER: Final = """\
## A virtual rig for labgrid-exporter. The power port is there while `hilrig rigs virtual place` runs.
{name}:
  NetworkService:
    address: {host}
    port: {port}
    username: {user}
  NetworkPowerPort:
    model: simplerest
    host: '{url}'
    index: 0
"""
"""labgrid reads this as a Jinja2 template, in which a comment has two hash signs."""

_WORDS: Final = {PowerState.ON: "1", PowerState.OFF: "0"}
_TOKEN_BYTES: Final = 12


def exporter_text(machine: VirtualMachine, *, url: str) -> str:
    """Return the exporter's configuration; `url` is the power port's, with `{value}` in it."""
    return EXPORTER.format(name=machine.name, host=LOOPBACK, port=machine.port, user=machine.ssh.user, url=url)


@contextmanager
def power_port(power: PowerControl) -> Iterator[tuple[str, ThreadingHTTPServer]]:
    """Give the URL of a power port on loopback, and the server to run; nobody else guesses its path.

    `GET .../1` and `.../0` switch, `GET ...` answers 1 or 0.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)

    class Port(_PowerPort):
        control = power
        path_begin = f"/{token}"

    with ThreadingHTTPServer((LOOPBACK, 0), Port) as server:
        yield f"http://{LOOPBACK}:{server.server_address[1]}/{token}/{{value}}", server


class _PowerPort(BaseHTTPRequestHandler):
    control: PowerControl
    path_begin: str

    def do_GET(self) -> None:
        begin, action = self.path[: len(self.path_begin)], self.path[len(self.path_begin) :].strip("/")
        if begin != self.path_begin or action not in {"", "0", "1"}:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            self._answer(self._do(action))
        except HilrigError as error:
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR, explain=error.message)

    def log_message(self, *_words: object) -> None:
        """Keep the terminal for the person in front of it."""

    def _do(self, action: str) -> str:
        if action == "1":
            self.control.on()
        elif action == "0":
            self.control.off()
        return _WORDS[self.control.state()]

    def _answer(self, text: str) -> None:
        body = text.encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
