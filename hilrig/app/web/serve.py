"""Serve the technician's page of this rig until somebody ends it; runs that it has started go on."""

import ipaddress
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from hilrig.app.folders import lease_folder
from hilrig.app.live.stop import request_stop
from hilrig.app.live.view import look
from hilrig.app.run.request import RunRequest
from hilrig.app.web.detached import start
from hilrig.app.web.forms import StopForm
from hilrig.app.web.profiles import Profiles
from hilrig.app.web.queue import QueuedRun
from hilrig.app.web.routes import Routes
from hilrig.app.web.runs import Runs
from hilrig.app.web.server import WebServer
from hilrig.app.web.session import Session
from hilrig.app.web.station import Station
from hilrig.app.web.token import fresh_token, kept_token
from hilrig.core.clock import SystemClock
from hilrig.core.errors import PreconditionError, UsageError

NICENESS: Final = 19
"""The page takes what the measurement leaves."""

SLEEP_S: Final = 7 * 24 * 3600.0
"""From one waking without cause to the next: the standard library's loop would wake twice a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeRequest:
    """A page as asked for.

    Args:
        bind: the address to listen on, with its `port`; 0.0.0.0 is every one of this machine.
        profiles: the folder of profiles that may be started.
        reports: the folder of run directories.
        key: the private key that signs, with the file of its passphrase.
        rig_file: as for `hilrig run`.
        token_file: keeps the token from start to start; None makes a fresh one.
        allowed_hosts: names that the page may be called by, besides its address.
    """

    bind: str
    port: int
    profiles: Path
    reports: Path
    key: Path
    passphrase_file: Path | None
    rig_file: Path | None
    token_file: Path | None
    allowed_hosts: tuple[str, ...]

    @property
    def is_for_others(self) -> bool:
        """Return whether other machines can reach it."""
        return not ipaddress.ip_address(self.bind).is_loopback


def serve(request: ServeRequest, *, on_ready: Callable[[list[str]], None]) -> None:
    """Serve until a signal raises KeyboardInterrupt in this thread.

    Args:
        request: what to serve, and where.
        on_ready: called once, with the addresses that open the page; each holds the token.

    Raises:
        HilrigError: the address cannot be had, a folder or the key is missing, the token file is not private.
    """
    _refuse_missing(request)
    token = fresh_token() if request.token_file is None else kept_token(request.token_file)
    session = Session(token=token, allowed_hosts=request.allowed_hosts, clock=SystemClock())
    station = _station(request)
    try:
        with _listening(request, Routes(station, session)) as server:
            station.begin()  # its thread keeps the priority of now, which the runs it starts inherit
            os.nice(NICENESS)  # of this thread and those that it starts from here on (setpriority(2), Linux)
            on_ready(_addresses(request.bind, server.server_address[1], token))
            server.serve_forever(poll_interval=SLEEP_S)
    finally:
        station.close()


def _refuse_missing(request: ServeRequest) -> None:
    if not request.profiles.is_dir():
        raise UsageError(
            f"the folder of profiles {request.profiles} is missing", hint="name another with --profiles"
        )
    if not request.key.is_file():
        raise PreconditionError(f"the key {request.key} is missing", hint="hilrig keys new")
    try:
        request.reports.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PreconditionError(
            f"the reports folder {request.reports} cannot be made: {error.strerror}",
            hint="choose another folder with --reports",
        ) from error


def _station(request: ServeRequest) -> Station:
    clock = SystemClock()

    def start_queued(run: QueuedRun, profile: Path) -> Path:
        return start(_run_request(request, run, profile), on_status=lambda _: None)

    def stop_run(run_dir: Path, form: StopForm) -> None:
        request_stop(run_dir, by=form.operator, reason=form.reason, clock=clock)

    return Station(
        profiles=Profiles(request.profiles),
        runs=Runs(request.reports, look=lambda run_dir: look(run_dir, clock=clock)),
        reports=request.reports,
        lease_folder=lease_folder(),
        start=start_queued,
        stop=stop_run,
        clock=clock,
    )


def _run_request(request: ServeRequest, run: QueuedRun, profile: Path) -> RunRequest:
    return RunRequest(
        profile=profile,
        rig_file=request.rig_file,
        reports=request.reports,
        duration_s=run.duration_s,
        key=request.key,
        passphrase_file=request.passphrase_file,
        operator=run.operator,
        note=run.note,
        is_detached=True,
    )


def _listening(request: ServeRequest, routes: Routes) -> WebServer:
    try:
        return WebServer((request.bind, request.port), routes.answer)
    except OSError as error:
        raise UsageError(
            f"port {request.port} on {request.bind} cannot be had: {error.strerror}",
            hint="is another hilrig serve running? Otherwise name another --port",
        ) from error


def _addresses(bind: str, port: int, token: str) -> list[str]:
    address = ipaddress.ip_address(bind)
    if not address.is_unspecified:
        return [_url(bind, port, token)]
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
    of_machine = [one.address for cards in psutil.net_if_addrs().values() for one in cards if one.family == family]
    return [_url(one, port, token) for one in of_machine if "%" not in one]  # link-local needs a card's name


def _url(address: str, port: int, token: str) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{port}/#token={token}"
